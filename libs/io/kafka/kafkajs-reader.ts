import type { Consumer, EachBatchPayload, IHeaders, KafkaMessage } from 'kafkajs';
import { macHeader, type FoundRecord, type Reader, type Reading } from './driver.js';

/** While a batch waits for room, the group hears from us so often, in milliseconds. */
const heartbeatMillis = 5000;

/**
 * kafkajs reads through consumer groups only. So this is a group of one, whose offsets are never committed: every time
 * it joins, it is put where the reading wants it, before its first fetch.
 */
export async function readWithKafkajs(consumer: Consumer, reading: Reading): Promise<Reader> {
  let closed = false;
  let giveUp: () => void = () => undefined;
  const closing = new Promise<void>((resolve) => (giveUp = resolve));
  const close = async (): Promise<void> => {
    closed = true;
    giveUp();
    await consumer.disconnect();
  };

  const joined = new Promise<void>((resolve, reject) => {
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      // Told synchronously, before the first fetch of the new membership.
      for (const [topic, partitions] of Object.entries(payload.memberAssignment)) {
        for (const partition of partitions as readonly number[]) {
          consumer.seek({ topic, partition, offset: String(reading.nextOffset(topic, partition)) });
        }
      }
      resolve();
    });
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      reject(payload.error);
      if (!closed) reading.failed(payload.error);
    });
  });

  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [...reading.topics], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch: (payload) => (closed ? Promise.resolve() : takeBatch(payload, reading, closing)),
    });
    await joined;
  } catch (error) {
    close().catch(() => undefined);
    throw error;
  }
  return { close };
}

async function takeBatch(payload: EachBatchPayload, reading: Reading, closing: Promise<void>): Promise<void> {
  const { topic, partition, messages } = payload.batch;
  if (payload.isStale()) return; // fetched before it was put elsewhere
  const next = BigInt(payload.batch.lastOffset()) + 1n;
  reading.ends(topic, partition, BigInt(payload.batch.highWatermark));
  const room = reading.accept(topic, partition, messages.map(foundRecord), next);
  let waiting = true;
  const settled = Promise.race([room, closing]).then(() => void (waiting = false));
  while (waiting) {
    let timer: NodeJS.Timeout | undefined;
    const pulse = new Promise<void>((resolve) => (timer = setTimeout(resolve, heartbeatMillis)));
    await Promise.race([settled, pulse]);
    clearTimeout(timer);
    if (waiting) await payload.heartbeat();
  }
}

function foundRecord(message: KafkaMessage): FoundRecord {
  return {
    offset: BigInt(message.offset),
    // A record without a value is nothing that we wrote; the receiver counts and drops it.
    value: Buffer.from(message.value ?? []),
    mac: macOf(message.headers),
  };
}

function macOf(headers: IHeaders | undefined): Uint8Array | undefined {
  const mac = headers?.[macHeader];
  if (Array.isArray(mac)) return undefined; // said twice: not ours
  return mac === undefined ? undefined : Buffer.from(mac as Buffer);
}
