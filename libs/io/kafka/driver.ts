import type { OutgoingRecord } from '#flow/ports/transport.js';
import type { Cluster } from './cluster.js';
import type { TopicShape } from './topics.js';

/** A record as a driver found it. Bytes are its own copy, so that keeping one record does not keep a whole fetch. */
export interface FoundRecord {
  readonly offset: bigint;
  readonly value: Uint8Array;
  readonly mac: Uint8Array | undefined;
}

/** The offsets that a partition holds at the moment: from `earliest` up to, and without, `end`. */
export interface PartitionRange {
  readonly topic: string;
  readonly partition: number;
  readonly earliest: bigint;
  readonly end: bigint;
}

/** One connection for producing to one cluster. It is used by one caller at a time, and thrown away after any failure. */
export interface Sender {
  /** Connects if need be; resolves when all in-sync replicas have the records, in the given order per partition. */
  send(topic: string, records: readonly OutgoingRecord[]): Promise<void>;
  close(): Promise<void>;
}

/** What a reader reads and whom it tells. */
export interface Reading {
  readonly topics: readonly string[];
  /** Where to read on. A driver asks before its first fetch, and again whenever it lost its place. */
  nextOffset(topic: string, partition: number): bigint;
  /** Takes records that follow each other, up to the offset `next`; resolves when there is room for more. Never rejects. */
  accept(topic: string, partition: number, records: readonly FoundRecord[], next: bigint): Promise<void>;
  /** What a fetch tells on the way: the partition holds records up to, and without, this offset. */
  ends(topic: string, partition: number, end: bigint): void;
  /** Reading has ended by itself; it is begun anew with another reader. */
  failed(error: unknown): void;
}

export interface Reader {
  close(): Promise<void>;
}

/** What differs between Kafka clients, and nothing else: lanes, deadlines, buffers and retrying are common to all. */
export interface KafkaDriver {
  /** Creates what is missing, and says whether anything was. @throws PartitionMismatch */
  createTopics(cluster: Cluster, shapes: readonly TopicShape[]): Promise<boolean>;
  /** Asks the leaders of all partitions; so it also tells that they serve. */
  ranges(cluster: Cluster, topics: readonly string[]): Promise<readonly PartitionRange[]>;
  /** Does not connect yet. */
  sender(cluster: Cluster): Sender;
  /** Resolves once fetching has begun. Depends on no other consumer: every partition of every topic is read. */
  read(cluster: Cluster, reading: Reading): Promise<Reader>;
}

export const macHeader = 'mac';
