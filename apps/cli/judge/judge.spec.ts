import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Json } from '#core/json.js';
import type { HistoryLine, OperationKind, Outcome } from './history-line.js';
import { openJournal, readHistory, type Journal } from './journal.js';
import { judge, valueKey, type Evidence } from './judge.js';
import type { FinalValue, LoggedEvent } from './verdict.js';

const regions = ['us', 'eu'];
const journal = await openJournal('run', undefined);

interface Write {
  readonly kind: OperationKind;
  readonly field: string;
  readonly input: Json;
  readonly id?: string;
  readonly outcome?: Outcome;
}

let written = 0;

/** Writes with mutation ids m1, m2, … and dots us~1:0:1, us~1:0:2, … */
function history(
  ...writes: readonly Write[]
): Pick<Evidence, 'operations'> & { readonly logs: LoggedEvent[] } {
  const logs: LoggedEvent[] = [];
  const operations = writes.map((write) => {
    written += 1;
    const [mutationId, dot] = [`m${written}`, `us~1:0:${written}`];
    const outcome = write.outcome ?? 'ok';
    if (outcome === 'ok') {
      for (const region of regions) logs.push({ region, dot, mutationId, alias: false });
    }
    return line(journal, { ...write, outcome, mutationId, dot: outcome === 'ok' ? dot : null });
  });
  return { operations, logs };
}

function line(into: Journal, write: Write & { outcome: Outcome; mutationId: string; dot: string | null }) {
  return into.operation({
    ...write,
    type: 'product',
    id: write.id ?? 'tea',
    process: 1,
    session: null,
    region: 'us',
    output: null,
    invoked: '1',
    completed: '2',
    maxWaitMillis: null,
  });
}

function everywhere(field: string, value: Json, id = 'tea'): FinalValue[] {
  return regions.map((region) => ({ region, type: 'product', id, field, value }));
}

const increment = (by: number, outcome: Outcome = 'ok'): Write => ({
  kind: 'increment',
  field: 'sold',
  input: by,
  outcome,
});

describe('the judge of logs', () => {
  it('finds nothing when every acknowledged write is in every log once', () => {
    const verdict = judge({ regions, ...history(increment(3), increment(4)), finals: everywhere('sold', 7) });
    expect(verdict).toMatchObject({
      lostWrites: 0,
      doubleApplied: 0,
      phantoms: 0,
      differences: 0,
      findings: [],
    });
    expect(verdict.looked).toMatchObject({ acknowledged: 2, events: 4, values: 2 });
  });

  it('counts an acknowledged write that one region lacks as lost, once', () => {
    const run = history(increment(3), increment(4));
    const logs = run.logs.filter((event) => event.region === 'us' || event.dot !== run.operations[1]?.dot);
    const verdict = judge({ ...run, regions, logs, finals: everywhere('sold', 7) });
    expect(verdict).toMatchObject({ lostWrites: 1, doubleApplied: 0 });
    expect(verdict.findings[0]?.what).toContain('the log of eu lacks increment product/tea sold 4');
  });

  it('counts an acknowledged write as lost when its dot is gone, although a copy of its command is there', () => {
    const run = history(increment(3));
    const logs = run.logs.map((event) => ({ ...event, dot: 'eu~1:0:9' }));
    expect(judge({ ...run, regions, logs, finals: [] }).lostWrites).toBe(1);
  });

  it('counts a command of which a region counts two events as doubled, and not when one is an alias', () => {
    const run = history(increment(3));
    const copy = run.logs.map((event) => ({ ...event, dot: 'eu~1:0:9' }));
    expect(judge({ ...run, regions, logs: [...run.logs, ...copy], finals: [] }).doubleApplied).toBe(1);
    const aliases = copy.map((event) => ({ ...event, alias: true }));
    expect(judge({ ...run, regions, logs: [...run.logs, ...aliases], finals: [] })).toMatchObject({
      doubleApplied: 0,
      lostWrites: 0,
    });
  });

  it('counts a command of which every event is an alias as lost', () => {
    const run = history(increment(3));
    const logs = run.logs.map((event) => ({ ...event, alias: true }));
    expect(judge({ ...run, regions, logs, finals: [] }).lostWrites).toBe(1);
  });

  it('counts a dot that stands twice in one log as doubled', () => {
    const run = history(increment(3));
    expect(
      judge({ ...run, regions, logs: [...run.logs, ...run.logs.slice(0, 1)], finals: [] }).doubleApplied,
    ).toBe(1);
  });

  it('reports a command that was answered as failed and is stored all the same', () => {
    const failed = history(increment(3, 'fail'));
    const event = {
      region: 'us',
      dot: 'us~1:0:77',
      mutationId: failed.operations[0]?.mutationId ?? '',
      alias: false,
    };
    expect(judge({ ...failed, regions, logs: [event], finals: [] }).phantoms).toBe(1);
    expect(judge({ ...failed, regions, logs: [], finals: [] }).phantoms).toBe(0);
  });
});

