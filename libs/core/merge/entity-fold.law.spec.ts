import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arrive, bytesOf, nothingArrived, refold, reload } from '#kit/laws/arrive.js';
import { dice, historySteps, inAnotherOrder, playHistory } from '#kit/laws/entity-histories.js';
import { valueByDefinition } from '#kit/laws/entity-oracle.js';
import { lawMeanings, lawOperations, lawType } from '#kit/laws/law-fields.js';
import { entityValue } from './entity-value.js';
import { foldLog } from './fold-log.js';

const runs = 1_500;
const type = lawType('update-wins');
const histories = lawOperations
  .chain((operation) => historySteps(operation, { change: 8, delete: 0, retry: 0, receive: 6 }))
  .map((steps) => playHistory(type, steps));

test('INV-4: any causal order, with duplicates, shows what the definition says, after every event', () => {
  fc.assert(
    fc.property(histories, fc.nat(), (events, seed) => {
      let arrived = nothingArrived(type);
      for (const event of inAnotherOrder(events, seed)) {
        arrived = arrive(arrived, event);
        expect(entityValue(type, arrived.state)).toEqual(valueByDefinition(type, arrived.log, lawMeanings));
      }
    }),
    { numRuns: runs },
  );
});

test('INV-4: folded one by one, reloaded, folded again in the middle or from the log: the same bytes', () => {
  fc.assert(
    fc.property(histories, fc.nat(), (events, seed) => {
      const random = dice(seed);
      let arrived = nothingArrived(type);
      for (const event of inAnotherOrder(events, seed)) {
        arrived = arrive(arrived, event);
        const chance = random(6);
        if (chance === 0) arrived = reload(arrived);
        if (chance === 1) arrived = refold(arrived);
      }
      const bytes = bytesOf(arrived);
      expect(bytesOf(refold(arrived))).toBe(bytes);
      expect(bytesOf({ ...arrived, state: foldLog(type, events.toReversed()) })).toBe(bytes);
      expect(reload(arrived).state).toEqual(arrived.state);
    }),
    { numRuns: runs },
  );
});

test('folding never mutates the state that it is given, nor the events', () => {
  fc.assert(
    fc.property(histories, fc.nat(), (events, seed) => {
      let arrived = nothingArrived(type);
      const untouched = structuredClone(events);
      for (const event of inAnotherOrder(events, seed)) {
        const before = structuredClone(arrived.state);
        const after = arrive(arrived, event);
        expect(arrived.state).toEqual(before);
        arrived = after;
      }
      foldLog(type, events);
      expect(events).toEqual(untouched);
    }),
    { numRuns: 1_000 },
  );
});
