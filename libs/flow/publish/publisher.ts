import { packEvents, packOverheadBytes } from '#core/event/event-pack.js';
import type { EventBytes, StoredEvent } from '#core/event/event.js';
import { entityKey } from '#core/event/shard-of.js';
import type { ShardState } from '../accept/shard-state.js';
import { Wake } from '../accept/wake.js';
import type { Limits, Timing } from '../limits.js';
import { sleep, type Clock } from '../ports/clock.js';
import { CommitUnknown, LogUnavailable, type EventLog } from '../ports/event-log.js';
import type { RecordAuth } from '../ports/record-auth.js';
import type { Telemetry } from '../ports/telemetry.js';
import { TransportUnavailable, type OutgoingRecord, type Transport } from '../ports/transport.js';
import { PublishQueue, type PublishRange, type PublishRun } from './publish-queue.js';
import { RecentEvents, type SeqRange } from '../recent-events.js';

export interface PublisherParts {
  readonly log: EventLog;
  readonly transport: Transport;
  readonly auth: RecordAuth;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly limits: Limits;
  readonly timing: Timing;
  /** All regions whose cluster gets this region's events: its own too. */
  readonly clusters: readonly string[];
  /** Per shard, what a region stores of the events born here, as it told last, and for how long it has told nothing. */
  readonly storedThere: (
    region: string,
  ) => { readonly stored: ReadonlyMap<number, number>; readonly silentMillis: number } | undefined;
}

interface Cluster {
  readonly region: string;
  readonly queue: PublishQueue;
  readonly wakes: readonly Wake[];
  failures: number;
  /** When it first took a request after it had not, in monotonic milliseconds. */
  backAtMillis: number;
  /** Of the few events that gather while a request is under way. */
  gathering: (() => void) | undefined;
}

/**
 * While a request is under way and no more than this waits for the next, it gathers, so long at most: a request costs about
 * the same whether it carries one event or ten, here and in the cluster.
 */
const fewEventsMax = 16;
const gatherMillisMax = 5;

/** Until a region that is far behind is looked at again. */
const farAheadMillis = 50;

/** What a region told is taken for what it stores for a few of its heartbeats. */
const silentMillisMax = 1000;

/** After a cut the cluster may answer before its region is heard: so long what that told last is taken for what it stores. */
const backMillisMin = 2000;

interface PackedRun extends SeqRange {
  readonly records: readonly OutgoingRecord[];
}

/**
 * Station 3: sends the events born here to every region's cluster, each cluster at its own pace, several requests in
 * flight, straight from memory or else from the log. Only what is durable is ever sent (INV-2).
 */
export class Publisher {
  private readonly clusters: readonly Cluster[];
  /** Own events of each shard. */
  private readonly recent: RecentEvents<number>;
  /** The run of each shard that was packed and signed last: every cluster gets the same bytes. */
  private readonly packed = new Map<number, PackedRun>();
  private readonly saved = new Map<string, number>();
  private readonly running: Promise<void>[] = [];
  private readonly marksWake = new Wake();
  private stopping = false;

  constructor(private readonly parts: PublisherParts) {
    this.recent = new RecentEvents(parts.limits.publishRingBytesMax);
    this.clusters = parts.clusters.map((region) => ({
      region,
      queue: new PublishQueue(),
      wakes: Array.from({ length: parts.limits.publishSlots }, () => new Wake()),
      failures: 0,
      backAtMillis: -Infinity,
      gathering: undefined,
    }));
  }

  start(): void {
    for (const cluster of this.clusters) {
      for (const [slot, wake] of cluster.wakes.entries())
        this.running.push(this.runSlot(cluster, slot, wake));
    }
    this.running.push(this.keepMarks());
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.wakeAll();
    this.marksWake.wake();
    for (const { gathering } of this.clusters) gathering?.();
    await Promise.all(this.running);
  }

  /** A shard came, with the marks its former owner left. */
  own(state: ShardState, marks: ReadonlyMap<string, number>): void {
    for (const { region, queue } of this.clusters)
      queue.own(state.shard, marks.get(region) ?? 0, state.fence.lastSeq);
    this.wakeAll();
  }