describe('the judge of values', () => {
  it('demands the exact sum of acknowledged increments', () => {
    const run = history(increment(3), increment(4));
    expect(judge({ ...run, regions, finals: everywhere('sold', 6) })).toMatchObject({ lostWrites: 1 });
    expect(judge({ ...run, regions, finals: everywhere('sold', 8) })).toMatchObject({ doubleApplied: 1 });
  });

  it('counts from what was there before the run', () => {
    const before = new Map([[valueKey('product', 'tea', 'sold'), 100]]);
    const run = history(increment(3));
    expect(judge({ ...run, regions, before, finals: everywhere('sold', 103) })).toMatchObject({
      lostWrites: 0,
    });
    expect(judge({ ...run, regions, before, finals: everywhere('sold', 3) })).toMatchObject({
      lostWrites: 1,
    });
  });

  it('leaves open whether an increment of unknown outcome counts', () => {
    const run = history(increment(3), increment(4, 'unknown'), increment(-2, 'unknown'));
    for (const [read, lost, doubled] of [
      [0, 1, 0],
      [1, 0, 0],
      [7, 0, 0],
      [8, 0, 1],
    ] as const) {
      expect(judge({ ...run, regions, finals: everywhere('sold', read) })).toMatchObject({
        lostWrites: lost,
        doubleApplied: doubled,
      });
    }
  });

  it('ignores an increment that failed', () => {
    const run = history(increment(3), increment(4, 'fail'));
    expect(judge({ ...run, regions, finals: everywhere('sold', 7) }).doubleApplied).toBe(1);
  });

  it('does not judge the sum of a map entry that somebody removed', () => {
    const entry: Write = { kind: 'increment', field: 'lines/a%20b', input: 2 };
    const removal: Write = { kind: 'remove', field: 'lines', input: 'a b' };
    expect(judge({ ...history(entry), regions, finals: everywhere('lines/a%20b', null) }).lostWrites).toBe(1);
    expect(
      judge({ ...history(entry, removal), regions, finals: everywhere('lines/a%20b', null) }).lostWrites,
    ).toBe(0);
  });

  it('judges the entries of a map, and not the map as a whole', () => {
    const run = history({ kind: 'remove', field: 'lines', input: 'tea' });
    expect(judge({ ...run, regions, finals: everywhere('lines', { cup: 1 }) }).phantoms).toBe(0);
  });

  it('does not judge what a delete may have taken', () => {
    const run = history(increment(3), { kind: 'write', field: '*', input: null });
    expect(judge({ ...run, regions, finals: everywhere('sold', 0) }).lostWrites).toBe(0);
  });

  it('misses an added element that nobody removed', () => {
    const tags = (kind: OperationKind, input: string): Write => ({ kind, field: 'tags', input });
    const run = history(tags('add', 'new'), tags('add', 'old'), tags('remove', 'old'));
    expect(judge({ ...run, regions, finals: everywhere('tags', ['new']) })).toMatchObject({ lostWrites: 0 });
    expect(judge({ ...run, regions, finals: everywhere('tags', ['old']) })).toMatchObject({ lostWrites: 1 });
  });

  it('wonders at a register that reads what nobody wrote, and takes siblings one by one', () => {
    const run = history(
      { kind: 'write', field: 'slot', input: '10:00' },
      { kind: 'write', field: 'slot', input: '11:00' },
    );
    const read = (value: Json) => judge({ ...run, regions, finals: everywhere('slot', value) }).phantoms;
    expect(read('10:00')).toBe(0);
    expect(read({ siblings: ['10:00', '11:00'] })).toBe(0);
    expect(read('12:00')).toBe(1);
    expect(read({ siblings: ['10:00', '12:00'] })).toBe(1);
  });

  it('reports fields that two regions read differently', () => {
    const finals = everywhere('sold', 3).map((final, index) => ({ ...final, value: index }));
    expect(judge({ operations: [], logs: undefined, regions, finals })).toMatchObject({ differences: 1 });
  });

  it('does not mind in which order an answer lists the keys of an object', () => {
    const [one, other] = everywhere('lines', null);
    const finals = [
      { ...one, value: { a: 1, b: { c: 2, d: 3 } } },
      { ...other, value: { b: { d: 3, c: 2 }, a: 1 } },
    ] as FinalValue[];
    expect(judge({ operations: [], logs: undefined, regions, finals })).toMatchObject({ differences: 0 });
  });
});

describe('the journal', () => {
  it('reads back from its file what was written, one line each', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'atoll-journal-'));
    const path = join(directory, 'history.jsonl');
    const kept = await openJournal('tour', path);
    const operation = line(kept, { ...increment(1), outcome: 'ok', mutationId: 'm', dot: 'us~1:0:1' });
    kept.fault('cut', 'us-ap', 'both ways');
    kept.final({ region: 'us', type: 'product', id: 'tea', field: 'sold', value: 1, seen: { 'us~1': 1 } });
    await kept.close();
    const lines: HistoryLine[] = [];
    for await (const each of readHistory(path)) lines.push(each);
    expect(lines[0]).toEqual(operation);
    expect(lines[1]).toMatchObject({ run: 'tour', fault: 'cut', target: 'us-ap' });
    expect(lines[2]).toMatchObject({ final: true, value: 1 });
    await rm(directory, { recursive: true });
  });
});
