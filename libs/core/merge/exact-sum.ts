import { assert } from '../assert.js';
import type { Json } from '../json.js';

/**
 * A sum of safe integers that is exact in any order: a number while that is safe, else a bigint.
 *
 * Increments of several regions may together leave the range that each of them kept to, and doubles beyond 2^53 no
 * longer add up the same in every order (INV-4).
 */
export type ExactSum = number | bigint;

export function addExactly(a: ExactSum, b: ExactSum): ExactSum {
  if (typeof a === 'number' && typeof b === 'number') {
    const sum = a + b;
    if (Number.isSafeInteger(sum)) return sum;
  }
  const sum = BigInt(a) + BigInt(b);
  return sum >= -safeMax && sum <= safeMax ? Number(sum) : sum;
}

const safeMax = BigInt(Number.MAX_SAFE_INTEGER);

/** As JSON can show it: at the end of the range where the sum lies beyond. */
export function shownSum(sum: ExactSum): number {
  if (typeof sum === 'number') return sum;
  return sum > 0n ? Number.MAX_SAFE_INTEGER : -Number.MAX_SAFE_INTEGER;
}

export function encodeSum(sum: ExactSum): Json {
  return typeof sum === 'number' ? sum : String(sum);
}

export function decodeSum(json: Json | undefined): ExactSum {
  assert(typeof json === 'number' || typeof json === 'string', 'a stored sum is a number or decimal digits');
  return typeof json === 'number' ? json : BigInt(json);
}