  lost(shard: number): void {
    this.recent.drop(shard);
    this.packed.delete(shard);
    for (const { queue } of this.clusters) queue.lost(shard);
  }

  committed(state: ShardState, own: readonly StoredEvent[]): void {
    if (own.length === 0) return;
    this.recent.add(state.shard, own);
    for (const cluster of this.clusters) {
      cluster.queue.grow(state.shard, state.fence.lastSeq);
      this.nudge(cluster);
    }
  }

  /** There is more to send. */
  private nudge(cluster: Cluster): void {
    const { queue } = cluster;
    if (!queue.isUnderWay || queue.unsent > fewEventsMax) return wakeOne(cluster);
    cluster.gathering ??= this.parts.clock.after(gatherMillisMax, () => {
      cluster.gathering = undefined;
      wakeOne(cluster);
    });
  }

  /** Events durable here and not yet acknowledged by a region's cluster. */
  backlog(region: string): number {
    return this.clusters.find((cluster) => cluster.region === region)?.queue.backlog ?? 0;
  }

  private wakeAll(): void {
    for (const { wakes } of this.clusters) for (const wake of wakes) wake.wake();
  }

  private async runSlot(cluster: Cluster, slot: number, wake: Wake): Promise<void> {
    while (!this.stopping) {
      if (this.isFarAhead(cluster)) {
        await sleep(this.parts.clock, farAheadMillis);
        // One goes on slowly: other readers of that cluster must not wait for a region that gets nowhere.
        if (slot > 0) continue;
      }
      const ranges = this.claim(cluster.queue);
      if (ranges.length === 0) {
        await wake.wait();
        continue;
      }
      if (cluster.queue.unsent > 0) wakeOne(cluster);
      await this.send(cluster, slot, ranges);
    }
  }

  /**
   * Whether the cluster's region has more to apply than it can do until it is heard again. Sending it still more makes it no
   * faster, and takes from the writes of this process: a backlog that went out at once held them up for a second.
   */
  private isFarAhead({ region, queue, backAtMillis }: Cluster): boolean {
    const { clock, limits, storedThere } = this.parts;
    const told = queue.unsent > 0 ? storedThere(region) : undefined;
    if (told === undefined) return false;
    // Who is silent may be gone, and its cluster has other readers; who was cut off until just now is heard in a moment.
    const isCounted =
      told.silentMillis < silentMillisMax || clock.monotonicMillis() - backAtMillis < backMillisMin;
    return isCounted && queue.ahead(told.stored) > limits.publishAheadEventsMax;
  }

  /** Takes runs of several shards for one request, within its limits. */
  private claim(queue: PublishQueue): readonly PublishRun[] {
    const { publishChunkEventsMax } = this.parts.limits;
    const candidates = queue.candidates(publishChunkEventsMax);
    const claimed: PublishRun[] = [];
    let left = publishChunkEventsMax;
    for (const range of candidates) {
      if (left === 0) break;
      const fitting = { ...range, to: Math.min(range.to, range.from + left - 1) };
      const { to } = this.recent.fit(range.shard, fitting, this.parts.limits.publishChunkBytesMax);
      claimed.push(queue.begin({ ...fitting, to }));
      left -= to - fitting.from + 1;
    }
    return claimed;
  }

  private async send(cluster: Cluster, slot: number, ranges: readonly PublishRun[]): Promise<void> {
    const { telemetry, timing, transport } = this.parts;
    try {
      const records: OutgoingRecord[] = [];
      const covered: PublishRange[] = [];
      for (const range of ranges) {
        const events = await this.eventsOf(range);
        const sent = { ...range, to: range.from + events.length - 1 };
        records.push(...this.recordsOf(sent, events));
        covered.push(sent);
      }
      await transport.publish(cluster.region, slot, records);
      if (cluster.failures > 0) cluster.backAtMillis = this.parts.clock.monotonicMillis();
      cluster.failures = 0;
      for (const [index, range] of ranges.entries()) this.settle(cluster, range, covered[index]?.to ?? 0);
      const events = covered.reduce((sum, { from, to }) => sum + to - from + 1, 0);
      telemetry.count('events_published_total', { to: cluster.region }, events);
    } catch (error) {
      for (const range of ranges) cluster.queue.failed(range);
      if (!isOperational(error)) throw error;
      cluster.failures += 1;
      telemetry.count('publish_failures_total', { to: cluster.region });
      if (this.stopping) return;
      await sleep(
        this.parts.clock,
        Math.min(timing.retryMillis * 2 ** Math.min(cluster.failures, 8), timing.retryMillisMax),
      );
    }
  }

