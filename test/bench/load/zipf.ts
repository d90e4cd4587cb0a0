import type { Draw } from './seeded.js';

/**
 * Draws ranks 0 … count-1, of which rank r comes with a weight of 1 / (r + 1)^exponent.
 *
 * At 0.99 over 100 000 the first is drawn 8 times in a hundred, the first hundred 42 times: popular, but no single key.
 */
export function zipf(count: number, exponent: number, draw: Draw): () => number {
  const upTo = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank += 1) {
    sum += 1 / (rank + 1) ** exponent;
    upTo[rank] = sum;
  }
  return () => firstAbove(upTo, draw() * sum);
}

function firstAbove(ascending: Float64Array, value: number): number {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] ?? 0) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
