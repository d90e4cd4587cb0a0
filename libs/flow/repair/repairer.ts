import { regionOf, type Actor, type Dot } from '#core/causality/dot.js';
import { nothingSeen, seqOf, type VersionVector } from '#core/causality/version-vector.js';
import { StabilityTracker } from '#core/consistency/stability.js';
import type { ClockGuard } from '../accept/clock-guard.js';
import type { Intake } from '../accept/intake.js';
import { foldedVector, type ShardState } from '../accept/shard-state.js';
import { Wake } from '../accept/wake.js';
import type { Limits, Timing } from '../limits.js';
import type { Clock } from '../ports/clock.js';
import type { EventLog, ShardOwner } from '../ports/event-log.js';
import {
  PeerUnavailable,
  type Heartbeat,
  type Peers,
  type ShardCursors,
  type ShardHeartbeat,
  type Siblings,
} from '../ports/peers.js';
import type { Telemetry } from '../ports/telemetry.js';
import type { Transport } from '../ports/transport.js';
import type { Staleness } from '../read/staleness.js';
import type { Receiver } from '../receive/receiver.js';
import { Gaps, type Gap } from './gaps.js';
import type { PolicyAgreement } from './policy-agreement.js';
import type { Teller } from './teller.js';

export interface RepairerParts {
  readonly processId: string;
  readonly log: EventLog;
  readonly peers: Peers;
  readonly siblings: Siblings;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly limits: Limits;
  readonly timing: Timing;
  readonly intake: Intake;
  readonly receiver: Receiver;
  readonly agreement: PolicyAgreement;
  readonly teller: Teller;
  readonly staleness: Staleness;
  readonly guard: Pick<ClockGuard, 'heard'>;
  /** Owners of the region's shards as last read: heartbeats for theirs are passed on. */
  readonly owners: () => readonly ShardOwner[];
}

interface PeerSight {
  heardAtMillis: number;
  /** As its last heartbeat named it. */
  actor: Actor | undefined;
  /** Per shard: what it stores of this region's own stream. */
  readonly storedOfOurs: Map<number, number>;
}

/** The number of what was asked for and is passed on like a heartbeat; those that are sent count from 1. */
const askedNumber = 0;

/** How long a region may take to say what it stores, for who waits elsewhere. */
const askMillisMax = 2_000;

/** Fetches under way at once: each holds up to a fetch's bytes (INV-15). */
const fetchesMax = 4;

/** Station 7, as far as cursors go: hears what other regions store, and fetches what is missing from whoever has it (PROTOCOL §6). */
export class Repairer {
  private readonly gaps = new Gaps();
  private readonly sights = new Map<string, PeerSight>();
  private readonly trackers = new Map<number, StabilityTracker>();
  private readonly gapWake = new Wake();
  private readonly fetching = new Set<Promise<void>>();
  private running: Promise<void>[] = [];
  private stopping = false;
  private readonly hurried = new Set<number>();
  /** When somebody last said that they wait for what is missing of a shard, in monotonic milliseconds. */
  private readonly awaitedAt = new Map<number, number>();
  /** Shards of siblings that somebody waits for here, in monotonic milliseconds. */
  private readonly waitsElsewhere = new Map<
    number,
    { readonly beganMillis: number; readonly lastMillis: number }
  >();
  private readonly bornMillis: number;

  constructor(private readonly parts: RepairerParts) {
    this.bornMillis = parts.clock.monotonicMillis();
    parts.peers.onHeartbeat((heartbeat) => this.hear(heartbeat));
  }

  start(): void {
    this.parts.teller.start();
    this.running = [this.watchGaps()];
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.gapWake.wake();
    await this.parts.teller.stop();
    await Promise.all(this.running);
    await Promise.all(this.fetching);
  }

  lost(shard: number): void {
    this.gaps.dropShard(shard);
    this.trackers.delete(shard);
  }

  /** What is stable in a shard, as far as its owner (this process) knows; nothing for all others. */
  stable(shard: number): VersionVector {
    const state = this.parts.intake.stateOf(shard);
    return state ? this.trackerOf(shard).stable(foldedVector(state)) : nothingSeen;
  }

