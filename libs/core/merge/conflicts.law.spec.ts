import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arrive, ArrivingConflicts, nothingArrived } from '#kit/laws/arrive.js';
import { historySteps, inAnotherOrder, playHistory } from '#kit/laws/entity-histories.js';
import { actsOf, clashes, concurrent, pairsByDefinition } from '#kit/laws/entity-oracle.js';
import { lawOperations, lawType } from '#kit/laws/law-fields.js';
import { allConflicts, conflictKeyText } from './conflicts.js';

const runs = 1_500;
const shard = 0;

for (const onDelete of ['update-wins', 'delete-wins'] as const) {
  const type = lawType(onDelete);
  const histories = lawOperations
    .chain((operation) => historySteps(operation, { change: 9, delete: 1, retry: 2, receive: 5 }))
    .map((steps) => playHistory(type, steps));

  test(`INV-7: ${onDelete}: found one by one in any order, with or without an index, or all at once: the pairs of the definition`, () => {
    let [pairs, lowered, withdrawn] = [0, 0, 0];
    fc.assert(
      fc.property(histories, fc.nat(), (events, seed) => {
        const ways = [new ArrivingConflicts(false), new ArrivingConflicts(true)];
        let arrived = nothingArrived(type);
        for (const event of inAnotherOrder(events, seed)) {
          for (const way of ways) way.look(arrived, event);
          arrived = arrive(arrived, event);
        }
        const defined = pairsByDefinition(type, events)
          .map((pair) => conflictKeyText(pair, shard))
          .sort();
        for (const way of ways) expect(way.texts()).toEqual(defined);
        const atOnce = allConflicts(type, events.toReversed());
        expect(atOnce.map((pair) => conflictKeyText(pair, shard)).sort()).toEqual(defined);
        pairs += defined.length;
        for (const way of ways) [lowered, withdrawn] = [lowered + way.lowered, withdrawn + way.withdrawn];
      }),
      { numRuns: runs },
    );
    expect(pairs).toBeGreaterThan(runs);
    expect(lowered, 'tails are asked for').toBeGreaterThan(runs / 2);
    expect(withdrawn, 'aliases withdraw pairs').toBeGreaterThan(runs / 50);
  });

  test(`${onDelete}: each of two concurrent events of different actors that do not commute is in some pair`, () => {
    fc.assert(
      fc.property(histories, (events) => {
        const acts = actsOf(events);
        const pairs = allConflicts(type, events);
        for (const field of ['*', ...type.fields.keys()]) {
          for (const e of acts) {
            const { dot } = e.survivor;
            const partners = acts.filter((f) => concurrent(e, f) && clashes(type, field, e, f));
            if (partners.every((f) => f.survivor.dot.actor === dot.actor)) continue;
            const own = pairs.filter((pair) => pair.field === field && [pair.low, pair.high].includes(dot));
            expect(own.length).toBeGreaterThan(0);
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });
}
