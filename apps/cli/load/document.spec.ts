import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseDocument, readDocumentFile } from './document-file.js';
import { longestChain, replayBare, runsOf } from './document-plan.js';
import { InputError } from './input-file.js';

const file = fileURLToPath(new URL('../../../data/friendsforever.json.gz', import.meta.url));
const trace = await readDocumentFile(file);

const twoWriters = (txns: readonly unknown[]): string => JSON.stringify({ numAgents: 2, txns });

describe('the editing trace of two writers', () => {
  it('is read whole', () => {
    expect(trace.transactions).toHaveLength(26_078);
    expect(trace.transactions.at(-1)?.seen).toEqual([12_124, 13_954]);
  });

  it("ends in a bare yjs replay with the text that its writers had, when agent 0's client id is the smaller", () => {
    const replay = replayBare(trace, trace.transactions.length);
    expect(replay.text).toBe(trace.endContent);
    expect(replay.updates.every((update) => update !== undefined)).toBe(true);
  });

  it('takes 882 hops between the writers, and 255 for its first 6 000 transactions', () => {
    const whole = runsOf(trace, trace.transactions.length, 500);
    expect(longestChain(whole)).toBe(882);
    expect(whole.flatMap((run) => run.transactions).toSorted((a, b) => a - b)).toEqual(
      trace.transactions.map((_, index) => index),
    );
    const first = runsOf(trace, 6000, 500);
    expect(longestChain(first)).toBe(255);
    expect(Math.max(...first.map((run) => run.transactions.length))).toBeLessThanOrEqual(500);
  });

  it('has every run wait for the run that holds the last transaction its writer had seen of the other', () => {
    const runs = runsOf(trace, 6000, 500);
    const arrived: [Set<number>, Set<number>] = [new Set(), new Set()];
    for (const run of runs) {
      const other = run.agent === 0 ? 1 : 0;
      if (run.after !== undefined) {
        expect(runs[run.after]?.agent).toBe(other);
        arrived[run.agent].add(run.after);
      }
      const reached = Math.max(-1, ...arrived[run.agent]);
      const known = runs
        .filter((each, index) => each.agent === other && index <= reached)
        .reduce((count, each) => count + each.transactions.length, 0);
      for (const index of run.transactions) {
        expect(trace.transactions[index]?.seen[other]).toBeLessThanOrEqual(known);
      }
    }
  });

  it.each([
    ['text that is not JSON', 'hello', 'not JSON'],
    ['another object', '{"a":1}', 'a list "txns"'],
    ['three writers', '{"numAgents":3,"txns":[]}', '"numAgents": 2'],
    ['no transaction', twoWriters([]), 'is empty'],
    ['an unknown agent', twoWriters([{ agent: 2, parents: [], patches: [] }]), 'transaction 0: "agent"'],
    ['a parent that comes later', twoWriters([{ agent: 0, parents: [1], patches: [] }]), 'parent 1'],
    [
      'a patch of another shape',
      twoWriters([{ agent: 0, parents: [], patches: [[0, -1, '']] }]),
      'a patch must be',
    ],
    [
      'a writer who forgot',
      twoWriters([
        { agent: 0, parents: [], patches: [] },
        { agent: 0, parents: [], patches: [] },
      ]),
      'transaction 1: agent 0 has not seen its own',
    ],
  ])('is refused when it is %s', (_, text, message) => {
    expect(() => parseDocument(text, 'FILE')).toThrow(InputError);
    expect(() => parseDocument(text, 'FILE')).toThrow(message);
  });

  it('is refused when a patch reaches beyond the text', () => {
    const odd = parseDocument(twoWriters([{ agent: 0, parents: [], patches: [[5, 0, 'a']] }]), 'FILE');
    expect(() => replayBare(odd, 1)).toThrow('reaches beyond the text');
  });
});