  /** Who mints in a region now: `unheard` of a member that nothing was heard of; `undefined` of anybody else. */
  actorOf(region: string): Actor | 'unheard' | undefined {
    if (!this.parts.peers.regions.includes(region)) return undefined;
    return this.sights.get(region)?.actor ?? 'unheard';
  }

  /** For how long nothing was heard of a region; of one that was never heard, since this process began. */
  silentMillis(region: string): number {
    const heardAt = Math.max(this.bornMillis, this.sights.get(region)?.heardAtMillis ?? -Infinity);
    return this.parts.clock.monotonicMillis() - heardAt;
  }

  /** Per shard, what a region stores of the events born here, as it told last; `undefined` of one that never did. */
  storedThere(
    region: string,
  ): { readonly stored: ReadonlyMap<number, number>; readonly silentMillis: number } | undefined {
    const sight = this.sights.get(region);
    return sight && { stored: sight.storedOfOurs, silentMillis: this.silentMillis(region) };
  }

  /** Another region says that it has minted an event that is needed here: it is fetched at once. */
  expect(shard: number, { actor, seq }: Dot): void {
    this.noteGap(shard, actor, seq);
    this.hurry(shard);
  }

  /** The receiver saw an event ahead of its turn: its origin surely stores what is before it. */
  noteGap(shard: number, actor: Actor, upTo: number): void {
    this.gaps.note({ shard, actor }, this.seen(shard, actor, regionOf(actor), upTo));
  }

  /** An event that `region` minted waits for this one: it was stored there then (PROTOCOL §7). */
  noteDependency(shard: number, { actor, seq }: Dot, region: string): void {
    const { log, intake, peers } = this.parts;
    if (actor === log.identity.actor || !intake.stateOf(shard) || !peers.regions.includes(region)) return;
    this.gaps.note({ shard, actor }, this.seen(shard, actor, region, seq));
  }

  /** Somebody waits for what is missing of a shard: it is fetched at once, or its owner is told where it is. */
  hurry(shard: number): void {
    if (!this.parts.intake.stateOf(shard)) return this.hurryOwner(shard);
    this.hurried.add(shard);
    this.awaitedAt.set(shard, this.parts.clock.monotonicMillis());
    this.gapWake.wake();
  }

  /**
   * A sibling owns the shard, and does not know that somebody waits. What comes by itself mostly comes in a moment; when it does
   * not, the other regions are asked, and what they answer is shown to the owner.
   */
  private hurryOwner(shard: number): void {
    const { clock, peers, timing } = this.parts;
    const now = clock.monotonicMillis();
    const wait = this.waitsElsewhere.get(shard);
    const beganMillis = wait && now - wait.lastMillis < timing.gapPatienceMillis ? wait.beganMillis : now;
    const isLong = now - beganMillis >= timing.gapPatienceMillis;
    this.waitsElsewhere.set(shard, { beganMillis: isLong ? now : beganMillis, lastMillis: now });
    if (!isLong) return;
    for (const region of peers.regions) {
      peers.cursors(region, shard, askMillisMax).then(
        (cursors) => this.shown(region, shard, cursors),
        () => undefined, // it is asked again while somebody waits
      );
    }
  }

  /** A heartbeat that a sibling passed on, or what it was answered because somebody waits there. */
  relayed(heartbeat: Heartbeat): void {
    const sight = this.sightOf(heartbeat.region);
    sight.actor = heartbeat.actor;
    const isAsked = heartbeat.number === askedNumber;
    if (!isAsked) {
      sight.heardAtMillis = this.parts.clock.monotonicMillis();
      this.parts.agreement.hear(heartbeat);
    }
    this.learn(heartbeat);
    if (!isAsked) return;
    for (const { shard } of heartbeat.shards) if (this.parts.intake.stateOf(shard)) this.hurry(shard);
  }

  /** A region answered what it stores, for somebody waits: what is missing here is fetched at once, by whoever owns the shard. */
  shown(region: string, shard: number, { actor, lastSeq, stored, folded }: ShardCursors): void {
    const report = { shard, lastSeq, stored, folded };
    const state = this.parts.intake.stateOf(shard);
    const told = {
      region,
      actor,
      process: 'asked',
      number: askedNumber,
      echoes: [],
      policyHashes: new Map(),
    };
    if (!state) return this.passOn({ ...told, shards: [report] });
    this.learnShard(state, told, report);
    this.hurry(shard);
  }

