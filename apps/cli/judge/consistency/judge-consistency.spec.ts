import { describe, expect, it } from 'vitest';
import { tellFinal, tellHistory } from '../../../../test/histories/told-history.js';
import { judgeAtomicity } from './atomicity.js';
import { judgeConvergence } from './convergence.js';
import { fieldModels } from './field-model.js';
import { isClean, judgeConsistency } from './judge-consistency.js';

const both = (kind: 'read' | 'write', a: string | null, b: string | null) =>
  [
    { field: 'a', value: a },
    { field: 'b', value: b },
  ].map(({ field, value }) =>
    kind === 'read'
      ? { kind, field, input: null, output: value }
      : { kind, field, input: value, output: null },
  );

describe('a change of two registers', () => {
  it('is seen whole', () => {
    const told = tellHistory();
    told.together(both('write', 'a1', 'b1'));
    told.together(both('write', 'a2', 'b2'));
    told.together(both('read', 'a2', 'b2'));
    told.together(both('read', null, null));
    const judge = () => judgeAtomicity(told.operations, fieldModels(told.operations));
    expect(judge()).toEqual([]);
    told.together(both('read', 'a1', 'b2'));
    told.together(both('read', 'a1', null));
    expect(judge().map(({ rule }) => rule)).toEqual(['atomic-changes', 'atomic-changes']);
  });

  it('is not demanded of registers that are also written alone', () => {
    const told = tellHistory();
    told.together(both('write', 'a1', 'b1'));
    told.write('a2', { field: 'a' });
    told.together(both('read', 'a2', 'b1'));
    expect(judgeAtomicity(told.operations, fieldModels(told.operations))).toEqual([]);
  });
});

describe('the end of a run', () => {
  const seen = { 'us~1': 2 };

  it('is the same everywhere, and has every acknowledged write', () => {
    const told = tellHistory();
    told.write('one', { dot: 'us~1:0:2', seen });
    expect(
      judgeConvergence(
        told.operations,
        ['us', 'eu'].map((region) => tellFinal(region, 'one', { seen })),
      ),
    ).toEqual([]);
  });

  it('is broken by a value that differs, and by a write that a region lacks', () => {
    const told = tellHistory();
    told.write('one', { dot: 'us~1:0:2', seen });
    const finals = [tellFinal('us', 'one', { seen }), tellFinal('eu', null, { seen: { 'us~1': 1 } })];
    expect(judgeConvergence(told.operations, finals).map(({ rule }) => rule)).toEqual([
      'converged',
      'converged',
    ]);
  });
});

describe('a verdict', () => {
  const question = { level: 'session', regions: 3 } as const;

  it('tells every rule of its level, and is clean when none is broken', () => {
    const told = tellHistory();
    told.write('one', { session: 'a' });
    told.read('one', { session: 'a' });
    const verdict = judgeConsistency({ operations: told.operations, faults: [], finals: [] }, question);
    expect(verdict.operations).toBe(2);
    expect(verdict.broken).toMatchObject({ 'read-your-writes': 0, 'monotonic-reads': 0, staleness: 0 });
    expect(isClean(verdict)).toBe(true);
  });

  it('counts what is broken and gives examples', () => {
    const told = tellHistory();
    told.write('one', { session: 'a' });
    told.read(null, { session: 'a' });
    const verdict = judgeConsistency({ operations: told.operations, faults: [], finals: [] }, question);
    expect(isClean(verdict)).toBe(false);
    expect(verdict.broken['read-your-writes']).toBe(1);
    expect(verdict.examples[0]?.what).toContain('session a');
  });

  it('asks of an eventual run no more than its level promises', () => {
    const told = tellHistory();
    told.write('one', { session: 'a' });
    told.read(null, { session: 'a' });
    const history = { operations: told.operations, faults: [], finals: [] };
    expect(isClean(judgeConsistency(history, { level: 'eventual', regions: 3 }))).toBe(true);
  });
});
