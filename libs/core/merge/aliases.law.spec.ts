import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arrive, bytesOf, nothingArrived, refold, reload } from '#kit/laws/arrive.js';
import { dice, hasCopies, historySteps, inAnotherOrder, playHistory } from '#kit/laws/entity-histories.js';
import { actsOf, before, valueByDefinition } from '#kit/laws/entity-oracle.js';
import { lawMeanings, lawOperations, lawType } from '#kit/laws/law-fields.js';
import { commandsOf, isBefore } from './copies.js';
import { entityValue } from './entity-value.js';

const runs = 1_500;

for (const onDelete of ['update-wins', 'delete-wins'] as const) {
  const type = lawType(onDelete);
  const histories = lawOperations
    .chain((operation) => historySteps(operation, { change: 7, delete: 1, retry: 7, receive: 7 }, 30))
    .map((steps) => playHistory(type, steps));

  test(`${onDelete}: commands retried in several regions count once, whoever folds what first`, () => {
    let retried = 0;
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
        if (hasCopies(events)) retried += 1;
      }),
      { numRuns: runs },
    );
    expect(retried, 'retries are common').toBeGreaterThan(runs / 2);
  });
}

test('"before" is a strict order, and commands come in one of its linear extensions', () => {
  const type = lawType('update-wins');
  const histories = lawOperations
    .chain((operation) => historySteps(operation, { change: 6, delete: 1, retry: 9, receive: 7 }, 30))
    .map((steps) => playHistory(type, steps));
  fc.assert(
    fc.property(histories, (events) => {
      const acts = actsOf(events);
      for (const x of acts) {
        expect(before(x, x)).toBe(false);
        for (const y of acts) {
          expect(before(x, y) && before(y, x)).toBe(false);
          for (const z of acts) if (before(x, y) && before(y, z)) expect(before(x, z)).toBe(true);
        }
      }
      const commands = commandsOf(events.toReversed());
      commands.forEach((later, at) => {
        for (const earlier of commands.slice(0, at)) expect(isBefore(later, earlier)).toBe(false);
      });
    }),
    { numRuns: 1_000 },
  );
});
