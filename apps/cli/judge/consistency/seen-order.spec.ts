import { describe, expect, it } from 'vitest';
import { tellHistory, type TellHistory } from '../../../../test/histories/told-history.js';
import { judgeCausalBySeen, judgeContexts, judgeSessionsBySeen } from './seen-order.js';

const [a, b] = [{ session: 'a' }, { session: 'b' }];
const sessions = ({ operations }: TellHistory): string[] =>
  judgeSessionsBySeen(operations).map(({ rule }) => rule);

describe('sessions, judged by what answers have seen', () => {
  it('accept answers that cover what the session knew', () => {
    const told = tellHistory();
    told.write('one', { ...a, dot: 'us~1:0:1', seen: { 'us~1': 1 } });
    told.read('one', { ...a, seen: { 'us~1': 1 } });
    told.read('two', { ...a, seen: { 'us~1': 1, 'eu~1': 4 } });
    told.write('three', { ...a, dot: 'ap~1:0:2', seen: { 'us~1': 1, 'eu~1': 4, 'ap~1': 2 } });
    told.read(null, { ...b, seen: {} });
    told.read(null, { ...a, id: '2', seen: {} });
    expect(sessions(told)).toEqual([]);
  });

  it('find a read that has not seen its own write', () => {
    const told = tellHistory();
    told.write('one', { ...a, dot: 'us~1:0:3', seen: { 'us~1': 3 } });
    told.read(null, { ...a, seen: { 'us~1': 2 } });
    expect(sessions(told)).toEqual(['read-your-writes']);
  });

  it('find a read that has seen less than an earlier one', () => {
    const told = tellHistory();
    told.read('one', { ...a, seen: { 'us~1': 3 } });
    told.read('one', { ...a, seen: { 'eu~1': 3 } });
    expect(sessions(told)).toEqual(['monotonic-reads']);
  });

  it('find a write decided without the write, or the read, before it', () => {
    const told = tellHistory();
    told.write('one', { ...a, dot: 'us~1:0:3', seen: { 'us~1': 3 } });
    told.write('two', { ...a, dot: 'eu~1:0:1', seen: { 'eu~1': 1 } });
    expect(sessions(told)).toEqual(['monotonic-writes']);
    const other = tellHistory();
    other.read('one', { ...a, seen: { 'us~1': 3 } });
    other.write('two', { ...a, dot: 'eu~1:0:1', seen: { 'eu~1': 1 } });
    expect(sessions(other)).toEqual(['writes-follow-reads']);
  });
});

describe('what writes had seen', () => {
  it('is seen by whoever sees them', () => {
    const told = tellHistory();
    told.write('two', { dot: 'eu~1:0:1', seen: { 'us~1': 3, 'eu~1': 1 } });
    told.read('two', { seen: { 'us~1': 4, 'eu~1': 2 } });
    told.read(null, { seen: { 'us~1': 1 } });
    expect(judgeContexts(told.operations)).toEqual([]);
    told.read('two', { seen: { 'us~1': 2, 'eu~1': 2 } });
    expect(judgeContexts(told.operations).map(({ rule }) => rule)).toEqual(['writes-follow-reads']);
  });

  it('counts also for the writes before the last one seen', () => {
    const told = tellHistory();
    told.write('one', { dot: 'eu~1:0:1', seen: { 'us~1': 3, 'eu~1': 1 } });
    told.write('two', { dot: 'eu~1:0:2', seen: { 'eu~1': 2 } });
    expect(judgeContexts(told.operations)).toHaveLength(1);
  });
});

describe('causality, judged by what answers have seen', () => {
  const causal = ({ operations }: TellHistory): string[] =>
    judgeCausalBySeen(operations).map(({ rule }) => rule);

  const story = (): TellHistory => {
    const told = tellHistory();
    told.write('cause', { ...a, dot: 'us~1:0:1', seen: { 'us~1': 1 } });
    told.read('cause', { ...b, seen: { 'us~1': 1 } });
    told.write('effect', { ...b, id: '2', dot: 'eu~1:3:1', seen: { 'eu~1': 1 } });
    told.read('effect', { session: 'c', id: '2', seen: { 'eu~1': 1 } });
    return told;
  };

  it('accepts a reader of the effect that sees the cause', () => {
    const told = story();
    told.read('cause', { session: 'c', seen: { 'us~1': 1 } });
    told.read(null, { session: 'd', seen: {} });
    expect(causal(told)).toEqual([]);
  });

  it('finds a reader of the effect that does not', () => {
    const told = story();
    told.read(null, { session: 'c', seen: { 'eu~1': 7 } });
    expect(causal(told)).toEqual(['causal']);
  });

  it('finds it also when the reader has only written over the effect', () => {
    const told = story();
    told.write('on top', { session: 'd', id: '2', dot: 'ap~1:3:1', seen: { 'eu~1': 1, 'ap~1': 1 } });
    told.read(null, { session: 'd', seen: {} });
    expect(causal(told)).toEqual(['causal']);
  });
});
