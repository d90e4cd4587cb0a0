import { describe, expect, it } from 'vitest';
import { StandingQueue } from './standing-queue.js';

const lengthMin = 100;

/** A queue from which batches are taken every 20 ms; answers how long it may be after the last. */
function after(
  batches: readonly { readonly count: number; readonly waitedMillis: number }[],
  queue = new StandingQueue(lengthMin),
  from = 0,
): number {
  batches.forEach(({ count, waitedMillis }, at) => queue.took(count, waitedMillis, from + at * 20));
  return queue.lengthMax(from + (batches.length - 1) * 20);
}

const batches = (count: number, waitedMillis: number, size = 40) =>
  Array.from({ length: count }, () => ({ count: size, waitedMillis }));

describe('a queue', () => {
  it('may be as long as its limits allow while those that leave it waited little', () => {
    expect(after(batches(200, 200))).toBe(Infinity);
  });

  it('may be as long as what left it in the last second, once nobody waited little for three seconds', () => {
    // 50 batches of 40 a second.
    expect(after(batches(200, 400))).toBe(2_000);
    expect(after(batches(200, 400, 1))).toBe(lengthMin);
  });

  it('that filled up while nothing was done may drain', () => {
    const queue = new StandingQueue(lengthMin);
    queue.took(40, 10, 4_000);
    expect(after(batches(140, 4_000), queue, 8_000)).toBe(Infinity);
    expect(after(batches(20, 4_000), queue, 10_800)).toBe(2_000);
  });

  it('that stands no more may be longer second by second, and in the end as long as its limits allow', () => {
    const queue = new StandingQueue(lengthMin);
    expect(after(batches(200, 2_000), queue)).toBe(2_000);
    expect(after(batches(25, 10), queue, 4_000)).toBe(2_000);
    expect(after(batches(50, 10), queue, 4_500)).toBe(4_000);
    expect(after(batches(50, 10), queue, 5_500)).toBe(8_000);
    expect(queue.lengthMax(12_000)).toBe(Infinity);
  });

  it('is as short as it has to be when less and less is done', () => {
    const queue = new StandingQueue(lengthMin);
    expect(after(batches(200, 400), queue)).toBe(2_000);
    expect(after(batches(100, 400, 1), queue, 4_000)).toBe(lengthMin);
  });
});
