import { describe, expect, it } from 'vitest';
import { tellHistory, type Told } from '../../../../test/histories/told-history.js';
import { judgeQuorum, judgeStaleness } from './freshness.js';

/** A write acknowledged after 10 ms, and a read that began 100 ms later and has not seen it. */
function missed(write: Told, read: Told) {
  const told = tellHistory();
  told.write('one', { during: [0, 10], dot: 'us~1:0:5', seen: { 'us~1': 5 }, ...write });
  told.read(null, { during: [110, 112], seen: { 'us~1': 4 }, ...read });
  return told.operations;
}

const staleness = (write: Told, read: Told): string[] =>
  judgeStaleness(missed(write, read)).map(({ rule }) => rule);

describe('the reported staleness', () => {
  it('may be above the truth, and never below', () => {
    expect(staleness({}, { stalenessMillis: 100 })).toEqual([]);
    expect(staleness({}, { stalenessMillis: 99 })).toEqual(['staleness']);
  });

  it('is not judged by writes that are seen, of unknown outcome, of other entities, or answered later', () => {
    expect(staleness({}, { stalenessMillis: 0, seen: { 'us~1': 5 } })).toEqual([]);
    expect(staleness({ outcome: 'unknown', dot: null }, { stalenessMillis: 0 })).toEqual([]);
    expect(staleness({ id: '2' }, { stalenessMillis: 0 })).toEqual([]);
    expect(staleness({ during: [0, 111] }, { stalenessMillis: 0 })).toEqual([]);
  });

  it('is not judged where none was reported', () => {
    expect(staleness({}, {})).toEqual([]);
  });
});

describe('a bounded read', () => {
  it('is no older than its bound', () => {
    const bounded = (millis: number): Told => ({ consistency: `bounded;max=${millis}ms;else=fetch` });
    expect(staleness({}, { ...bounded(100), stalenessMillis: 100 })).toEqual([]);
    expect(staleness({}, bounded(99))).toEqual(['bounded']);
  });
});

describe('a quorum read', () => {
  const quorum = (write: Told, regions = 3): string[] =>
    judgeQuorum(missed(write, { consistency: 'quorum' }), regions).map(({ rule }) => rule);

  it('misses nothing that a majority had acknowledged', () => {
    expect(quorum({ acks: 'majority' })).toEqual(['quorum']);
    expect(quorum({ acks: 'all' })).toEqual(['quorum']);
  });

  it('may miss what only its origin had acknowledged', () => {
    expect(quorum({ acks: 'local' })).toEqual([]);
  });

  it('takes one other region for a majority of three, and not of five', () => {
    expect(quorum({ acks: '1' })).toEqual(['quorum']);
    expect(quorum({ acks: '1' }, 5)).toEqual([]);
  });

  it('may miss a write that was acknowledged while it ran', () => {
    expect(quorum({ acks: 'majority', during: [0, 111] })).toEqual([]);
  });
});
