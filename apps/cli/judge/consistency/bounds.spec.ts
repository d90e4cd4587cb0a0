import { describe, expect, it } from 'vitest';
import { tellFinal, tellHistory, type Told } from '../../../../test/histories/told-history.js';
import type { FinalLine } from '../history-line.js';
import { judgeBounds } from './bounds.js';
import { fieldModels } from './field-model.js';

/** A stock of ten units. */
function stock() {
  const told = tellHistory();
  const spend = (by: number, more: Told = {}) => told.tell({ kind: 'spend', input: by, output: true }, more);
  told.tell({ kind: 'increment', input: 10, output: null });
  const judge = (finals: readonly FinalLine[] = [], bounds = { min: 0 }): string[] =>
    judgeBounds(told.operations, finals, fieldModels(told.operations), bounds).map(({ rule }) => rule);
  return { told, spend, judge };
}

describe('a bounded counter', () => {
  it('may be spent to its bound', () => {
    const { told, spend, judge } = stock();
    spend(6);
    spend(4);
    told.tell({ kind: 'spend', input: 1, output: false }, { outcome: 'fail', error: 'insufficient_rights' });
    told.read('0');
    expect(judge([tellFinal('us', 0), tellFinal('eu', { value: 0, rightsHere: 0 })])).toEqual([]);
  });

  it('is oversold when more was acknowledged than there was, whoever sold it', () => {
    const { spend, judge } = stock();
    spend(6, { region: 'us' });
    spend(5, { region: 'eu' });
    expect(judge()).toEqual(['bounds']);
  });

  it('is oversold when the units came only later', () => {
    const { told, spend, judge } = stock();
    spend(11);
    told.tell({ kind: 'increment', input: 5, output: null });
    expect(judge()).toEqual(['bounds']);
  });

  it('is not, while an increase of unknown outcome may have come', () => {
    const { told, spend, judge } = stock();
    told.tell({ kind: 'increment', input: 5, output: null }, { during: [3, null] });
    spend(12);
    expect(judge([tellFinal('us', 3)])).toEqual([]);
    expect(judge([tellFinal('us', -2)])).toEqual(['bounds']);
    expect(judge([tellFinal('us', 4)])).toEqual(['bounds']);
  });

  it('is never shown out of bounds', () => {
    const { told, judge } = stock();
    told.read({ value: -1, rightsHere: 0 });
    expect(judge()).toEqual(['bounds']);
    expect(judge([], { min: -1 })).toEqual([]);
  });

  it('ends as the sum of what was acknowledged; transfers change nothing', () => {
    const { told, spend, judge } = stock();
    spend(3);
    told.tell({ kind: 'transfer', input: { to: 'eu', by: 4 }, output: null });
    expect(judge([tellFinal('us', 7)])).toEqual([]);
    expect(judge([tellFinal('us', 6)])).toEqual(['bounds']);
  });

  it('has a maximum too', () => {
    const { told } = stock();
    told.tell({ kind: 'increment', input: 1, output: null });
    told.tell({ kind: 'spend', input: 0, output: true });
    const models = fieldModels(told.operations);
    expect(judgeBounds(told.operations, [], models, { max: 11 })).toEqual([]);
    expect(judgeBounds(told.operations, [], models, { max: 10 })).toHaveLength(1);
  });
});
