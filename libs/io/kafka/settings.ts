import type { ClusterSecurity } from './cluster.js';

export type KafkaDriverName = 'kafkajs' | 'platformatic';

export interface KafkaSettings {
  readonly driver: KafkaDriverName;
  /** The region that publishes. */
  readonly region: string;
  /** Per region, this one among them: addresses of its brokers as seen from here, `host:port`. */
  readonly brokers: Readonly<Record<string, readonly string[]>>;
  /** Per region, how its cluster is secured; absent: it is not. */
  readonly security?: Readonly<Record<string, ClusterSecurity>>;
  /** Partitions of every event topic. */
  readonly shards: number;
  /** Names this process in brokers' logs. */
  readonly clientId: string;
  /** Copies of a partition within one cluster; absent: as the cluster has it by default. */
  readonly replicationFactor?: number;
  /** Whether the own topic is delivered as well. */
  readonly readsOwnTopic?: boolean;
  /** How long one publish may take, connecting included, in milliseconds. */
  readonly publishMillisMax?: number;
  readonly log?: KafkaLog;
}

export interface KafkaLogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  /** The region whose cluster it is about, where it is about one. */
  readonly cluster?: string;
  readonly cause?: unknown;
}

export type KafkaLog = (line: KafkaLogLine) => void;

/** What connections of both drivers keep to. Times in milliseconds, sizes in bytes. */
export const limits = {
  /** The largest value of a record, so that it fits a batch of its own. Events are kept below it when they are accepted. */
  recordBytesMax: 4 * 1024 * 1024 - 64 * 1024,
  /** Up to here records for one partition share a batch; a larger record has one of its own. */
  batchBytesMax: 1024 * 1024,
  /** Up to here the batches of one `publish` share a request. */
  requestBytesMax: 4 * 1024 * 1024,
  /** `max.message.bytes` of our topics: one batch with its envelope. */
  topicMessageBytesMax: 4 * 1024 * 1024,
  /** Of one partition, so that others have their turn soon; a larger record comes all the same. */
  fetchPartitionBytesMax: 1024 * 1024,
  fetchBytesMax: 8 * 1024 * 1024,
  /** What waits for `deliver`, the batch in its hands included, before fetching pauses. */
  bufferedBytesMax: 8 * 1024 * 1024,
  deliverBytesMax: 4 * 1024 * 1024,
  /** A broker answers a fetch at once when it has anything; otherwise it waits so long. */
  fetchWaitMillis: 500,
  connectMillisMax: 2000,
  requestMillisMax: 4000,
  publishMillisMax: 4000,
  /** Reading must have begun so long after connecting began, or it is begun anew. */
  openMillisMax: 10_000,
  /** So long a process that starts waits until it reads. */
  beginMillisMax: 2000,
  /** Between two attempts to read from a cluster that does not answer: recovery must be quick, an attempt is cheap. */
  reopenMillis: 250,
  /** Until a batch that `deliver` refused is delivered again. */
  redeliverMillis: 200,
  metadataMillisMax: 60_000,
  /** A client that does not manage to say good-bye is left behind. */
  closeMillisMax: 3000,
} as const;
