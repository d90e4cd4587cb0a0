import fc from 'fast-check';
import { applyUpdate, Doc } from 'yjs';
import { expect, test } from 'vitest';
import { arrive, bytesOf, nothingArrived, refold, reload } from '#kit/laws/arrive.js';
import { dice, hasCopies, historySteps, inAnotherOrder, playHistory } from '#kit/laws/entity-histories.js';
import { actsOf, has, type Act } from '#kit/laws/entity-oracle.js';
import { playTexts, textSteps, type TextStep } from '#kit/laws/text-stories.js';
import { sameDot } from '../causality/dot.js';
import { compareTimes } from '../causality/hybrid-timestamp.js';
import type { Event } from '../event/event.js';
import type { DeleteRule, EntityType } from './entity-type.js';
import { entityValue } from './entity-value.js';
import { noIds, unionOfIds, withoutIds, type IdRanges } from './id-ranges.js';
import { addWinsMap, text } from './policies.js';
import type { TextChange } from './text-state.js';
import { deletionOf, withoutDeletions } from './text-update.js';

const rules: readonly DeleteRule[] = ['update-wins', 'delete-wins'];

/** What happened to one document, by one event. */
interface Edit {
  readonly act: Act;
  readonly copy: Event;
  readonly change: TextChange;
}

/**
 * What a text means, over the whole set of events: all items exist, those of aliases and of what was deleted or ignored
 * too. An item is deleted when a surviving change deleted it, or when one that is taken or left out had carried it. Shown
 * is, of the documents with a change that counts, the one whose creation is latest; else the latest of all.
 */
function textByDefinition(rule: DeleteRule, events: readonly Event[]): string {
  const acts = actsOf(events);
  const deletes = acts.filter(({ survivor }) => survivor.kind === 'delete');
  const isTaken = (act: Act): boolean =>
    rule === 'update-wins'
      ? deletes.some(({ survivor }) => has(survivor.context, act))
      : deletes.some((one) => !has(act.survivor.context, one));
  const edits = acts.flatMap((act) => act.copies.flatMap((copy) => editsOf(act, copy)));
  const documents = Map.groupBy(edits, (edit) => creatorOf(edit, acts));
  const counting = [...documents].filter(([, all]) =>
    all.some((edit) => isSurvivor(edit) && !isTaken(edit.act)),
  );
  const [shown] = (counting.length > 0 ? counting : [...documents]).sort(([a], [b]) =>
    compareTimes(b.survivor.time, a.survivor.time),
  );
  return shown === undefined ? '' : contentByDefinition(rule, shown[1], isTaken);
}

function contentByDefinition(
  rule: DeleteRule,
  edits: readonly Edit[],
  isTaken: (act: Act) => boolean,
): string {
  const doc = new Doc();
  for (const { change } of edits) applyUpdate(doc, withoutDeletions(change.update));
  let deleted: IdRanges = noIds;
  for (const edit of edits) {
    const { update } = edit.change;
    const isIgnored = rule === 'delete-wins' && isTaken(edit.act);
    if (isSurvivor(edit) && !isIgnored) deleted = unionOfIds(deleted, update.deleted);
    if (isSurvivor(edit) && isTaken(edit.act)) deleted = unionOfIds(deleted, update.carried);
    if (!isSurvivor(edit)) {
      const ofSurvivor = edits
        .filter((other) => other.act === edit.act && isSurvivor(other) && !isIgnored)
        .map((other) => other.change.update.carried)
        .reduce(unionOfIds, noIds);
      deleted = unionOfIds(deleted, withoutIds(update.carried, ofSurvivor));
    }
  }
  const deletion = deletionOf(deleted);
  if (deletion) applyUpdate(doc, deletion);
  return doc.getText('text').toString();
}

function isSurvivor({ act, copy }: Edit): boolean {
  return act.survivor === copy;
}

function editsOf(act: Act, copy: Event): readonly Edit[] {
  return copy.changes.map(({ change }) => ({ act, copy, change: text().readChange(change) as TextChange }));
}

/** A change names the event that created its document, any copy of it; one that names none created one. */
function creatorOf({ act, change: { epoch } }: Edit, acts: readonly Act[]): Act {
  if (epoch === undefined) return act;
  return acts.find(({ copies }) => copies.some(({ dot }) => sameDot(dot, epoch))) as Act;
}

test('INV-4: a character that an edit fell into is the same item, whether it comes whole or replaced, and whichever comes first', () => {
  const nothing = { index: 0, remove: 0, insert: '' };
  const type = (at: 'eu' | 'us', index: number, insert: string): TextStep =>
    ({ kind: 'type', client: 0, at, edit: { index, remove: 0, insert } }) as TextStep;
  const splice = { kind: 'splice', at: 'eu', edit: nothing } as TextStep;
  const steps = [
    type('us', 0, 'a'),
    type('eu', 0, ''),
    splice,
    splice,
    { kind: 'resend', client: 0, at: 'eu' } as TextStep,
    splice,
    type('us', 0, ''),
    { kind: 'send', from: 'eu', to: 'us' } as TextStep,
    type('eu', 1, '😀'),
    { kind: 'retry', at: 'us', command: 7 } as TextStep,
    type('eu', 2, '😀'),
  ];
  for (const rule of rules) {
    const { scenario, events } = playTexts(rule, steps);
    for (let seed = 0; seed < 20; seed += 1) {
      let arrived = nothingArrived(scenario.type);
      for (const event of inAnotherOrder(events, seed)) arrived = arrive(arrived, event);
      expect(bytesOf(refold(arrived))).toBe(bytesOf(arrived));
    }
  }
});