  /** A run that was read from the log may have come out shorter than claimed; the rest is sent again. */
  private settle(cluster: Cluster, run: PublishRun, sentTo: number): void {
    cluster.queue.acknowledged(run, sentTo);
    const marks = this.clusters.map(({ queue }) => queue.mark(run.shard));
    const everywhere = Math.min(...marks);
    this.recent.forget(run.shard, everywhere);
    if ((this.packed.get(run.shard)?.to ?? Infinity) <= everywhere) this.packed.delete(run.shard);
  }

  private async eventsOf(range: PublishRange): Promise<readonly EventBytes[]> {
    const remembered = this.recent.range(range.shard, range);
    if (remembered) return remembered;
    const { log, limits } = this.parts;
    const { shard, from, to } = range;
    const bytesMax = limits.publishChunkBytesMax;
    return log.rangeBytes({ shard, actor: log.identity.actor, from, limit: to - from + 1, bytesMax });
  }

  /** One record per run of events that fits, or one per event. An event alone is keyed by its entity, a run by its shard. */
  private recordsOf(
    { shard, from, to }: PublishRange,
    events: readonly EventBytes[],
  ): readonly OutgoingRecord[] {
    const { auth, limits } = this.parts;
    const known = this.packed.get(shard);
    if (known?.from === from && known.to === to) return known.records;
    const records = runsOf(events, limits).map((run) => {
      const [first] = run;
      const value = packEvents(run.map(({ bytes }) => bytes));
      const key = run.length === 1 && first ? entityKey(first.event.entity) : String(shard);
      return { shard, key, value, mac: auth.sign(value) };
    });
    this.packed.set(shard, { from, to, records });
    return records;
  }

  /** Marks are saved lazily: one that is too low only publishes twice. */
  private async keepMarks(): Promise<void> {
    const { clock, log, telemetry, timing } = this.parts;
    while (!this.stopping) {
      await this.marksWake.wait(clock, timing.marksSaveMillis);
      const changed = this.changedMarks();
      for (const { region, queue } of this.clusters)
        telemetry.gauge('publish_backlog', queue.backlog, { to: region });
      if (changed.length === 0) continue;
      try {
        await log.saveMarks(changed);
        for (const { shard, cluster, seq } of changed) this.saved.set(`${shard} ${cluster}`, seq);
      } catch (error) {
        if (!isOperational(error)) throw error;
      }
    }
  }

  private changedMarks(): { readonly shard: number; readonly cluster: string; readonly seq: number }[] {
    const changed: { readonly shard: number; readonly cluster: string; readonly seq: number }[] = [];
    for (const { region, queue } of this.clusters) {
      for (const shard of queue.owned()) {
        const seq = queue.mark(shard);
        if (this.saved.get(`${shard} ${region}`) !== seq) changed.push({ shard, cluster: region, seq });
      }
    }
    return changed;
  }
}

/** A slot that is busy looks for more by itself. */
function wakeOne({ wakes }: Cluster): void {
  wakes.find(({ isAwaited }) => isAwaited)?.wake();
}

/** Cuts events into runs that share a record, in order. A large event has one of its own. */
function runsOf(
  events: readonly EventBytes[],
  { recordEventsMax, recordBytesMax }: Limits,
): readonly (readonly EventBytes[])[] {
  const runs: EventBytes[][] = [];
  let current: EventBytes[] = [];
  let bytes = 0;
  for (const one of events) {
    const more = one.bytes.length + packOverheadBytes;
    if (current.length > 0 && (current.length >= recordEventsMax || bytes + more > recordBytesMax)) {
      runs.push(current);
      current = [];
      bytes = 0;
    }
    current.push(one);
    bytes += more;
  }
  if (current.length > 0) runs.push(current);
  return runs;
}

function isOperational(error: unknown): boolean {
  return (
    error instanceof TransportUnavailable || error instanceof LogUnavailable || error instanceof CommitUnknown
  );
}
