import { describe, expect, it } from 'vitest';
import { tellHistory, type TellHistory } from '../../../../test/histories/told-history.js';
import { fieldModels } from './field-model.js';
import { judgeValueOrder } from './value-order.js';

const rules = ({ operations }: TellHistory, scope: 'session' | 'causal' = 'session'): string[] =>
  judgeValueOrder(operations, fieldModels(operations), scope).map(({ rule }) => rule);

const [a, b] = [{ session: 'a' }, { session: 'b' }];

describe('sessions, judged by values', () => {
  it('accept that a session reads what it wrote, or what somebody wrote beside it', () => {
    const told = tellHistory();
    told.write('one', a);
    told.write('two', b);
    told.read('one', a);
    told.read('two', a);
    expect(rules(told)).toEqual([]);
  });

  it('find a session that does not read what it wrote', () => {
    const told = tellHistory();
    told.write('one', a);
    told.read(null, a);
    expect(rules(told)).toEqual(['read-your-writes']);
  });

  it('find a session that reads what it had overwritten', () => {
    const told = tellHistory();
    told.write('one', a);
    told.write('two', a);
    told.read('one', a);
    expect(rules(told)).toEqual(['read-your-writes']);
  });

  it('find a session that goes back to a value which the one that it had read replaced', () => {
    const told = tellHistory();
    told.write('one', a);
    told.write('two', a);
    told.read('two', b);
    told.read('one', b);
    expect(rules(told)).toEqual(['monotonic-reads']);
  });

  it('find a session that goes back to nothing', () => {
    const told = tellHistory();
    told.write('one', a);
    told.read('one', b);
    told.read(null, b);
    expect(rules(told)).toEqual(['monotonic-reads']);
  });

  it('find a write that is shown as older than what its writer had read', () => {
    const told = tellHistory();
    told.write('one', a);
    told.read('one', b);
    told.write('two', b);
    told.read('two', { session: 'c' });
    told.read('one', { session: 'c' });
    expect(rules(told)).toEqual(['monotonic-reads']);
  });

  it('promise nothing to operations without a token', () => {
    const told = tellHistory();
    told.write('one');
    told.read(null);
    expect(rules(told)).toEqual([]);
  });

  it('promise nothing about a write whose outcome nobody told, until it is seen', () => {
    const told = tellHistory();
    told.write('zero', a);
    told.write('one', { ...a, during: [3, null] });
    told.read('zero', a);
    told.read('one', a);
    expect(rules(told)).toEqual([]);
    told.read('zero', a);
    expect(rules(told)).toEqual([]);
  });

  it('judge each entity by itself', () => {
    const told = tellHistory();
    told.write('cause', a);
    told.read('cause', b);
    told.write('effect', { ...b, id: '2' });
    told.read('effect', { session: 'c', id: '2' });
    told.read(null, { session: 'c' });
    expect(rules(told)).toEqual([]);
    expect(rules(told, 'causal')).toEqual(['causal']);
  });
});

describe('causality, judged by values', () => {
  it('accepts a third party that sees the cause, or not yet the effect', () => {
    const told = tellHistory();
    told.write('cause', a);
    told.read('cause', b);
    told.write('effect', { ...b, id: '2' });
    told.read(null, { session: 'c', id: '2' });
    told.read(null, { session: 'c' });
    told.read('effect', { session: 'd', id: '2' });
    told.read('cause', { session: 'd' });
    expect(rules(told, 'causal')).toEqual([]);
  });

  it('follows a chain over several sessions and entities', () => {
    const told = tellHistory();
    told.write('one', a);
    told.write('two', { ...a, id: '2' });
    told.read('two', { ...b, id: '2' });
    told.write('three', { ...b, id: '3' });
    told.read('three', { session: 'c', id: '3' });
    told.read(null, { session: 'c' });
    expect(rules(told, 'causal')).toEqual(['causal']);
  });
});

describe('phantoms', () => {
  it('are values that nobody wrote, that were refused, or that were written later', () => {
    const told = tellHistory();
    told.write('known');
    told.read('invented');
    told.write('refused', { outcome: 'fail' });
    told.read('refused');
    told.read('later');
    told.write('later');
    expect(rules(told)).toEqual(['phantom', 'phantom', 'phantom']);
  });

  it('are not values of a write whose outcome is unknown', () => {
    const told = tellHistory();
    told.write('perhaps', { during: [1, null] });
    told.read('perhaps');
    expect(rules(told)).toEqual([]);
  });
});

describe('sets and counters, judged by values', () => {
  const add = (told: TellHistory, element: string, more: object) =>
    told.tell({ kind: 'add', input: element, output: null }, more);
  const remove = (told: TellHistory, element: string, more: object) =>
    told.tell({ kind: 'remove', input: element, output: null }, more);

  it('find an element that a session had added and misses, unless somebody removed it', () => {
    const told = tellHistory();
    add(told, 'tea', a);
    told.read([], a);
    expect(rules(told)).toEqual(['read-your-writes']);
    const removed = tellHistory();
    add(removed, 'tea', a);
    remove(removed, 'tea', b);
    removed.read([], a);
    expect(rules(removed)).toEqual([]);
  });

  it('find an element that comes back after its removal was seen', () => {
    const told = tellHistory();
    add(told, 'tea', a);
    remove(told, 'tea', a);
    told.read(['tea'], a);
    expect(rules(told)).toEqual(['read-your-writes']);
  });

  it('find an element that was seen and is gone', () => {
    const told = tellHistory();
    add(told, 'tea', a);
    told.read(['tea'], b);
    told.read([], b);
    expect(rules(told)).toEqual(['monotonic-reads']);
  });

  it('find a count below what the session itself had counted', () => {
    const told = tellHistory();
    told.tell({ kind: 'increment', input: 2, output: null }, a);
    told.tell({ kind: 'increment', input: 3, output: null }, a);
    told.read('5', a);
    told.read('4', a);
    expect(rules(told)).toEqual(['read-your-writes']);
  });
});