  /** A region promised on what it stores of a shard: what is missing here is fetched from it at once. */
  wants(region: string, shard: number, stored: VersionVector): void {
    const { actor: ownActor } = this.parts.log.identity;
    for (const [actor, upTo] of stored)
      if (actor !== ownActor) this.gaps.note({ shard, actor }, this.seen(shard, actor, region, upTo));
    this.hurry(shard);
  }

  sight(region: string): {
    readonly heardMillisAgo: number | null;
    readonly behindHere: number;
    readonly behindThere: number;
  } {
    const sight = this.sights.get(region);
    const now = this.parts.clock.monotonicMillis();
    let behindThere = 0;
    for (const shard of this.parts.intake.owned()) {
      const last = this.parts.intake.stateOf(shard)?.fence.lastSeq ?? 0;
      behindThere += Math.max(0, last - (sight?.storedOfOurs.get(shard) ?? 0));
    }
    return {
      heardMillisAgo: sight ? Math.round(now - sight.heardAtMillis) : null,
      behindHere: this.gaps.behind(region, (shard, actor) => this.parts.receiver.nextSeq(shard, actor)),
      behindThere,
    };
  }

  private hear(heartbeat: Heartbeat): void {
    if (
      !this.parts.peers.regions.includes(heartbeat.region) ||
      regionOf(heartbeat.actor) !== heartbeat.region
    )
      return;
    const sight = this.sightOf(heartbeat.region);
    sight.heardAtMillis = this.parts.clock.monotonicMillis();
    sight.actor = heartbeat.actor;
    this.parts.agreement.hear(heartbeat);
    this.learn(heartbeat);
    this.passOn(heartbeat);
  }

  private learn(heartbeat: Heartbeat): void {
    this.parts.teller.heard(heartbeat);
    this.parts.guard.heard(heartbeat, this.parts.staleness.heard(heartbeat));
    for (const report of heartbeat.shards) {
      const state = this.parts.intake.stateOf(report.shard);
      if (state) this.learnShard(state, heartbeat, report);
    }
  }

  private learnShard(
    state: ShardState,
    heartbeat: Pick<Heartbeat, 'region' | 'actor'>,
    report: ShardHeartbeat,
  ): void {
    const { actor: ownActor } = this.parts.log.identity;
    for (const [actor, upTo] of report.stored) {
      if (actor !== ownActor)
        this.gaps.note({ shard: state.shard, actor }, this.seen(state.shard, actor, heartbeat.region, upTo));
    }
    this.sightOf(heartbeat.region).storedOfOurs.set(state.shard, seqOf(report.stored, ownActor));
    const { folded, lastSeq } = report;
    const said = { folded, lastSeq, actor: heartbeat.actor };
    this.trackerOf(state.shard).report(heartbeat.region, said, foldedVector(state));
  }

  private trackerOf(shard: number): StabilityTracker {
    let tracker = this.trackers.get(shard);
    if (!tracker) {
      tracker = new StabilityTracker(this.parts.peers.regions);
      this.trackers.set(shard, tracker);
    }
    return tracker;
  }

  /** Shards that a sibling owns: it may have no connection of its own to that region. */
  private passOn(heartbeat: Heartbeat): void {
    const byAddress = new Map<string, ShardHeartbeat[]>();
    const owners = new Map(this.parts.owners().map((owner) => [owner.shard, owner]));
    for (const report of heartbeat.shards) {
      const owner = owners.get(report.shard);
      if (!owner || owner.address === '' || this.parts.intake.stateOf(report.shard)) continue;
      if (owner.owner === this.parts.processId) continue;
      const reports = byAddress.get(owner.address) ?? [];
      reports.push(report);
      byAddress.set(owner.address, reports);
    }
    for (const [address, shards] of byAddress)
      this.parts.siblings.relayHeartbeat(address, { ...heartbeat, shards });
  }