for (const rule of rules) {
  test(`${rule}: what clients and regions type at once, retry, send again and delete reads as the definition says`, () => {
    const met = { copies: 0, documents: 0, deletes: 0 };
    fc.assert(
      fc.property(textSteps({ delete: 1, retry: 3 }), fc.nat(), (steps, seed) => {
        const { scenario, events } = playTexts(rule, steps);
        const { type } = scenario;
        const random = dice(seed);
        let arrived = nothingArrived(type);
        for (const event of inAnotherOrder(events, seed)) {
          const before = entityValue(type, arrived.state);
          const after = arrive(arrived, event);
          if (random(5) === 0) expect(entityValue(type, arrived.state)).toEqual(before);
          arrived = random(5) === 0 ? reload(after) : after;
        }
        const shown = entityValue(type, arrived.state);
        if (shown !== undefined) expect(shown.it).toBe(textByDefinition(rule, events));
        expect(bytesOf(refold(arrived))).toBe(bytesOf(arrived));
        expect(entityValue(type, reload(arrived).state)).toEqual(shown);
        for (const region of ['eu', 'us', 'ap'] as const) expect(scenario.valueAt(region)).toEqual(shown?.it);
        if (hasCopies(events)) met.copies += 1;
        if (events.some(({ kind }) => kind === 'delete')) met.deletes += 1;
        if ((arrived.state.fields.get('it') as readonly unknown[] | undefined)?.length !== 1)
          met.documents += 1;
      }),
      { numRuns: 1_000 },
    );
    expect(Math.min(met.copies, met.documents, met.deletes), JSON.stringify(met)).toBeGreaterThan(100);
  });
}

/** Both clients have the document that eu began. */
const sharedBeginning: readonly TextStep[] = [
  { kind: 'splice', at: 'eu', edit: { index: 0, remove: 0, insert: 'ab' } },
  { kind: 'send', from: 'eu', to: 'us' },
  { kind: 'send', from: 'eu', to: 'ap' },
  { kind: 'open', client: 0, at: 'us' },
  { kind: 'open', client: 1, at: 'ap' },
];

/** Found by the law below: what is typed beside an item that is two items must not depend on the order of arrival. */
const placedBesideAForkedItem: TextStep[] = [
  { kind: 'type', client: 0, at: 'eu', edit: { index: 2, remove: 0, insert: 'def' } },
  { kind: 'type', client: 1, at: 'ap', edit: { index: 0, remove: 0, insert: 'a' } },
  { kind: 'splice', at: 'us', edit: { index: 2, remove: 0, insert: 'bc' } },
  { kind: 'splice', at: 'ap', edit: { index: 0, remove: 0, insert: '😀' } },
  { kind: 'open', client: 0, at: 'eu' },
];

test('INV-4: also where clients shared an id in several regions at once, every order reads the same', () => {
  let forked = 0;
  fc.assert(
    fc.property(textSteps({ delete: 1, retry: 2 }), fc.nat(), (steps, seed) => {
      const { scenario, events } = playTexts('update-wins', [...sharedBeginning, ...steps], true);
      let arrived = nothingArrived(scenario.type);
      for (const event of inAnotherOrder(events, seed)) arrived = arrive(arrived, event);
      const shown = entityValue(scenario.type, arrived.state);
      expect(entityValue(scenario.type, refold(arrived).state)).toEqual(shown);
      expect(entityValue(scenario.type, reload(arrived).state)).toEqual(shown);
      for (const region of ['eu', 'us', 'ap'] as const) expect(scenario.valueAt(region)).toEqual(shown?.it);
      if (arrived.refolds > 0) forked += 1;
    }),
    { numRuns: 1_000, examples: [[placedBesideAForkedItem, 0]] },
  );
  expect(forked, 'ids are shared often').toBeGreaterThan(50);
});

test.each(rules)(
  'INV-4: %s: texts within a map, whose keys are removed and come back, read the same in any order',
  (onDelete) => {
    const type: EntityType = {
      name: 'law',
      schemaVersion: 1,
      onDelete,
      consistency: 'eventual',
      fields: new Map([['notes', { policy: addWinsMap(text()) }]]),
    };
    const key = fc.constantFrom('k', 'l');
    const insert = fc.constantFrom('a', 'b', 'cd');
    const then = fc.record({
      op: fc.constant('splice'),
      index: fc.constant(0),
      delete: fc.constant(0),
      insert,
    });
    const typing = fc.record({ field: fc.constant('notes'), op: fc.constant('at'), key, then });
    const removal = fc.record({ field: fc.constant('notes'), op: fc.constant('remove'), key });
    const operation = fc.oneof({ arbitrary: typing, weight: 4 }, { arbitrary: removal, weight: 1 });
    fc.assert(
      fc.property(
        historySteps(operation, { change: 8, delete: 1, retry: 3, receive: 8 }, 18),
        fc.nat(),
        (steps, seed) => {
          const events = playHistory(type, steps);
          let arrived = nothingArrived(type);
          for (const event of inAnotherOrder(events, seed)) arrived = arrive(arrived, event);
          expect(bytesOf(refold(arrived))).toBe(bytesOf(arrived));
          expect(entityValue(type, reload(arrived).state)).toEqual(entityValue(type, arrived.state));
        },
      ),
      { numRuns: 600 },
    );
  },
);
