import { describe, expect, it, vi } from 'vitest';
import type { IncomingRecord } from '#flow/ports/transport.js';
import { DeliveryQueue } from './delivery-queue.js';

const record = (name: string, bytes = 100): IncomingRecord => {
  return { origin: 'us', shard: 0, value: new Uint8Array(bytes), mac: undefined, offset: name };
};
const namesOf = (records: readonly IncomingRecord[]): string => records.map(({ offset }) => offset).join('');

/** A queue whose deliveries end when the test says so. */
function bench(bytes: { readonly bufferedBytesMax: number; readonly deliverBytesMax: number }) {
  const delivered: string[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const queue = new DeliveryQueue({
    ...bytes,
    redeliverMillis: 1,
    refused: () => undefined,
    deliver: (records) => {
      delivered.push(namesOf(records));
      return new Promise((resolve, reject) => ends.push((error) => (error ? reject(error) : resolve())));
    },
  });
  const end = async (error?: Error): Promise<void> => {
    await vi.waitUntil(() => ends.length > 0, { interval: 1 });
    ends.shift()?.(error);
  };
  const settled = async (promise: Promise<void>): Promise<boolean> => {
    let done = false;
    void promise.then(() => (done = true));
    await new Promise((resolve) => setImmediate(resolve));
    return done;
  };
  return { queue, delivered, end, settled };
}

describe('the delivery queue', () => {
  const wide = { bufferedBytesMax: 1_000_000, deliverBytesMax: 1_000_000 };

  it('makes one batch of what comes in together, and gathers the next while that is delivered', async () => {
    const { queue, delivered, end } = bench(wide);
    await queue.push([record('a')]);
    await queue.push([record('b'), record('c')]);
    await vi.waitUntil(() => delivered.length === 1, { interval: 1 });
    await queue.push([record('d')]);
    await queue.push([record('e')]);
    await end();
    await end();
    await vi.waitUntil(() => queue.bytes === 0, { interval: 1 });
    expect(delivered).toEqual(['abc', 'de']);
  });

  it('makes whoever fetches wait while it is full, counting what is being delivered', async () => {
    const { queue, delivered, end, settled } = bench({ bufferedBytesMax: 1000, deliverBytesMax: 600 });
    expect(await settled(queue.push([record('a', 400)]))).toBe(true);
    const full = queue.push([record('b', 400)]);
    expect(await settled(full)).toBe(false);
    expect(delivered).toEqual(['a']);
    await end();
    await full;
    await end();
    await vi.waitUntil(() => queue.bytes === 0, { interval: 1 });
    expect(delivered).toEqual(['a', 'b']);
  });

  it('gives a record that is over the limit alone', async () => {
    const { queue, delivered, end } = bench({ bufferedBytesMax: 1_000_000, deliverBytesMax: 1000 });
    void queue.push([record('a'), record('b', 5000), record('c')]);
    for (let batch = 0; batch < 3; batch += 1) await end();
    await vi.waitUntil(() => queue.bytes === 0, { interval: 1 });
    expect(delivered).toEqual(['a', 'b', 'c']);
  });

  it('delivers a refused batch again before anything else', async () => {
    const { queue, delivered, end } = bench(wide);
    void queue.push([record('a')]);
    await vi.waitUntil(() => delivered.length === 1, { interval: 1 });
    void queue.push([record('b')]);
    await end(new Error('not now'));
    await end(new Error('not now'));
    await end();
    await end();
    await vi.waitUntil(() => queue.bytes === 0, { interval: 1 });
    expect(delivered).toEqual(['a', 'a', 'a', 'b']);
  });

  it('gives up what waits when it is cleared, and a refused batch too', async () => {
    const { queue, delivered, end } = bench(wide);
    void queue.push([record('a')]);
    await vi.waitUntil(() => delivered.length === 1, { interval: 1 });
    void queue.push([record('b')]);
    queue.clear();
    void queue.push([record('c')]);
    await end(new Error('not now'));
    await end();
    await vi.waitUntil(() => queue.bytes === 0, { interval: 1 });
    expect(delivered).toEqual(['a', 'c']);
  });

  it('closes when the delivery under way has ended, and then takes nothing', async () => {
    const { queue, delivered, end, settled } = bench({ bufferedBytesMax: 1, deliverBytesMax: 1 });
    const waiting = queue.push([record('a'), record('b')]);
    await vi.waitUntil(() => delivered.length === 1, { interval: 1 });
    const closed = queue.close();
    expect(await settled(waiting)).toBe(true);
    expect(await settled(closed)).toBe(false);
    await end();
    await closed;
    await queue.push([record('c')]);
    expect(delivered).toEqual(['a']);
  });
});
