import fc from 'fast-check';
import { expect, test } from 'vitest';
import { entityValue } from './entity-value.js';
import { foldEvent } from './entity-fold.js';
import { untouchedEntity, type EntityState } from './entity-state.js';
import type { EntityType } from './entity-type.js';
import { foldLog } from './fold-log.js';
import { allConflicts, conflictsOf, type ConflictPair } from './conflicts.js';
import {
  copiesAmong,
  historySteps,
  inAnotherOrder,
  playHistory,
  hasCopies,
} from '#kit/laws/entity-histories.js';
import { pairsByDefinition, valueByDefinition } from '#kit/laws/entity-oracle.js';
import { addWins, counter, multi, register, removeWins, tinyMeanings } from '#kit/laws/tiny-policies.js';
import type { FieldOperation } from './entity-decide.js';
import type { Event } from '../event/event.js';

const policies = { register, multi, counter, 'add-wins': addWins, 'remove-wins': removeWins };
const typeOf = (onDelete: EntityType['onDelete']): EntityType => ({
  name: 'law',
  schemaVersion: 1,
  onDelete,
  consistency: 'eventual',
  fields: new Map(Object.entries(policies).map(([n, policy]) => [n, { policy }])),
});
let n = 0;
const value = fc.constantFrom('a', 'b');
const operation: fc.Arbitrary<FieldOperation> = fc.oneof(
  fc.record({
    field: fc.constantFrom('register', 'multi'),
    op: fc.constant('set'),
    value: fc.constantFrom('a', 'b', 'c', 'd'),
  }),
  fc.record({
    field: fc.constant('counter'),
    op: fc.constant('increment'),
    by: fc.integer({ min: -3, max: 9 }),
  }),
  fc.record({
    field: fc.constantFrom('add-wins', 'remove-wins'),
    op: fc.constantFrom('add', 'add', 'remove'),
    value,
  }),
);
const meanings = new Map(Object.entries(tinyMeanings));
let stats = { events: 0, copies: 0, exists: 0, runs: 0, refolds: 0, pairs: 0, needs: 0 };
for (const onDelete of ['update-wins', 'delete-wins'] as const) {
  const type = typeOf(onDelete);
  test(`folds like the definition, ${onDelete}`, () => {
    fc.assert(
      fc.property(
        historySteps(operation, { change: 8, delete: 1, retry: 2, receive: 5 }),
        fc.nat(),
        (steps, seed) => {
          const events = playHistory(type, steps);
          const expected = valueByDefinition(type, events, meanings);
          stats.events += events.length;
          stats.runs++;
          if (hasCopies(events)) stats.copies++;
          if (expected) stats.exists++;
          expect(entityValue(type, foldLog(type, events))).toEqual(expected);
          let state: EntityState = untouchedEntity;
          const log: Event[] = [];
          const order = inAnotherOrder(events, seed);
          let pairs: ConflictPair[] = [];
          for (const event of order) {
            if (log.includes(event)) {
              expect(foldEvent(type, state, event, [])).toEqual({ kind: 'folded', state });
              continue;
            }
            const folded = foldEvent(type, state, event, copiesAmong(log, event));
            if (folded.kind === 'refold' && folded.reason === 'copy') {
              pairs = [...allConflicts(type, [...log, event])];
            } else {
              let above = event.context;
              for (let i = 0; ; i++) {
                const found = conflictsOf({
                  type,
                  event,
                  state,
                  tail: { above, events: log.filter(({ dot }) => (above.get(dot.actor) ?? 0) < dot.seq) },
                });
                if (found.kind === 'pairs') {
                  for (const p of found.pairs)
                    if (!pairs.some((q) => JSON.stringify(p) === JSON.stringify(q))) pairs.push(p);
                  break;
                }
                stats.needs++;
                expect(i).toBeLessThan(4);
                above = found.above;
              }
            }
            log.push(event);
            if (folded.kind === 'refold') {
              stats.refolds++;
            }
            state = folded.kind === 'folded' ? folded.state : foldLog(type, log);
          }
          expect(state).toEqual(foldLog(type, order));
          expect(entityValue(type, state)).toEqual(expected);
          const strip = (ps: readonly { field: string; low: unknown; high: unknown }[]) =>
            ps.map(({ field, low, high }) => JSON.stringify([low, high, field])).sort();
          const def = strip(pairsByDefinition(type, events));
          stats.pairs += def.length;
          expect(strip(allConflicts(type, order))).toEqual(def);
          expect(strip(pairs)).toEqual(def);
        },
      ),
      { numRuns: 2000 },
    );
    console.log(stats);
  }, 120000);
}
