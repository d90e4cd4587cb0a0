import type { Consumer } from '@platformatic/kafka';
import { macHeader, type FoundRecord, type Reader, type Reading } from './driver.js';
import { limits } from './settings.js';

type FetchResponse = Awaited<ReturnType<Consumer['fetch']>>;
type RecordsBatch = NonNullable<FetchResponse['responses'][number]['partitions'][number]['records']>[number];
type FetchTopics = Parameters<Consumer['fetch']>[0]['topics'];

/** Marks a batch in which brokers keep notes of transactions; nothing of ours is in it. */
const controlBatch = 0b10_0000;

interface Place {
  readonly topic: string;
  readonly topicId: string;
  readonly partition: number;
  readonly leader: number;
  next: bigint;
}

/**
 * Fetches straight from the leaders of the partitions, one fetch under way per leader, and no consumer group at all.
 * Whatever goes wrong ends the reader: whoever opens the next one asks for leaders and offsets anew.
 */
export async function readWithPlatformatic(consumer: Consumer, reading: Reading): Promise<Reader> {
  let closed = false;
  const close = async (): Promise<void> => {
    closed = true;
    await consumer.close(true);
  };

  let places: readonly Place[];
  try {
    consumer.topics.trackAll(...reading.topics);
    places = await placesOf(consumer, reading);
  } catch (error) {
    close().catch(() => undefined);
    throw error;
  }

  const readFrom = async (node: number): Promise<void> => {
    const own = places.filter((place) => place.leader === node);
    while (!closed) {
      const response = await consumer.fetch({
        node,
        topics: topicsOf(own),
        minBytes: 1,
        maxWaitTime: limits.fetchWaitMillis,
        maxBytes: limits.fetchBytesMax,
      });
      if (!closed) await takeResponse(response, own, reading);
    }
  };
  for (const node of new Set(places.map((place) => place.leader))) {
    readFrom(node).catch((error: unknown) => {
      if (!closed) reading.failed(error);
    });
  }
  return { close };
}

async function placesOf(consumer: Consumer, reading: Reading): Promise<Place[]> {
  const metadata = await consumer.metadata({ topics: [...reading.topics], forceUpdate: true });
  return reading.topics.flatMap((topic) => {
    const found = metadata.topics.get(topic);
    if (found === undefined) throw new Error(`the cluster does not know topic ${topic}`);
    return found.partitions.map(({ leader }, partition) => {
      if (leader < 0) throw new Error(`${topic}/${partition} has no leader`);
      return { topic, topicId: found.id, partition, leader, next: reading.nextOffset(topic, partition) };
    });
  });
}

function topicsOf(places: readonly Place[]): FetchTopics {
  const topics = new Map<string, FetchTopics[number]>();
  for (const place of places) {
    const topic = topics.get(place.topicId) ?? { topicId: place.topicId, partitions: [] };
    topics.set(place.topicId, topic);
    topic.partitions.push({
      partition: place.partition,
      fetchOffset: place.next,
      partitionMaxBytes: limits.fetchPartitionBytesMax,
      currentLeaderEpoch: -1,
      lastFetchedEpoch: -1,
    });
  }
  return [...topics.values()];
}

async function takeResponse(
  response: FetchResponse,
  places: readonly Place[],
  reading: Reading,
): Promise<void> {
  for (const { topicId, partitions } of response.responses) {
    for (const { partitionIndex, highWatermark, records } of partitions) {
      const place = places.find((known) => known.topicId === topicId && known.partition === partitionIndex);
      if (place === undefined) continue;
      reading.ends(place.topic, place.partition, highWatermark);
      if (!records || records.length === 0) continue;
      const found: FoundRecord[] = [];
      const from = place.next;
      for (const batch of records) {
        if ((batch.attributes & controlBatch) === 0) take(batch, from, found);
        place.next = batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n;
      }
      await reading.accept(place.topic, place.partition, found, place.next);
    }
  }
}

/** A batch begins where its first record is, which may be before the offset that was asked for. */
function take(batch: RecordsBatch, from: bigint, found: FoundRecord[]): void {
  for (const record of batch.records) {
    const offset = batch.firstOffset + BigInt(record.offsetDelta);
    if (offset < from) continue;
    found.push({
      offset,
      // A record without a value is nothing that we wrote; the receiver counts and drops it.
      value: ownBytes(record.value),
      mac: macOf(record.headers),
    });
  }
}

/** The client cuts most values out of what it fetched, and joins long ones in memory of their own: those need no second copy. */
function ownBytes(value: Buffer | null): Uint8Array {
  if (value === null) return new Uint8Array();
  return value.byteLength === value.buffer.byteLength ? value : Buffer.from(value);
}

function macOf(headers: readonly (readonly [Buffer | null, Buffer | null])[]): Uint8Array | undefined {
  const macs = headers.filter(([name]) => name?.toString() === macHeader);
  const mac = macs.length === 1 ? macs[0]?.[1] : undefined; // said twice: not ours
  return mac ? Buffer.from(mac) : undefined;
}
