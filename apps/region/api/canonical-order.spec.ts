import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalText } from '#core/event/canonical-json.js';
import type { Json } from '#core/json.js';
import { inCanonicalOrder } from './canonical-order.js';

describe('JSON in canonical order', () => {
  it('has the keys of every object sorted, at any depth', () => {
    const told = inCanonicalOrder({ b: [{ z: 1, y: { d: null, c: true } }], a: 'x' });
    expect(JSON.stringify(told)).toBe('{"a":"x","b":[{"y":{"c":true,"d":null},"z":1}]}');
  });

  it('sorts keys that look like numbers and are none to JavaScript', () => {
    const told = inCanonicalOrder({ b: 1, '007': 2, a: 3, '4294967295': 4 });
    expect(JSON.stringify(told)).toBe('{"007":2,"4294967295":4,"a":3,"b":1}');
  });

  it('is the very same object where it was in order', () => {
    const told = { a: [1, { b: 2, c: [] }], d: {}, e: 'x' };
    expect(inCanonicalOrder(told)).toBe(told);
    const byNumber = { 9: 'nine', 10: 'ten', a: 1 };
    expect(inCanonicalOrder(byNumber)).toBe(byNumber);
  });

  it('is the same value, and one text, however its keys were written', () => {
    const values = fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<Json>;
    fc.assert(
      fc.property(values, (value) => {
        const told = inCanonicalOrder(value);
        expect(told).toEqual(value);
        expect(JSON.stringify(inCanonicalOrder(turnedRound(value)))).toBe(JSON.stringify(told));
        expect(canonicalText(told)).toBe(canonicalText(value));
      }),
    );
  });
});

function turnedRound(json: Json): Json {
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) return json.map(turnedRound);
  const entries = Object.entries(json).reverse();
  return Object.fromEntries(entries.map(([key, value]) => [key, turnedRound(value as Json)]));
}
