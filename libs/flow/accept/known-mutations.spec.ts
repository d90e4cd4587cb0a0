import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KnownMutations, nothingKnown } from './known-mutations.js';

const generation = 8;

const hex = (value: number, length: number): string => value.toString(16).padStart(length, '0');

function idOf(region: string, bornMillis: number, random: number): string {
  const millis = hex(bornMillis, 12);
  return `${region}.${millis.slice(0, 8)}-${millis.slice(8)}-7000-8000-${hex(random, 12)}`;
}

const before = new Map([
  ['eu', 1_000],
  ['us', -Infinity],
]);

test('what was born later than all records, and is none of those noted since, is surely new', () => {
  const known = new KnownMutations(before, generation);
  const noted = idOf('eu', 1_500, 1);
  known.note(noted);
  expect(known.isSurelyNew(idOf('eu', 1_001, 2))).toBe(true);
  expect(known.isSurelyNew(idOf('us', 1, 2))).toBe(true);
  expect(known.isSurelyNew(noted)).toBe(false);
  expect(known.isSurelyNew(idOf('eu', 1_000, 2))).toBe(false);
});

test('of a region whose records nobody looked for, and of an id without a birth, nothing is sure', () => {
  const known = new KnownMutations(before, generation);
  expect(known.isSurelyNew(idOf('ap', 5_000, 1))).toBe(false);
  known.note(idOf('ap', 5_000, 1));
  expect(known.isSurelyNew(idOf('ap', 6_000, 2))).toBe(false);
  expect(known.isSurelyNew('order-17')).toBe(false);
  expect(nothingKnown().isSurelyNew(idOf('eu', 5_000, 1))).toBe(false);
});

test('what was forgotten is not surely new, and nothing that was born before it in its region', () => {
  const known = new KnownMutations(before, generation);
  const first = idOf('eu', 9_000, 1);
  known.note(first);
  for (let at = 0; at < 3 * generation; at += 1) known.note(idOf('us', 2_000 + at, 2 + at));
  expect(known.isSurelyNew(first)).toBe(false);
  expect(known.isSurelyNew(idOf('eu', 8_999, 7))).toBe(false);
  expect(known.isSurelyNew(idOf('eu', 9_001, 7))).toBe(true);
});

test('it is never sure of what has a record', () => {
  const births = fc.array(fc.tuple(fc.constantFrom('eu', 'us', 'ap'), fc.nat(100_000), fc.nat(0xffff)), {
    maxLength: 60,
  });
  let sure = 0;
  fc.assert(
    fc.property(births, births, (stored, later) => {
      const newest = new Map(['eu', 'us'].map((region) => [region, -Infinity]));
      for (const [region, born] of stored)
        if (newest.has(region)) newest.set(region, Math.max(newest.get(region) ?? 0, born));
      const known = new KnownMutations(newest, generation);
      const recorded = new Set(stored.map((one) => idOf(...one)));
      for (const one of later) {
        const id = idOf(...one);
        if (known.isSurelyNew(id)) {
          sure += 1;
          expect(recorded.has(id)).toBe(false);
        }
        recorded.add(id);
        known.note(id);
      }
    }),
    { numRuns: 1_000 },
  );
  expect(sure).toBeGreaterThan(200);
});
