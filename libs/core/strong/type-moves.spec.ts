import { describe, expect, it } from 'vitest';
import type { Event } from '../event/event.js';
import {
  fitsPhase,
  isClosedBy,
  modeOf,
  noMoves,
  openingGround,
  withRecord,
  type TypeMoves,
  type TypeRecord,
} from './type-moves.js';

const cart = { name: 'cart', consistency: 'eventual' } as const;
const at = (counter: number, seq: number) => ({ epoch: { membership: 1, counter }, seq });
const closing = (phase: number): TypeRecord => ({ kind: 'closing', type: 'cart', phase });
const closed = (actor: string, seq: number, phase = 0): TypeRecord => ({
  kind: 'closed',
  type: 'cart',
  phase,
  actor,
  seq,
});
const end = (
  kind: 'opened' | 'aborted' | 'loosened',
  phase: number,
  seq: number,
  upTo: readonly (readonly [string, number])[] = [],
): TypeRecord => ({ kind, type: 'cart', phase, at: at(1, seq), upTo: new Map(upTo) });
const movesOf = (...records: readonly TypeRecord[]): TypeMoves => records.reduce(withRecord, noMoves);
const event = (actor: string, seq: number, more: Partial<Event> = {}): Event =>
  ({ dot: { actor, seq }, ...more }) as Event;

const toStrong = [
  closing(0),
  closed('us~1', 5),
  closed('eu~1', 7),
  end('opened', 0, 9, [
    ['us~1', 5],
    ['eu~1', 7],
  ]),
];

describe('the mode of a type in a shard', () => {
  it('is as it is declared before any record, and as the last phase says after them', () => {
    expect(modeOf(noMoves, cart)).toMatchObject({ phase: 0, kind: 'eventual', isClosing: false });
    expect(modeOf(movesOf(closing(0)), cart)).toMatchObject({ phase: 0, kind: 'eventual', isClosing: true });
    expect(modeOf(movesOf(...toStrong), cart)).toMatchObject({ phase: 1, kind: 'strong', isClosing: false });
    expect(modeOf(movesOf(...toStrong, end('loosened', 1, 20)), cart)).toMatchObject({
      phase: 2,
      kind: 'eventual',
    });
  });

  it('is the same whatever the order in which the records are folded', () => {
    const records = [...toStrong, end('loosened', 1, 20), closing(2), end('aborted', 2, 30), closing(3)];
    const forwards = modeOf(movesOf(...records), cart);
    expect(modeOf(movesOf(...records.reverse()), cart)).toEqual(forwards);
    expect(forwards).toMatchObject({ phase: 3, isClosing: true });
  });

  it('begins a phase with an abort, so that a region which has folded it closes anew the next time', () => {
    const aborted = movesOf(closing(0), closed('us~1', 5), end('aborted', 0, 6));
    expect(modeOf(aborted, cart)).toMatchObject({ phase: 1, kind: 'eventual', isClosing: false });
    expect(modeOf(aborted, cart).closed.size).toBe(0);
  });

  it('keeps the first end of a phase: what is aborted is never opened', () => {
    const moves = movesOf(closing(0), end('aborted', 0, 6), end('opened', 0, 8));
    expect(modeOf(moves, cart)).toMatchObject({ phase: 1, kind: 'eventual' });
  });
});

describe('an event of a type that was moved', () => {
  it('is eventual up to the closing of its actor, and none is later in the phase', () => {
    const moves = movesOf(closing(0), closed('us~1', 5));
    expect(fitsPhase(moves, cart, event('us~1', 4))).toBe('fits');
    expect(fitsPhase(moves, cart, event('us~1', 6))).toBe('invalid');
    expect(fitsPhase(moves, cart, event('eu~1', 6))).toBe('fits');
  });

  it('does not count where its actor never closed and the home had not heard of it', () => {
    const moves = movesOf(...toStrong);
    expect(fitsPhase(moves, cart, event('us~0', 1))).toBe('invalid');
    expect(fitsPhase(moves, cart, event('eu~1', 7))).toBe('fits');
  });

  it('is strong between what opened the phase and what loosened it, in the strong log', () => {
    const moves = movesOf(...toStrong, end('loosened', 1, 20));
    const strong = (seq: number, counter = 1): Event =>
      event('us~1', seq, { phase: 1, epoch: `1.${counter}` });
    expect(fitsPhase(moves, cart, strong(10))).toBe('fits');
    expect(fitsPhase(moves, cart, strong(8))).toBe('invalid');
    expect(fitsPhase(moves, cart, strong(21))).toBe('invalid');
    expect(fitsPhase(moves, cart, strong(2, 2))).toBe('invalid');
    expect(fitsPhase(moves, cart, event('us~1', 10, { phase: 1 }))).toBe('invalid');
    expect(fitsPhase(moves, cart, event('us~1', 10, { epoch: '1.1' }))).toBe('invalid');
  });

  it('waits until the phase that it was minted in has begun here', () => {
    expect(fitsPhase(movesOf(...toStrong), cart, event('us~1', 30, { phase: 2 }))).toBe('early');
    expect(fitsPhase(noMoves, cart, event('us~1', 30, { phase: 1, epoch: '1.1' }))).toBe('early');
    expect(
      fitsPhase(movesOf(...toStrong, end('loosened', 1, 20)), cart, event('us~1', 30, { phase: 2 })),
    ).toBe('fits');
  });
});

describe('what a type is opened on', () => {
  const regionOf = (actor: string): string => actor.slice(0, 2);

  it('waits for every region, whichever of its actors closed', () => {
    const vector = new Map([
      ['us~2', 5],
      ['eu~1', 7],
    ]);
    expect(isClosedBy({ closed: vector }, ['us', 'eu'], regionOf)).toBe(true);
    expect(isClosedBy({ closed: vector }, ['us', 'eu', 'ap'], regionOf)).toBe(false);
  });

  it('is each closing, and all that anybody stores of actors that live no more', () => {
    const ground = openingGround(new Map([['us~2', 5]]), [
      new Map([
        ['us~2', 9],
        ['us~1', 3],
      ]),
      new Map([['us~1', 4]]),
    ]);
    expect([...ground].sort()).toEqual([
      ['us~1', 4],
      ['us~2', 5],
    ]);
  });
});
