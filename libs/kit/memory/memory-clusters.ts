import { assert } from '#core/assert.js';
import type { Clock } from '#flow/ports/clock.js';
import { topicOf, type OutgoingRecord } from '#flow/ports/transport.js';
import { FixedLinks, type Links } from './links.js';

/** A record as one cluster keeps it. `mac` is absent only on records that a test put there by hand. */
export interface KeptRecord {
  readonly key: string;
  readonly value: Uint8Array;
  readonly mac: Uint8Array | undefined;
}

/** One partition of one topic: offsets run from `start`, as after retention; they never name records of two topics. */
export interface MemoryPartition {
  readonly topic: string;
  readonly origin: string;
  readonly shard: number;
  start: number;
  records: KeptRecord[];
}

export interface MemoryClustersOptions {
  readonly regions: readonly string[];
  /** Partitions of every topic. */
  readonly shards: number;
  readonly clock: Clock;
  readonly links?: Links;
  /** How long a publisher waits for an answer that does not come, in milliseconds. */
  readonly requestTimeoutMillis?: number;
  /** How often an acknowledged record is really there: 0 a lie, 1 as promised, 2 and more a repeat. */
  readonly copies?: (cluster: string, origin: string, record: OutgoingRecord) => number;
}

/** What a topic of the real transport takes. */
const recordBytesMax = 4 * 1024 * 1024 - 64 * 1024;

/**
 * The Kafka clusters of all regions, in memory, shared by the transports of all processes. Deterministic: time comes from the clock, fate from `links` and
 * `copies`, and readers are woken in the order in which they subscribed.
 */
export class MemoryClusters {
  readonly regions: readonly string[];
  readonly shards: number;
  readonly clock: Clock;
  readonly links: Links;
  readonly requestTimeoutMillis: number;
  readonly #copies: (cluster: string, origin: string, record: OutgoingRecord) => number;
  readonly #clusters = new Map<string, MemoryCluster>();

  constructor(options: MemoryClustersOptions) {
    this.regions = options.regions;
    this.shards = options.shards;
    this.clock = options.clock;
    this.links = options.links ?? new FixedLinks();
    this.requestTimeoutMillis = options.requestTimeoutMillis ?? 3000;
    this.#copies = options.copies ?? (() => 1);
    for (const region of options.regions) this.#clusters.set(region, new MemoryCluster(region, options));
  }

  cluster(region: string): MemoryCluster {
    const cluster = this.#clusters.get(region);
    assert(cluster !== undefined, `${region} has no cluster`);
    return cluster;
  }

  /** Appends what a publisher sent, as the broker does: all of it or, when one record is too large, nothing. */
  append(cluster: string, origin: string, records: readonly OutgoingRecord[]): 'appended' | 'too_large' {
    if (records.some((record) => record.value.byteLength > recordBytesMax)) return 'too_large';
    for (const record of records) {
      const kept = { key: record.key, value: record.value.slice(), mac: record.mac.slice() };
      for (let copy = this.#copies(cluster, origin, record); copy > 0; copy -= 1) {
        this.cluster(cluster).partition(origin, record.shard).records.push(kept);
      }
    }
    this.cluster(cluster).wakeReaders();
    return 'appended';
  }
}

/** One region's cluster, with what a test may do to it. */
export class MemoryCluster {
  readonly region: string;
  #up = true;
  #life = 0;
  readonly #partitions = new Map<string, readonly MemoryPartition[]>();
  readonly #readers = new Set<() => void>();
  /** The last announcement under each key: what a reader of the control topic would know. */
  readonly announcements = new Map<string, KeptRecord>();

  constructor(region: string, shape: { readonly regions: readonly string[]; readonly shards: number }) {
    this.region = region;
    for (const origin of shape.regions) {
      const partitions: MemoryPartition[] = [];
      for (let shard = 0; shard < shape.shards; shard += 1) {
        partitions.push({ topic: topicOf(origin), origin, shard, start: 0, records: [] });
      }
      this.#partitions.set(origin, partitions);
    }
  }

  get isUp(): boolean {
    return this.#up;
  }

  /** Changes at every crash: an answer of an earlier life never arrives. */
  get life(): number {
    return this.#life;
  }

  partition(origin: string, shard: number): MemoryPartition {
    const partition = this.#partitions.get(origin)?.[shard];
    assert(partition !== undefined, `the cluster of ${this.region} has no partition ${shard} for ${origin}`);
    return partition;
  }

  announced(key: string, record: KeptRecord): void {
    this.announcements.set(key, record);
  }

  partitionsOf(origin: string): readonly MemoryPartition[] {
    return this.#partitions.get(origin) ?? [];
  }

  /** Kill -9: connections break; what was acknowledged is still there after `restart`. */
  crash(): void {
    this.#up = false;
    this.#life += 1;
  }

  restart(): void {
    this.#up = true;
    this.wakeReaders();
  }

  /** The last records of a partition vanish, acknowledged or not; their offsets will be given to others. */
  loseTail(origin: string, shard: number, count: number): void {
    const { records } = this.partition(origin, shard);
    records.splice(Math.max(0, records.length - count));
  }

  /** Retention: the first records of a partition are no longer there. */
  loseHead(origin: string, shard: number, count: number): void {
    const partition = this.partition(origin, shard);
    partition.start += partition.records.splice(0, count).length;
  }

  /** The topic is deleted and created anew: empty, offsets from 0. */
  recreate(origin: string): void {
    for (const partition of this.partitionsOf(origin)) {
      partition.start = 0;
      partition.records = [];
    }
  }

  /** Puts a record straight on the topic, as anybody with access to the broker can. */
  inject(origin: string, shard: number, record: KeptRecord): void {
    this.partition(origin, shard).records.push(record);
    this.wakeReaders();
  }

  /** Calls `wake` whenever there may be something new to read; the returned function ends that. */
  onNews(wake: () => void): () => void {
    this.#readers.add(wake);
    return () => void this.#readers.delete(wake);
  }

  wakeReaders(): void {
    for (const wake of [...this.#readers]) wake();
  }
}
