import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arrive, nothingArrived, refold, reload } from '#kit/laws/arrive.js';
import { dice, hasCopies, historySteps, inAnotherOrder, playHistory } from '#kit/laws/entity-histories.js';
import { valueByDefinition } from '#kit/laws/entity-oracle.js';
import { meansWordsOf, wordsIn } from '#kit/laws/text-meaning.js';
import type { FieldOperation } from './entity-decide.js';
import type { EntityType } from './entity-type.js';
import { entityValue } from './entity-value.js';
import { text } from './policies.js';

const typeOf = (onDelete: EntityType['onDelete']): EntityType => ({
  name: 'law',
  schemaVersion: 1,
  onDelete,
  consistency: 'eventual',
  fields: new Map([['body', { policy: text() }]]),
});

/** Words of three characters, so that index 3 is between two of them. */
const typing: fc.Arbitrary<FieldOperation> = fc.record({
  field: fc.constant('body'),
  op: fc.constant('splice'),
  index: fc.constantFrom(0, 3),
  delete: fc.constant(0),
  insert: fc.constantFrom('[a]', '[b]', '[c]', '[d]'),
});
const editing = typing.chain((insert) =>
  fc.constantFrom(insert, { ...insert, delete: 1, insert: '' }, { ...insert, delete: 2 }),
);
const weights = { change: 7, delete: 1, retry: 3, receive: 7 };

for (const onDelete of ['update-wins', 'delete-wins'] as const) {
  const type = typeOf(onDelete);

  test(`${onDelete}: what is typed at once, deleted and retried is there once, and shown alike in any order`, () => {
    let retried = 0;
    fc.assert(
      fc.property(historySteps(typing, weights, 16), fc.nat(), (steps, seed) => {
        const events = playHistory(type, steps);
        if (hasCopies(events)) retried += 1;
        const random = dice(seed);
        let arrived = nothingArrived(type);
        for (const event of inAnotherOrder(events, seed)) {
          arrived = arrive(arrived, event);
          if (random(6) === 0) arrived = reload(arrived);
        }
        const shown = entityValue(type, arrived.state);
        expect(entityValue(type, refold(arrived).state)).toEqual(shown);
        const meant = valueByDefinition(type, events, new Map([['body', meansWordsOf]]));
        expect(shown && { body: wordsIn(String(shown.body)) }).toEqual(meant);
      }),
      { numRuns: 1_000 },
    );
    expect(retried, 'retries are common').toBeGreaterThan(50);
  });

  test(`${onDelete}: what is edited, deleted and retried reads the same in any order`, () => {
    fc.assert(
      fc.property(historySteps(editing, weights, 16), fc.nat(), (steps, seed) => {
        let arrived = nothingArrived(type);
        for (const event of inAnotherOrder(playHistory(type, steps), seed)) arrived = arrive(arrived, event);
        const shown = entityValue(type, arrived.state);
        expect(entityValue(type, refold(arrived).state)).toEqual(shown);
        expect(entityValue(type, reload(arrived).state)).toEqual(shown);
      }),
      { numRuns: 1_000 },
    );
  });
}
