import { describe, expect, it } from 'vitest';
import type { Actor } from '../causality/dot.js';
import type { Json } from '../json.js';
import { readBoundedChange, writeBoundedChange, type BoundedChange } from './bounded-change.js';
import { boundedCounter } from './bounded-counter.js';
import type { Operation, Place } from './policy.js';
import { split } from './policy.js';
import type { CounterBounds, Rights } from './rights.js';

const farthest = Number.MAX_SAFE_INTEGER;
const us = 'us~1';
const eu = 'eu~1';

/** Two regions in which everything is stable at once, and that see all of each other: what is decided is all that matters. */
const place: Place = {
  isStable: () => true,
  isBornHere: true,
  actorOf: () => undefined,
  members: ['us', 'eu'],
  hearsMajority: () => true,
};

/** A counter of its own, written to by one actor after the other. */
class Told {
  readonly #policy;
  #rights: Rights;
  #seq = 0;

  constructor(bounds: CounterBounds) {
    this.#policy = boundedCounter(bounds);
    this.#rights = this.#policy.initial();
  }

  /** @returns the value after it, or why it was refused */
  write(operation: Operation, actor: Actor = us): number | string {
    const change = this.decide(operation, actor);
    if (typeof change === 'string') return change;
    const dot = { actor, seq: this.#seq };
    const known = { covers: () => true, survivorCovers: () => true, observes: () => true };
    const after = this.#policy.apply(this.#rights, {
      ...{ change, dot, time: { wallMillis: 1, counter: 0, actor }, ...known },
      ...{ standsFor: (one) => one, effective: true, role: 'survivor' },
    });
    if (after !== split) this.#rights = after;
    return (this.#policy.value(this.#rights) as { readonly value: number }).value;
  }

  /** The change as peers will read it, or why there is none. */
  decide(operation: Operation, actor: Actor): BoundedChange | string {
    this.#seq += 1;
    const dot = { actor, seq: this.#seq };
    const stamp = { dot, time: { wallMillis: 1, counter: 0, actor }, hasObserved: false, place };
    const decided = this.#policy.decide(this.#rights, operation, stamp);
    if (decided.kind === 'rejected') return decided.code;
    const read = readBoundedChange(writeBoundedChange(decided.change));
    expect(read, `${JSON.stringify(decided.change)} is read as it was written`).toEqual(decided.change);
    return decided.change;
  }
}

const increment = (by: number): Operation => ({ op: 'increment', by });

describe('an increment of a counter without a maximum', () => {
  it('is taken as long as the value stays within the safe range, and no longer', () => {
    const counter = new Told({ min: 0 });
    expect(counter.write(increment(2 ** 52))).toBe(2 ** 52);
    expect(counter.write(increment(1))).toBe(2 ** 52 + 1);
    expect(counter.write(increment(farthest - 2 ** 52 - 1), eu)).toBe(farthest);
    expect(counter.write(increment(1))).toBe('out_of_range');
  });

  it('counts what the value begins with', () => {
    const above = new Told({ min: 10 });
    expect(above.write(increment(farthest))).toBe('out_of_range');
    expect(above.write(increment(farthest - 10))).toBe(farthest);
    const below = new Told({ min: -farthest });
    expect(below.write({ op: 'open' })).toBe(0);
    expect(below.write(increment(1))).toBe(1);
    expect(below.write(increment(farthest))).toBe('out_of_range');
    expect(below.write(increment(farthest - 1))).toBe(farthest);
  });

  it('leaves room for what is set aside and may be given back', () => {
    const counter = new Told({ min: 0 });
    counter.write(increment(farthest));
    expect(counter.write({ op: 'reserve', by: 5, forMillis: 1_000 })).toBe(farthest - 5);
    expect(counter.write(increment(1))).toBe('out_of_range');
    expect(counter.write({ op: 'cancel', reservation: 'us~1:0:2' })).toBe(farthest);
  });
});

describe('operations of regions among themselves', () => {
  it('close the rights of an actor that can be named, and of no other', () => {
    const stand = (of: Json): BoundedChange | string =>
      new Told({ min: 0 }).decide({ op: 'stand', of, stated: true }, eu);
    for (const of of ['', 'us\u0000', 'us\ud800', 7, null]) expect(stand(of)).toBe('invalid_value');
    expect(stand(us)).toMatchObject({ deed: { kind: 'stand', of: us } });
  });

  it('take over no more at once than a change can say', () => {
    const counter = new Told({ min: -farthest });
    counter.write({ op: 'open' });
    expect(counter.write(increment(9))).toBe(9);
    counter.write({ op: 'stand', of: us, stated: true }, eu);
    expect(counter.decide({ op: 'reclaim', closing: 'eu~1:0:3' }, eu)).toMatchObject({
      deed: { kind: 'reclaim', of: us, spend: farthest, increment: 0 },
    });
  });
});

describe('INV-14: a change that a peer sent', () => {
  it.each<[string, Json]>([
    ['to nobody', { kind: 'transfer', to: '', by: 1, side: 'spend' }],
    ['to a name that cannot be stored', { kind: 'transfer', to: 'us\u0000', by: 1, side: 'spend' }],
    ['about a name that cannot be stored', { kind: 'stand', of: '\u0000', stated: true }],
    ['about a dot that cannot be stored', { kind: 'vote', stand: ['\u0000', 1] }],
    ['about a hold that cannot be stored', { kind: 'confirm', hold: ['eu\udc00', 1] }],
    ['that settles what cannot be stored', { kind: 'spend', by: 1, settled: { '\u0000': 1 } }],
    ['that settles for nobody', { kind: 'spend', by: 1, settled: { '': 1 } }],
  ])('%s is none', (_what, json) => {
    expect(readBoundedChange(json)).toBeUndefined();
  });

  it('that names others properly is read as it was written', () => {
    const json = { kind: 'transfer', to: eu, by: 1, side: 'spend', settled: { [us]: 3 } };
    const read = readBoundedChange(json);
    expect(read && writeBoundedChange(read)).toEqual(json);
  });
});
