import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arrive, bytesOf, nothingArrived, refold, reload } from '#kit/laws/arrive.js';
import { dice, historySteps, inAnotherOrder, playHistory } from '#kit/laws/entity-histories.js';
import { valueByDefinition } from '#kit/laws/entity-oracle.js';
import { lawMeanings, lawOperations, lawType } from '#kit/laws/law-fields.js';
import { entityValue } from './entity-value.js';

const runs = 1_500;

for (const onDelete of ['update-wins', 'delete-wins'] as const) {
  const type = lawType(onDelete);
  const histories = lawOperations
    .chain((operation) => historySteps(operation, { change: 8, delete: 3, retry: 0, receive: 7 }))
    .map((steps) => playHistory(type, steps));

  test(`${onDelete}: deletes concurrent with everything, and re-creation, show what the definition says`, () => {
    let [existing, deleted] = [0, 0];
    fc.assert(
      fc.property(histories, fc.nat(), (events, seed) => {
        const random = dice(seed);
        let arrived = nothingArrived(type);
        for (const event of inAnotherOrder(events, seed)) {
          arrived = arrive(arrived, event);
          if (random(6) === 0) arrived = reload(arrived);
          expect(entityValue(type, arrived.state)).toEqual(valueByDefinition(type, arrived.log, lawMeanings));
        }
        expect(bytesOf(refold(arrived))).toBe(bytesOf(arrived));
        if (arrived.state.deletes.length === 0) return;
        if (arrived.state.touched.size > 0) existing += 1;
        else deleted += 1;
      }),
      { numRuns: runs },
    );
    expect(Math.min(existing, deleted), 'both outcomes are common').toBeGreaterThan(runs / 50);
  });
}
