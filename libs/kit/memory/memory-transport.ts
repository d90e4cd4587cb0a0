import { assert } from '#core/assert.js';
import {
  TransportUnavailable,
  type IncomingRecord,
  type OutgoingRecord,
  type Subscription,
  type Transport,
} from '#flow/ports/transport.js';
import type { MemoryCluster, MemoryClusters, MemoryPartition } from './memory-clusters.js';

type Deliver = (records: readonly IncomingRecord[]) => Promise<void>;
type Positions = Parameters<Transport['subscribe']>[0];

/** At most this much goes to one `deliver`: like a fetch of a real client, only smaller, so that runs have many batches. */
const batchRecordsMax = 100;
const batchBytesMax = 4 * 1024 * 1024;
/** Until a reader that could not reach its cluster, or whose `deliver` failed, tries again. */
const retryMillis = 200;

/** The transport of one process of `region`, on clusters in memory. */
export class MemoryTransport implements Transport {
  readonly #clusters: MemoryClusters;
  readonly #region: string;
  readonly #busy = new Set<string>();
  readonly #subscriptions = new Set<MemorySubscription>();
  #crashed = false;

  constructor(clusters: MemoryClusters, region: string) {
    this.#clusters = clusters;
    this.#region = region;
  }

  publish(cluster: string, slot: number, records: readonly OutgoingRecord[]): Promise<void> {
    if (this.#crashed) return new Promise(() => undefined);
    const lane = `${cluster}/${slot}`;
    assert(!this.#busy.has(lane), `one request per slot is under way at a time: ${lane}`);
    this.#busy.add(lane);
    return new Promise((resolve, reject) => {
      const cancel = this.#clusters.clock.after(this.#clusters.requestTimeoutMillis, () => settle('timeout'));
      let settled = false;
      const settle = (outcome: string): void => {
        // A process that crashed learns nothing any more: its promises stay open for ever.
        if (settled || this.#crashed) return;
        settled = true;
        cancel();
        this.#busy.delete(lane);
        if (outcome === 'appended') resolve();
        else reject(new TransportUnavailable(`cluster ${cluster}: ${outcome}`));
      };
      this.#send(cluster, records, settle);
    });
  }

  #send(cluster: string, records: readonly OutgoingRecord[], settle: (outcome: string) => void): void {
    const { clock, links } = this.#clusters;
    const target = this.#clusters.cluster(cluster);
    const request = links.passage(this.#region, cluster);
    if (request.kind === 'lost') return;
    clock.after(request.afterMillis, () => {
      const served = request.kind === 'arrives' && target.isUp;
      const outcome = served ? this.#clusters.append(cluster, this.#region, records) : 'refused';
      const answer = links.passage(cluster, this.#region);
      if (answer.kind === 'lost') return;
      const life = target.life;
      clock.after(answer.afterMillis, () => {
        settle(outcome === 'refused' || target.life === life ? outcome : 'connection lost');
      });
    });
  }

  subscribe(positions: Positions, deliver: Deliver): Promise<Subscription> {
    const origins = this.#clusters.regions.filter((region) => region !== this.#region);
    const subscription = new MemorySubscription({
      clusters: this.#clusters,
      cluster: this.#clusters.cluster(this.#region),
      origins,
      positions,
      deliver,
      ended: () => this.#subscriptions.delete(subscription),
    });
    this.#subscriptions.add(subscription);
    subscription.wake();
    return Promise.resolve(subscription);
  }

  announce(key: string, value: Uint8Array, mac: Uint8Array): Promise<void> {
    const { clock, links } = this.#clusters;
    const cluster = this.#clusters.cluster(this.#region);
    const way = links.passage(this.#region, this.#region);
    return new Promise((resolve, reject) => {
      const arrives = way.kind === 'arrives';
      clock.after(arrives ? way.afterMillis : this.#clusters.requestTimeoutMillis, () => {
        if (this.#crashed) return;
        if (!arrives || !cluster.isUp) return reject(new TransportUnavailable('the cluster does not answer'));
        cluster.announced(key, { key, value: value.slice(), mac: mac.slice() });
        resolve();
      });
    });
  }

  isConnected(): boolean {
    const { links } = this.#clusters;
    return (
      this.#clusters.cluster(this.#region).isUp &&
      links.passage(this.#region, this.#region).kind === 'arrives'
    );
  }

  isBehind(origin: string, shard: number): boolean {
    return [...this.#subscriptions].some((subscription) => subscription.isBehind(origin, shard));
  }

  /** The process dies: nothing is delivered and no promise of this transport settles any more. What is on its way arrives. */
  crash(): void {
    this.#crashed = true;
    for (const subscription of this.#subscriptions) subscription.crash();
    this.#subscriptions.clear();
  }
}

interface Reading {
  readonly clusters: MemoryClusters;
  readonly cluster: MemoryCluster;
  readonly origins: readonly string[];
  readonly positions: Positions;
  readonly deliver: Deliver;
  readonly ended: () => void;
}

class MemorySubscription implements Subscription {
  readonly #reading: Reading;
  readonly #next = new Map<MemoryPartition, number>();
  readonly #forgetNews: () => void;
  /** Partitions whose records are being delivered. */
  readonly #inHand = new Set<MemoryPartition>();
  #turn = 0;
  #rewinds = 0;
  #cancelFetch: (() => void) | undefined;
  #delivery: Promise<void> | undefined;
  #stopped = false;

  constructor(reading: Reading) {
    this.#reading = reading;
    const given = new Map(reading.positions.map((at) => [`${at.topic}/${at.partition}`, Number(at.offset)]));
    for (const partition of this.#partitions()) {
      const end = partition.start + partition.records.length;
      this.#next.set(partition, given.get(`${partition.topic}/${partition.shard}`) ?? end);
    }
    this.#forgetNews = reading.cluster.onNews(() => this.wake());
  }

  /** Plans one fetch, unless one is planned or under way already. */
  wake(): void {
    if (this.#stopped || this.#cancelFetch !== undefined || this.#delivery !== undefined) return;
    const { clusters, cluster } = this.#reading;
    if (!cluster.isUp) return; // its restart wakes all readers
    const answer = clusters.links.passage(cluster.region, cluster.region);
    const reached = answer.kind === 'arrives';
    this.#cancelFetch = clusters.clock.after(reached ? answer.afterMillis : retryMillis, () => {
      this.#cancelFetch = undefined;
      if (!reached) this.wake();
      else this.#fetch();
    });
  }

  #fetch(): void {
    if (!this.#reading.cluster.isUp) return;
    const { batch, taken } = this.#take();
    if (batch.length === 0) return;
    const rewinds = this.#rewinds;
    this.#delivery = this.#reading.deliver(batch).then(
      () => this.#delivered(0),
      () => {
        // The receiver did not take it: it comes again, unless everything does.
        if (rewinds === this.#rewinds) for (const [partition, from] of taken) this.#next.set(partition, from);
        this.#delivered(retryMillis);
      },
    );
  }

  #delivered(pauseMillis: number): void {
    this.#delivery = undefined;
    this.#inHand.clear();
    if (pauseMillis === 0 || this.#stopped) return this.wake();
    this.#cancelFetch = this.#reading.clusters.clock.after(pauseMillis, () => {
      this.#cancelFetch = undefined;
      this.wake();
    });
  }

  /** Takes records from the partitions in turn, beginning with another one each time, so that none is starved. */
  #take(): { readonly batch: IncomingRecord[]; readonly taken: Map<MemoryPartition, number> } {
    const batch: IncomingRecord[] = [];
    const taken = new Map<MemoryPartition, number>();
    const partitions = this.#partitions();
    this.#turn += 1;
    let bytes = 0;
    for (let i = 0; i < partitions.length; i += 1) {
      const partition = partitions[(i + this.#turn) % partitions.length];
      if (partition === undefined) continue;
      let at = this.#positionIn(partition);
      taken.set(partition, at);
      while (batch.length < batchRecordsMax && bytes < batchBytesMax) {
        const record = partition.records[at - partition.start];
        if (record === undefined) break;
        const { origin, shard } = partition;
        this.#inHand.add(partition);
        batch.push({ origin, shard, value: record.value, mac: record.mac, offset: String(at) });
        bytes += record.value.byteLength;
        at += 1;
      }
      this.#next.set(partition, at);
    }
    return { batch, taken };
  }

  /** Where to read on; a position that is not there any more, or not yet, means the earliest record. */
  #positionIn(partition: MemoryPartition): number {
    const at = this.#next.get(partition) ?? 0;
    const end = partition.start + partition.records.length;
    return at >= partition.start && at <= end ? at : partition.start;
  }

  isBehind(origin: string, shard: number): boolean {
    const partition = this.#reading.cluster.partitionsOf(origin)[shard];
    if (partition === undefined) return false;
    const end = partition.start + partition.records.length;
    return this.#inHand.has(partition) || this.#positionIn(partition) < end;
  }

  #partitions(): readonly MemoryPartition[] {
    return this.#reading.origins.flatMap((origin) => this.#reading.cluster.partitionsOf(origin));
  }

  async stop(): Promise<void> {
    this.crash();
    this.#reading.ended();
    await this.#delivery;
  }

  rewind(): Promise<void> {
    this.#rewinds += 1;
    for (const partition of this.#partitions()) this.#next.set(partition, partition.start);
    this.wake();
    return Promise.resolve();
  }

  /** Ends at once, without waiting for the delivery under way. */
  crash(): void {
    this.#stopped = true;
    this.#forgetNews();
    this.#cancelFetch?.();
    this.#cancelFetch = undefined;
  }
}