  private seen(shard: number, actor: Actor, region: string, upTo: number): Parameters<Gaps['note']>[1] {
    const nextSeq = this.parts.receiver.nextSeq(shard, actor);
    return { region, upTo, nextSeq, nowMillis: this.parts.clock.monotonicMillis() };
  }

  private sightOf(region: string): PeerSight {
    let sight = this.sights.get(region);
    if (!sight) {
      sight = { heardAtMillis: -Infinity, actor: undefined, storedOfOurs: new Map() };
      this.sights.set(region, sight);
    }
    return sight;
  }

  private async watchGaps(): Promise<void> {
    const { timing, clock, transport, telemetry, agreement } = this.parts;
    while (!this.stopping) {
      agreement.look(clock.monotonicMillis());
      await this.gapWake.wait(clock, timing.gapPatienceMillis / 2);
      if (this.stopping) return;
      const isolated = !transport.isConnected();
      telemetry.gauge('isolated', isolated ? 1 : 0);
      const hurried = new Set(this.hurried);
      this.hurried.clear();
      const due = this.gaps.due({
        nowMillis: clock.monotonicMillis(),
        patienceMillis: (gap, nextSeq) => {
          if (isolated || hurried.has(gap.shard)) return 0;
          return this.isComing(gap, nextSeq) ? timing.carriedPatienceMillis : timing.gapPatienceMillis;
        },
        nextSeq: (shard, actor) => this.parts.receiver.nextSeq(shard, actor),
      });
      for (const gap of due) {
        if (this.fetching.size >= fetchesMax) break;
        if (agreement.isCompared(gap.actor)) this.begin(gap);
      }
    }
  }

  /**
   * What the local cluster holds, or is being sent run by run, comes by itself, however long its other partitions take: fetched
   * as well, a third of a backlog came twice, and cost whoever answered as much as whoever asked. For whoever waits for it, its turn
   * may be too late.
   */
  private isComing({ shard, actor, upTo }: Gap, nextSeq: number): boolean {
    const { clock, limits, receiver, timing, transport } = this.parts;
    const region = regionOf(actor);
    const now = clock.monotonicMillis();
    const isAwaited = now - (this.awaitedAt.get(shard) ?? -Infinity) < timing.carriedPatienceMillis;
    if (isAwaited || !transport.isConnected()) return false;
    if (transport.isBehind(region, shard)) return true;
    const isMany = upTo - nextSeq >= limits.publishChunkEventsMax;
    return isMany && now - receiver.carriedAtMillis(region) < timing.gapPatienceMillis;
  }

  private begin(gap: Gap): void {
    gap.fetching = true;
    const done = this.close(gap).finally(() => {
      gap.fetching = false;
      gap.movedAtMillis = this.parts.clock.monotonicMillis();
      this.fetching.delete(done);
    });
    this.fetching.add(done);
  }

  /** Fetches from whoever showed it, as long as it gets on, or until the rest comes by itself and nobody waits for it. */
  private async close(gap: Gap): Promise<void> {
    this.parts.telemetry.count('gaps_fetched_total');
    while (!this.stopping && this.parts.intake.stateOf(gap.shard)) {
      const from = this.parts.receiver.nextSeq(gap.shard, gap.actor);
      if (from > gap.upTo) return;
      const got = await this.fetchFromAny(gap, from);
      if (got === 0) return;
      if (this.isComing(gap, from + got)) return;
    }
  }

  /** One range from the first source that has any of it; answers how many events came. */
  private async fetchFromAny(gap: Gap, from: number): Promise<number> {
    const { peers, limits, receiver, telemetry } = this.parts;
    for (const [region, upTo] of [...gap.sources]) {
      if (upTo < from) continue;
      const limit = Math.min(limits.fetchEventsMax, upTo - from + 1);
      const request = { shard: gap.shard, actor: gap.actor, from, limit, bytesMax: limits.fetchBytesMax };
      try {
        const events = await peers.fetch(region, request);
        if (events.length === 0) continue;
        telemetry.count('events_fetched_total', { from: region }, events.length);
        await receiver.deliverFetched(gap.shard, events);
        if (receiver.nextSeq(gap.shard, gap.actor) > from) return events.length;
      } catch (error) {
        if (!(error instanceof PeerUnavailable)) throw error;
      }
    }
    return 0;
  }
}
