/** A record on its way to a cluster, with one event or a run of them. Partition = shard, key = entity, or shard of a run. */
export interface OutgoingRecord {
  readonly shard: number;
  readonly key: string;
  readonly value: Uint8Array;
  /** MAC of the publishing member over `value`. */
  readonly mac: Uint8Array;
}

/** A record as it was found on the local cluster. Nothing in it is trusted yet. */
export interface IncomingRecord {
  /** The region whose topic it was found on. */
  readonly origin: string;
  readonly shard: number;
  readonly value: Uint8Array;
  readonly mac: Uint8Array | undefined;
  /** Opaque. */
  readonly offset: string;
}

/** The cluster cannot be reached or refused; the records may or may not be there, and will be sent again. */
export class TransportUnavailable extends Error {
  override readonly name = 'TransportUnavailable';
}

export interface Subscription {
  stop(): Promise<void>;
  /** Delivers every topic again from its start. */
  rewind(): Promise<void>;
}

/** Stations 3 and 4's carrier: Kafka. It may lose its tail, repeat and reorder between requests; it never invents. */
export interface Transport {
  /**
   * Sends records of this region to the topic `atoll.events.<own region>` of one region's cluster, and resolves when they
   * are acknowledged. One request per (cluster, slot) is under way at a time; the caller keeps to that.
   *
   * @throws TransportUnavailable
   */
  publish(cluster: string, slot: number, records: readonly OutgoingRecord[]): Promise<void>;

  /**
   * Reads the topics of all other regions from the local cluster, from the given positions (absent: from the end).
   * `deliver` is awaited before more is fetched than a bounded buffer holds. Connection loss is retried inside, for ever.
   */
  subscribe(
    positions: readonly { readonly topic: string; readonly partition: number; readonly offset: string }[],
    deliver: (records: readonly IncomingRecord[]) => Promise<void>,
  ): Promise<Subscription>;

  /**
   * Puts a message for others to read on the control topic of the local cluster. One at a time.
   *
   * @throws TransportUnavailable
   */
  announce(key: string, value: Uint8Array, mac: Uint8Array): Promise<void>;

  /** Whether the local cluster answers at the moment. */
  isConnected(): boolean;

  /**
   * Whether the local cluster is known to hold records of a region's shard that `deliver` has not taken yet: as of the last
   * fetch that told, so that it may be a little late, and `false` while nothing is known.
   */
  isBehind(origin: string, shard: number): boolean;
}

/** The topic of a region's events, in every region's cluster. */
export function topicOf(region: string): string {
  return `atoll.events.${region}`;
}
