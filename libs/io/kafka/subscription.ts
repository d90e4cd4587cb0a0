import { topicOf, type IncomingRecord, type Subscription, type Transport } from '#flow/ports/transport.js';
import type { Cluster } from './cluster.js';
import { within } from './deadline.js';
import { DeliveryQueue } from './delivery-queue.js';
import type { FoundRecord, KafkaDriver, PartitionRange, Reader } from './driver.js';
import { ensureTopics } from './ensure-topics.js';
import { messageOf } from './message-of.js';
import { limits, type KafkaLog } from './settings.js';
import { originOf, PartitionMismatch, type TopicShape } from './topics.js';

export type StartPositions = Parameters<Transport['subscribe']>[0];

export interface SubscriptionOptions {
  readonly driver: KafkaDriver;
  readonly cluster: string;
  readonly reached: Cluster;
  readonly topics: readonly TopicShape[];
  readonly positions: StartPositions;
  readonly deliver: (records: readonly IncomingRecord[]) => Promise<void>;
  readonly log: KafkaLog;
}

interface OpenReader {
  readonly reader: Reader;
  /** From here on nothing that the reader still brings is taken. */
  readonly release: () => void;
}

type Ending = { readonly kind: 'failed'; readonly error: unknown } | { readonly kind: 'asked' };

/**
 * Reads every partition of some topics for as long as it lives: opens a reader, and when that fails for whatever reason,
 * closes it and opens another one where the last one ended. The offsets are its own; no consumer group keeps them.
 */
export class KafkaSubscription implements Subscription {
  readonly #options: SubscriptionOptions;
  readonly #queue: DeliveryQueue;
  /** Per partition the offset to read next; absent until it is first known. */
  readonly #next = new Map<string, bigint>();
  /** Per partition the offset behind its last record, as last told. */
  readonly #ends = new Map<string, bigint>();
  #run: Promise<void> | undefined;
  #endReading: (ending: Ending) => void = () => undefined;
  #begun: () => void = () => undefined;
  #reading = false;
  #stopped = false;
  #rewinding = false;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
    for (const at of options.positions) {
      const offset = offsetOf(at.offset);
      if (offset !== undefined) this.#next.set(placeOf(at.topic, at.partition), offset);
    }
    this.#queue = new DeliveryQueue({
      deliver: options.deliver,
      bufferedBytesMax: limits.bufferedBytesMax,
      deliverBytesMax: limits.deliverBytesMax,
      redeliverMillis: limits.redeliverMillis,
      refused: (cause) => this.#log('error', `delivery was refused: ${messageOf(cause)}`, cause),
    });
  }

  /** Resolves when reading has begun, or after a while anyway: an absent cluster holds up nobody. */
  async start(): Promise<void> {
    const begun = new Promise<void>((resolve) => (this.#begun = resolve));
    this.#run = this.#readForEver();
    await within(limits.beginMillisMax, 'the first fetch', begun).catch(() => undefined);
  }

  get isReading(): boolean {
    return this.#reading;
  }

  /** Whether records of the partition are known to be there that were not delivered yet. */
  isBehind(origin: string, shard: number): boolean {
    const place = placeOf(topicOf(origin), shard);
    return (this.#ends.get(place) ?? 0n) > (this.#next.get(place) ?? 0n) || this.#queue.holds(origin, shard);
  }

  get bufferedBytes(): number {
    return this.#queue.bytes;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#endReading({ kind: 'asked' });
    await this.#queue.close();
    await this.#run;
  }

  rewind(): Promise<void> {
    this.#rewinding = true;
    this.#endReading({ kind: 'asked' });
    return Promise.resolve();
  }

  async #readForEver(): Promise<void> {
    let broken = false; // one line when it breaks and one when it works again, not one per attempt
    while (!this.#stopped) {
      let opened: OpenReader | undefined;
      try {
        await this.#queue.room(); // what earlier readers fetched counts too
        const ended = new Promise<Ending>((resolve) => (this.#endReading = resolve));
        opened = await this.#open();
        this.#reading = true;
        this.#begun();
        if (broken) this.#log('info', 'reading again');
        broken = false;
        const ending = await ended;
        if (ending.kind === 'failed') throw ending.error;
      } catch (cause) {
        const grave = cause instanceof PartitionMismatch;
        this.#log(
          grave ? 'error' : broken ? 'debug' : 'warn',
          `reading broke off: ${messageOf(cause)}`,
          cause,
        );
        broken = true;
      }
      this.#reading = false;
      await this.#leave(opened);
      if (broken && !this.#stopped) await pause(limits.reopenMillis);
    }
  }

  async #leave(opened: OpenReader | undefined): Promise<void> {
    if (opened === undefined) return;
    opened.release();
    const closed = within(limits.closeMillisMax, 'closing a consumer', opened.reader.close()).catch(
      () => undefined,
    );
    if (this.#stopped) await closed; // otherwise the next reader need not wait for it
  }

  async #open(): Promise<OpenReader> {
    let live = true;
    const release = (): void => void (live = false);
    const { driver, reached, topics } = this.#options;
    const names = topics.map((topic) => topic.name);
    const opening = async (): Promise<Reader> => {
      await ensureTopics(driver, reached, topics);
      this.#place(await driver.ranges(reached, names));
      const reader = await driver.read(reached, {
        topics: names,
        nextOffset: (topic, partition) => this.#next.get(placeOf(topic, partition)) ?? 0n,
        accept: (topic, partition, records, next) => {
          if (!live) return Promise.resolve();
          this.#next.set(placeOf(topic, partition), next);
          return this.#accept(topic, partition, records);
        },
        ends: (topic, partition, end) => void (live && this.#ends.set(placeOf(topic, partition), end)),
        failed: (error) => {
          if (live) this.#endReading({ kind: 'failed', error });
        },
      });
      if (!live) await reader.close(); // too late: nobody waits for it any more
      return reader;
    };
    try {
      return { reader: await within(limits.openMillisMax, 'opening a consumer', opening()), release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Settles where to read: unknown positions become the end, those that are not there (any more, or yet) the earliest. */
  #place(ranges: readonly PartitionRange[]): void {
    for (const { topic, partition, end } of ranges) this.#ends.set(placeOf(topic, partition), end);
    if (this.#rewinding) {
      this.#queue.clear();
      this.#rewinding = false;
      for (const { topic, partition, earliest } of ranges)
        this.#next.set(placeOf(topic, partition), earliest);
      return;
    }
    for (const { topic, partition, earliest, end } of ranges) {
      const next = this.#next.get(placeOf(topic, partition)) ?? end;
      const there = next >= earliest && next <= end;
      this.#next.set(placeOf(topic, partition), there ? next : earliest);
      if (!there) this.#log('warn', `${topic}/${partition} has no offset ${next}: reading from ${earliest}`);
    }
  }

  #accept(topic: string, partition: number, found: readonly FoundRecord[]): Promise<void> {
    const origin = originOf(topic);
    if (origin === undefined) return Promise.resolve();
    return this.#queue.push(
      found.map(({ offset, value, mac }) => ({
        origin,
        shard: partition,
        value,
        mac,
        offset: String(offset),
      })),
    );
  }

  #log(level: 'debug' | 'info' | 'warn' | 'error', message: string, cause?: unknown): void {
    this.#options.log({ level, message, cluster: this.#options.cluster, cause });
  }
}

function placeOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

/** Positions come from a store of hints: what is no offset counts as absent. */
function offsetOf(text: string): bigint | undefined {
  return /^\d{1,19}$/.test(text) ? BigInt(text) : undefined;
}

function pause(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}
