import { describe, expect, it } from 'vitest';
import { majorityOf } from '../consistency/acks.js';
import { noEpoch, type Epoch } from './epoch.js';
import { firstMembership } from './membership.js';
import {
  ackOf,
  candidacy,
  decidedBy,
  homeEpoch,
  isConfirmed,
  isServing,
  mayOpen,
  noStrongRecord,
  promise,
  storeOpening,
  wouldPromise,
  type Ack,
} from './promises.js';
import { noPosition, type Opening } from './strong-chain.js';

const members = ['us', 'eu', 'ap'];
const known = firstMembership(members);
const epoch = (counter: number): Epoch => ({ membership: 1, counter });
const first: Opening = { epoch: epoch(1), home: 'us~1', seq: 1, previous: noEpoch, close: 0 };
const second: Opening = { epoch: epoch(2), home: 'eu~1', seq: 5, previous: epoch(1), close: 8 };
const stores =
  (seqs: Readonly<Record<string, number>>) =>
  (actor: string): number =>
    seqs[actor] ?? 0;
const nothing = stores({});
const ack = (promised: number, counter: number, seq: number): Ack => ({
  promised: epoch(promised),
  position: { epoch: epoch(counter), seq },
});

describe('a promise', () => {
  it('is given only to an epoch strictly above every earlier one', () => {
    const given = promise(noStrongRecord, epoch(2), nothing);
    expect(given).toMatchObject({ kind: 'granted', record: { promised: epoch(2) }, position: noPosition });
    const { record } = given as Extract<typeof given, { kind: 'granted' }>;
    expect(promise(record, epoch(2), nothing)).toEqual({ kind: 'refused', promised: epoch(2) });
    expect(promise(record, epoch(1), nothing)).toEqual({ kind: 'refused', promised: epoch(2) });
    expect(promise(record, epoch(3), nothing).kind).toBe('granted');
  });

  it('puts a later membership above any counter of an earlier one', () => {
    const record = { ...noStrongRecord, promised: epoch(900) };
    expect(promise(record, { membership: 2, counter: 1 }, nothing).kind).toBe('granted');
  });

  it('answers what is held, and storing an opening promises its epoch', () => {
    const record = storeOpening(noStrongRecord, first);
    expect(record.promised).toEqual(epoch(1));
    expect(promise(record, epoch(2), stores({ 'us~1': 8 }))).toMatchObject({
      position: { epoch: epoch(1), seq: 8 },
    });
    expect(storeOpening({ ...record, promised: epoch(7) }, second).promised).toEqual(epoch(7));
  });

  it('would not be given while a home is heard, nor to an epoch that is not above', () => {
    expect(wouldPromise(noStrongRecord, epoch(1), false)).toBe(true);
    expect(wouldPromise(noStrongRecord, epoch(1), true)).toBe(false);
    expect(wouldPromise({ ...noStrongRecord, promised: epoch(1) }, epoch(1), false)).toBe(false);
  });
});

describe('a majority', () => {
  it('is more than half, and of two both', () => {
    expect([1, 2, 3, 4, 5].map(majorityOf)).toEqual([1, 2, 2, 3, 3]);
  });

  it('counts a member once, and nobody from outside', () => {
    const said = new Map([
      ['us', noPosition],
      ['mars', noPosition],
    ]);
    expect(candidacy(said, known, 1).kind).toBe('waiting');
    expect(candidacy(said.set('ap', noPosition), known, 1).kind).toBe('chosen');
  });
});

