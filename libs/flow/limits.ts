import { clockBoundMillis } from '#core/causality/clock-witnesses.js';

/** Limits of the stations, each with its reason. Units last in the names. */
export interface Limits {
  /** Commands and events that one transaction may carry: more gains no throughput and costs latency. */
  readonly batchItemsMax: number;
  readonly batchBytesMax: number;
  /** Requests of clients under way in one process, over HTTP and gRPC; beyond it `overloaded` (INV-15). Each costs some 20 KiB. */
  readonly requestsMax: number;
  /**
   * Bytes of all bodies that one process reads or works on at a time. What becomes of a body takes several times as much: a few
   * dozen clients with large batches would take the process's memory.
   */
  readonly requestBytesMax: number;
  /** Commands under way in one process, whatever they wait for: what their session depends on, the queue, acks, rights. */
  readonly commandsMax: number;
  /** Commands waiting to be decided in one process; beyond it `overloaded`. At most some two seconds of work. */
  readonly commandQueueMax: number;
  readonly commandQueueBytesMax: number;
  /** So many may wait however long the others had to: enough for the batches of a region that does little. */
  readonly commandQueueMin: number;
  /** Received events waiting to be applied, per process; beyond it the consumer is awaited. */
  readonly applyQueueBytesMax: number;
  /** Events ahead of their turn, per process; beyond it they are dropped and fetched again. */
  readonly earlyBufferBytesMax: number;
  readonly cacheBytesMax: number;
  /** Events remembered while they wait to be folded, per process; others are read from the log. */
  readonly heldEventsBytesMax: number;
  /** Strong events remembered per shard while they are undecided; a home with more of its own takes no other. */
  readonly undecidedBytesMax: number;
  /**
   * Folded events remembered per cached entity, to find conflicts without reading the log: those that are not stable yet, of
   * an entity that is written a thousand times a second by all regions.
   */
  readonly tailEventsMax: number;
  /** One event's bytes: below the broker's record limit, with room for the envelope (PROTOCOL §2). */
  readonly eventBytesMax: number;
  /** All events of one atomic group: whoever receives them holds them until the last is there. */
  readonly groupBytesMax: number;
  /** Freshly committed events kept per shard to publish from memory; older ones are read from the log. */
  readonly publishRingBytesMax: number;
  /** Freshly committed events kept per shard and actor while there are feeds; a feed further behind reads the log. */
  readonly feedRingBytesMax: number;
  /**
   * Events that may be on their way to a region that tells what it stores, beyond what it told: what it applies in half a second or more,
   * which is a few heartbeats and the longest way. Beyond it, it is sent as fast as it applies.
   */
  readonly publishAheadEventsMax: number;
  readonly publishChunkEventsMax: number;
  readonly publishChunkBytesMax: number;
  /** Contiguous events that one Kafka record may carry; 1 keeps one event per record, for other readers of the topic. */
  readonly recordEventsMax: number;
  /** Of the events that share a record; a larger event has a record of its own. */
  readonly recordBytesMax: number;
  /**
   * Requests in flight per cluster: over a link of 80 ms there and back, one every five milliseconds. Each has a connection of its own,
   * made when it is first needed: a near cluster uses one or two.
   */
  readonly publishSlots: number;
  readonly fetchEventsMax: number;
  readonly fetchBytesMax: number;
  /** Above this many bytes a token is replaced by the region's whole cursor set (PROTOCOL §7). */
  readonly sessionTokenBytesMax: number;
  /** Tokens that need no second check, per process: those of some thousand clients that are busy now. */
  readonly knownTokensBytesMax: number;
}

const mebibyte = 1024 * 1024;

export const limitsDefault: Limits = {
  batchItemsMax: 512,
  batchBytesMax: 4 * mebibyte,
  requestsMax: 4_096,
  requestBytesMax: 64 * mebibyte,
  commandsMax: 20_000,
  commandQueueMax: 10_000,
  commandQueueBytesMax: 64 * mebibyte,
  commandQueueMin: 128,
  applyQueueBytesMax: 32 * mebibyte,
  earlyBufferBytesMax: 32 * mebibyte,
  cacheBytesMax: 256 * mebibyte,
  heldEventsBytesMax: 64 * mebibyte,
  undecidedBytesMax: 4 * mebibyte,
  tailEventsMax: 2_048,
  eventBytesMax: 3 * mebibyte,
  groupBytesMax: 3 * mebibyte,
  publishRingBytesMax: 4 * mebibyte,
  feedRingBytesMax: mebibyte / 2,
  publishAheadEventsMax: 8_192,
  publishChunkEventsMax: 500,
  publishChunkBytesMax: 900 * 1024,
  recordEventsMax: 500,
  recordBytesMax: 256 * 1024,
  publishSlots: 16,
  fetchEventsMax: 1000,
  fetchBytesMax: 2 * mebibyte,
  sessionTokenBytesMax: 2048,
  knownTokensBytesMax: 2 * mebibyte,
};

/** Times of the loops, in milliseconds. */
export interface Timing {
  readonly leaseMillis: number;
  readonly renewMillis: number;
  readonly heartbeatMillis: number;
  /** How often what heartbeats say is put on the control topic, for others to read. */
  readonly announceMillis: number;
  /** How long a gap may last before it is fetched: one expected link delay, and the reordering between requests. */
  readonly gapPatienceMillis: number;
  /** The same while the local cluster is known to hold more of the stream: its turn comes, unless something is broken. */
  readonly carriedPatienceMillis: number;
  /** How long a write waits for acks before it asks, and how long one question may take. */
  readonly ackPatienceMillis: number;
  readonly ackAskMillisMax: number;
  /**
   * How long after a start the policies of a region are waited for that neither speaks nor is vouched for. Longer than a
   * link takes to come back; what it has published is stored then all the same.
   */
  readonly policyGraceMillis: number;
  /** How often Postgres is asked for its clock. */
  readonly clockAskMillis: number;
  /** How far the wall clock may be from those of Postgres and the peers while it stamps (PROTOCOL §10). */
  readonly clockBoundMillis: number;
  readonly retryMillis: number;
  readonly retryMillisMax: number;
  readonly marksSaveMillis: number;
  /** How often cursors of shards owned by sibling processes are read while somebody waits for them. */
  readonly cursorPollMillis: number;
  readonly feedPollMillis: number;
  readonly mutationRetentionMillis: number;
  readonly janitorMillis: number;
  /** For so long no home, or no majority, may be heard; between one and two of it the next one is looked for. */
  readonly electionMillis: number;
  /** How long one question of strong shards to another region may take. */
  readonly strongAskMillisMax: number;
}

export const timingDefault: Timing = {
  leaseMillis: 3_000,
  renewMillis: 700,
  heartbeatMillis: 250,
  announceMillis: 1_000,
  gapPatienceMillis: 200,
  carriedPatienceMillis: 10_000,
  ackPatienceMillis: 400,
  ackAskMillisMax: 2_000,
  policyGraceMillis: 10_000,
  clockAskMillis: 2_000,
  clockBoundMillis,
  retryMillis: 50,
  retryMillisMax: 1_000,
  marksSaveMillis: 1_000,
  cursorPollMillis: 20,
  feedPollMillis: 250,
  mutationRetentionMillis: 24 * 3_600_000,
  janitorMillis: 60_000,
  electionMillis: 2_000,
  strongAskMillisMax: 1_500,
};
