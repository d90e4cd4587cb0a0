import { describe, expect, it } from 'vitest';
import { TransportUnavailable, type OutgoingRecord } from '#flow/ports/transport.js';
import type { Sender } from './driver.js';
import { PublishLane } from './publish-lane.js';
import { limits } from './settings.js';

const never = new Promise<never>(() => undefined);
const record = (name: string, bytes = 1): OutgoingRecord => {
  return { shard: 0, key: name, value: new Uint8Array(bytes), mac: new Uint8Array(32) };
};

/** A lane whose senders are numbered and do what `send` says. */
function bench(send: (sender: number, keys: string) => Promise<void>, prepare = () => Promise.resolve()) {
  const log: string[] = [];
  let opened = 0;
  const openSender = (): Sender => {
    const number = (opened += 1);
    return {
      send(_topic, records) {
        const keys = records.map(({ key }) => key).join('');
        log.push(`${number} sends ${keys}`);
        return send(number, keys);
      },
      close() {
        log.push(`${number} closes`);
        return Promise.resolve();
      },
    };
  };
  const lane = new PublishLane({ cluster: 'eu', topic: 't', millisMax: 30, prepare, openSender });
  return { lane, log };
}

describe('a lane', () => {
  it('keeps one connection while it works', async () => {
    const { lane, log } = bench(() => Promise.resolve());
    await lane.publish([record('a')]);
    await lane.publish([record('b')]);
    await lane.close();
    expect(log).toEqual(['1 sends a', '1 sends b', '1 closes']);
  });

  it('sends the next request over a new connection after a failure', async () => {
    const { lane, log } = bench((sender) =>
      sender === 1 ? Promise.reject(new Error('gone')) : Promise.resolve(),
    );
    await expect(lane.publish([record('a')])).rejects.toThrow(new TransportUnavailable('cluster eu: gone'));
    await lane.publish([record('a')]);
    expect(log).toEqual(['1 sends a', '1 closes', '2 sends a']);
  });

  it('gives up a request that is not answered, and sends nothing more of it', async () => {
    const half = limits.batchBytesMax - 1000;
    let answer: () => void = () => undefined;
    const { lane, log } = bench((sender) => {
      return sender === 1 ? new Promise((resolve) => (answer = resolve)) : Promise.resolve();
    });
    await expect(lane.publish([record('a', half), record('b', half)])).rejects.toThrow(TransportUnavailable);
    answer();
    await lane.publish([record('c')]);
    expect(log).toEqual(['1 sends a', '1 closes', '2 sends c']);
  });

  it('gives up when the topic cannot be made sure of in time, and opens no connection for it later', async () => {
    let prepared: () => void = () => undefined;
    const { lane, log } = bench(
      () => Promise.resolve(),
      () => new Promise((resolve) => (prepared = resolve)),
    );
    await expect(lane.publish([record('a')])).rejects.toThrow('took longer than 30 ms');
    prepared();
    await new Promise((resolve) => setImmediate(resolve));
    expect(log).toEqual([]);
  });

  it('refuses a record that no broker would take', async () => {
    const { lane, log } = bench(() => Promise.resolve());
    await expect(lane.publish([record('a', limits.recordBytesMax + 1)])).rejects.toThrow(/over the limit/);
    expect(log).toEqual([]);
  });

  it('stops a caller that uses it twice at a time', async () => {
    const { lane } = bench(() => never);
    const first = lane.publish([record('a')]);
    await expect(lane.publish([record('b')])).rejects.toThrow('one request per slot');
    await expect(first).rejects.toThrow(TransportUnavailable);
  });
});
