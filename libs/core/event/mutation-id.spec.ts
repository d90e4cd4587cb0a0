import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { birthOf } from './mutation-id.js';

/** The form by its definition. */
const form =
  /^([a-z0-9][a-z0-9-]{0,31})\.([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function slowly(id: string): ReturnType<typeof birthOf> {
  const [, region, high, low] = form.exec(id) ?? [];
  if (region === undefined) return undefined;
  return { region, bornMillis: Number.parseInt(`${high}${low}`, 16) };
}

const born = 'us-east-1.01932c07-2a80-7a0b-8b0e-6f2d3a1c9e55';

describe('the birth of a mutation id', () => {
  test('is its region and the time in its uuid', () => {
    expect(birthOf(born)).toEqual({ region: 'us-east-1', bornMillis: 0x0193_2c07_2a80 });
  });

  test('is unknown of a bare key', () => {
    for (const id of ['', 'x', 'order-17', '01932c07-2a80-7a0b-8b0e-6f2d3a1c9e55', `.${born.slice(10)}`])
      expect(birthOf(id)).toBeUndefined();
    expect(birthOf(`${'r'.repeat(32)}.${born.slice(10)}`)).toBeDefined();
    expect(birthOf(`${'r'.repeat(33)}.${born.slice(10)}`)).toBeUndefined();
  });

  test('is what the form says, whatever is changed in an id', () => {
    const changed = fc
      .tuple(fc.nat(born.length), fc.constantFrom(...'0189abcfg-.AZ~ é'), fc.nat(2))
      .map(([at, unit, dropped]) => born.slice(0, at) + unit + born.slice(at + dropped));
    fc.assert(
      fc.property(changed, (id) => {
        expect(birthOf(id)).toEqual(slowly(id));
      }),
      { numRuns: 2_000 },
    );
  });
});