describe('a target', () => {
  it('adopts the greatest position among its promises: by epoch, then by seq', () => {
    const positions = new Map([
      ['us', { epoch: epoch(1), seq: 900 }],
      ['eu', { epoch: epoch(2), seq: 3 }],
    ]);
    expect(candidacy(positions, known, 1)).toEqual({ kind: 'chosen', adopt: { epoch: epoch(2), seq: 3 } });
  });

  it('opens once, while its own row promises the epoch, and only when it holds what it adopted', () => {
    const record = { ...storeOpening(noStrongRecord, first), promised: epoch(2) };
    const standing = { epoch: epoch(2), adopted: { epoch: epoch(1), seq: 8 } };
    expect(mayOpen(record, standing, stores({ 'us~1': 7 }))).toBe(false);
    expect(mayOpen(record, standing, stores({ 'us~1': 8 }))).toBe(true);
    expect(mayOpen({ ...record, promised: epoch(3) }, standing, stores({ 'us~1': 8 }))).toBe(false);
    const opened = storeOpening(record, second);
    expect(mayOpen(opened, standing, stores({ 'us~1': 8, 'eu~1': 5 }))).toBe(false);
  });
});

describe('an event', () => {
  it('is decided when acks of a majority reach it', () => {
    const acks = new Map([
      ['us', ack(1, 1, 9)],
      ['eu', ack(1, 1, 4)],
    ]);
    expect(decidedBy(first, acks, members)).toEqual({ epoch: epoch(1), seq: 4 });
    expect(decidedBy(first, new Map(acks).set('ap', ack(1, 1, 6)), members)).toEqual({
      epoch: epoch(1),
      seq: 6,
    });
  });

  it('gets no ack from who has promised more, although it stores the event', () => {
    const acks = new Map([
      ['us', ack(1, 1, 9)],
      ['eu', ack(2, 1, 9)],
      ['ap', ack(2, 1, 9)],
    ]);
    expect(decidedBy(first, acks, members)).toBeUndefined();
  });

  it('of an earlier epoch is never decided by count: only the opening of this one decides it', () => {
    const acks = new Map([
      ['eu', ack(2, 2, 5)],
      ['ap', ack(2, 1, 8)],
    ]);
    expect(decidedBy(second, acks, members)).toBeUndefined();
    expect(decidedBy(second, acks.set('us', ack(2, 2, 5)), members)).toEqual({ epoch: epoch(2), seq: 5 });
  });

  it('needs both members of two', () => {
    const both = ['us', 'eu'];
    const acks = new Map([['us', ack(1, 1, 3)]]);
    expect(decidedBy(first, acks, both)).toBeUndefined();
    expect(decidedBy(first, acks.set('eu', ack(1, 1, 2)), both)).toEqual({ epoch: epoch(1), seq: 2 });
  });

  it('is not decided before its opening is', () => {
    expect(decidedBy({ ...first, seq: 5 }, new Map([['us', ack(1, 1, 4)]]), ['us'])).toBeUndefined();
  });
});

describe('a member', () => {
  it('acknowledges a position only with its tail', () => {
    const record = storeOpening(storeOpening(noStrongRecord, first), second);
    expect(ackOf(record, stores({ 'us~1': 7, 'eu~1': 6 })).position).toEqual({ epoch: epoch(1), seq: 7 });
    expect(ackOf(record, stores({ 'us~1': 8, 'eu~1': 6 })).position).toEqual({ epoch: epoch(2), seq: 6 });
  });

  it('is the home of the epoch it promises only if it opened it, and serves once that is decided', () => {
    const record = storeOpening(noStrongRecord, first);
    expect(homeEpoch(record, 'us~1')).toEqual(epoch(1));
    expect(homeEpoch(record, 'us~2')).toBeUndefined();
    expect(homeEpoch({ ...record, promised: epoch(2) }, 'us~1')).toBeUndefined();
    expect(isServing(record, 'us~1', noPosition)).toBe(false);
    expect(isServing(record, 'us~1', { epoch: epoch(1), seq: 1 })).toBe(true);
    expect(isServing({ ...record, promised: epoch(2) }, 'us~1', { epoch: epoch(1), seq: 1 })).toBe(false);
  });
});

describe('a read', () => {
  it('is confirmed by a majority that promises exactly this epoch', () => {
    const said = new Map([['us', epoch(1)]]);
    expect(isConfirmed(epoch(1), said, members)).toBe(false);
    expect(isConfirmed(epoch(1), said.set('eu', epoch(2)), members)).toBe(false);
    expect(isConfirmed(epoch(1), said.set('ap', epoch(1)), members)).toBe(true);
  });
});
