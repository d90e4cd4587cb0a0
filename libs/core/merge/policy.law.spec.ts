import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { arrive, bytesOf, nothingArrived, refold, reload, type Arrived } from '#kit/laws/arrive.js';
import { dice, hasCopies, historySteps, inAnotherOrder, playHistory } from '#kit/laws/entity-histories.js';
import { valueByDefinition } from '#kit/laws/entity-oracle.js';
import { lawFields } from '#kit/laws/law-fields.js';
import { canonicalText } from '../event/canonical-json.js';
import type { Event } from '../event/event.js';
import type { EntityType } from './entity-type.js';
import { entityValue } from './entity-value.js';
import type { AnyPolicy } from './policy.js';

const runs = 1_000;

/** All that can happen to one field: concurrent writes, old `observed`, deletes, retries in other regions. */
const weights = { change: 9, delete: 1, retry: 3, receive: 8 };

describe.each(Object.entries(lawFields))('%s', (name, { policy, meaning, operation }) => {
  const type: EntityType = {
    name: 'law',
    schemaVersion: 1,
    onDelete: 'update-wins',
    consistency: 'eventual',
    fields: new Map([[name, { policy }]]),
  };
  const histories = historySteps(
    operation.map((one) => ({ ...one, field: name })),
    weights,
    18,
  ).map((steps) => playHistory(type, steps));

  test('any causal order reads as the definition says, is stored as the same bytes, and leaves its inputs alone', () => {
    const met = { copies: 0, deletes: 0, refolds: 0 };
    fc.assert(
      fc.property(histories, fc.nat(), (events, seed) => {
        deepFreeze(events);
        const arrived = arriveAll(type, inAnotherOrder(events, seed), seed);
        const shown = entityValue(type, arrived.state);
        expect(shown).toEqual(valueByDefinition(type, events, new Map([[name, meaning]])));
        expect(bytesOf(refold(arrived))).toBe(bytesOf(arrived));
        expect(entityValue(type, reload(arrived).state)).toEqual(shown);
        for (const change of events.flatMap((event) => changesOf(policy, event))) {
          const written = canonicalText(policy.writeChange(change));
          expect(canonicalText(policy.writeChange(policy.readChange(JSON.parse(written))))).toBe(written);
        }
        if (hasCopies(events)) met.copies += 1;
        if (arrived.state.deletes.length > 0) met.deletes += 1;
        if (arrived.refolds > 0) met.refolds += 1;
      }),
      { numRuns: runs },
    );
    expect(met.copies, 'retries are common').toBeGreaterThan(runs / 10);
    expect(met.deletes, 'deletes are common').toBeGreaterThan(runs / 10);
    expect(met.refolds, 'some states are folded again').toBeGreaterThan(runs / 20);
  });

  test('changes conflict in both directions or in none', () => {
    fc.assert(
      fc.property(histories, (events) => {
        const changes = events.flatMap((event) => changesOf(policy, event));
        for (const change of changes) {
          for (const other of changes) {
            expect(policy.conflicts(change, other)).toBe(policy.conflicts(other, change));
            if (!policy.conflicts(change, other)) continue;
            expect(policy.conflictKey(change)).toBeDefined();
            expect(policy.conflictKey(change)).toBe(policy.conflictKey(other));
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});

/** Folds all, and sometimes reads the state back from its bytes in between. */
function arriveAll(type: EntityType, events: readonly Event[], seed: number): Arrived {
  const random = dice(seed);
  let arrived = nothingArrived(type);
  for (const event of events) {
    const before = bytesOf(arrived);
    const after = arrive(arrived, event);
    expect(bytesOf(arrived), 'the state before is left alone').toBe(before);
    arrived = random(5) === 0 ? reload(after) : after;
  }
  return arrived;
}

function changesOf(policy: AnyPolicy, { changes }: Event): readonly unknown[] {
  return changes.map(({ change }): unknown => policy.readChange(change));
}

function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const part of Object.values(value)) deepFreeze(part);
}
