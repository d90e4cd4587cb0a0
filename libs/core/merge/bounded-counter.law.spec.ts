import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { arrive, bytesOf, nothingArrived, refold, reload } from '#kit/laws/arrive.js';
import { boundedField, boundedSteps, playBounded } from '#kit/laws/bounded-histories.js';
import { counterByDefinition } from '#kit/laws/bounded-oracle.js';
import { dice, hasCopies, inAnotherOrder } from '#kit/laws/entity-histories.js';
import type { Event } from '../event/event.js';
import { boundedCounter, type BoundedCounterPolicy } from './bounded-counter.js';
import type { EntityState } from './entity-state.js';
import type { DeleteRule, EntityType } from './entity-type.js';
import { held, holders, type CounterBounds, type Rights } from './rights.js';

const kinds: readonly (readonly [string, CounterBounds, DeleteRule, number | undefined])[] = [
  ['stock (min 0)', { min: 0 }, 'update-wins', undefined],
  ['stock under a lease', { min: 0 }, 'update-wins', 1_000],
  ['a quota under a lease', { min: 0, max: 8 }, 'delete-wins', 1_000],
  ['stock (min 0), delete-wins', { min: 0 }, 'delete-wins', undefined],
  ['a quota (0 to 8)', { min: 0, max: 8 }, 'update-wins', undefined],
  ['an overdraft (-5 to 3)', { min: -5, max: 3 }, 'delete-wins', undefined],
];

const runs = 1_000;

/** INV-12: the value is within its bounds, and nobody holds less than nothing. */
function checkBounds(policy: BoundedCounterPolicy, state: EntityState): void {
  const rights = (state.fields.get(boundedField) ?? policy.initial()) as Rights;
  const { value } = policy.value(rights) as { readonly value: number };
  const { min, max = Infinity } = policy.bounds;
  expect(value, `INV-12: ${value} is within ${min} to ${max}`).toBeGreaterThanOrEqual(min);
  expect(value, `INV-12: ${value} is within ${min} to ${max}`).toBeLessThanOrEqual(max);
  for (const actor of holders(rights)) {
    for (const side of ['spend', 'increment'] as const) {
      const own = Number(held(rights, policy.start, actor, side));
      expect(own, `INV-12: ${actor} holds no less than nothing to ${side}`).toBeGreaterThanOrEqual(0);
    }
  }
}

function checkByDefinition(policy: BoundedCounterPolicy, state: EntityState, events: readonly Event[]): void {
  const rights = (state.fields.get(boundedField) ?? policy.initial()) as Rights;
  const meant = counterByDefinition(policy.bounds, boundedField, events);
  const shown = policy.value(rights) as { readonly value: number; readonly reserved?: number };
  expect(shown.value).toBe(meant.value);
  expect(shown.reserved ?? 0).toBe(meant.reserved);
  for (const side of ['spend', 'increment'] as const) {
    const own = holders(rights).map((actor): [string, number] => [
      actor,
      Number(held(rights, policy.start, actor, side)),
    ]);
    expect(new Map(own.filter(([, sum]) => sum !== 0))).toEqual(
      new Map([...meant.rights[side]].sort(([a], [b]) => (a < b ? -1 : 1))),
    );
  }
}

describe.each(kinds)('%s', (_name, bounds, onDelete, leaseMillis) => {
  const policy = boundedCounter(bounds, leaseMillis === undefined ? {} : { leaseMillis });
  /** Then no command is decided outside the region where it was born: nothing has copies, and little waits to be settled. */
  const isLeased = leaseMillis !== undefined;
  const type: EntityType = {
    name: 'law',
    schemaVersion: 1,
    onDelete,
    consistency: 'eventual',
    fields: new Map([[boundedField, { policy }]]),
  };

  test('INV-12: no region ever sees it out of bounds, whatever is retried, deleted, transferred or reserved', () => {
    const met = { copies: 0, refused: 0, deletes: 0, settled: 0, unsettled: 0, reclaimed: 0, leftOut: 0 };
    fc.assert(
      fc.property(boundedSteps(), (steps) => {
        let isAnyOut = false;
        const { events, refused } = playBounded(type, steps, (state) => {
          checkBounds(policy, state);
          const rights = state.fields.get(boundedField) as Rights | undefined;
          isAnyOut ||= (rights?.closing.leftOut.length ?? 0) > 0;
        });
        if (isAnyOut) met.leftOut += 1;
        if (isLeased || hasCopies(events)) met.copies += 1;
        if (refused.has('insufficient_rights')) met.refused += 1;
        const texts = events.map(({ changes }) => JSON.stringify(changes));
        if (events.some(({ kind }) => kind === 'delete') && refused.has('not_yet_stable')) met.deletes += 1;
        if (isLeased || texts.some((text) => text.includes('"settled"'))) met.settled += 1;
        if (isLeased || texts.some((text) => text.includes('"elsewhere"'))) met.unsettled += 1;
        if (texts.some((text) => text.includes('"reclaim"'))) met.reclaimed += 1;
      }),
      { numRuns: runs },
    );
    expect(Math.min(...Object.values(met)), JSON.stringify(met)).toBeGreaterThan(runs / 100);
  });

  test('INV-4: any causal order, with duplicates, gives what the definition says, in bounds all the way', () => {
    fc.assert(
      fc.property(boundedSteps(), fc.nat(), (steps, seed) => {
        const { events } = playBounded(type, steps);
        const random = dice(seed);
        let arrived = nothingArrived(type);
        for (const event of inAnotherOrder(events, seed)) {
          const before = bytesOf(arrived);
          const after = arrive(arrived, event);
          expect(bytesOf(arrived), 'the state before is left alone').toBe(before);
          arrived = random(5) === 0 ? reload(after) : after;
          checkBounds(policy, arrived.state);
        }
        checkByDefinition(policy, arrived.state, events);
        expect(bytesOf(refold(arrived))).toBe(bytesOf(arrived));
        expect(bytesOf(reload(arrived))).toBe(bytesOf(arrived));
      }),
      { numRuns: runs },
    );
  });
});
