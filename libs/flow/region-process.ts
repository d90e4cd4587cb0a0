import { formatDot } from '#core/causality/dot.js';
import { emptySession, firstUncovered, joinSessions } from '#core/consistency/session-token.js';
import { AtollError } from '#core/errors.js';
import { nothingSeen, seqOf, withDot } from '#core/causality/version-vector.js';
import type { MemberChange } from '#core/strong/membership.js';
import type { EntityRef } from '#core/event/event.js';
import {
  CommitUnknown,
  LogUnavailable,
  type ConflictQuery,
  type ConflictRow,
  type EventRange,
  type RefusedRow,
  type ShardOwner,
  type WaitingRow,
} from './ports/event-log.js';
import type { Admission } from './accept/admission.js';
import type { PeerHandlers } from './ports/peer-handlers.js';
import type { Heartbeat, RightsRequest, ShardCursors } from './ports/peers.js';
import type { Subscription } from './ports/transport.js';
import type { HandedOver } from './strong/strong-service.js';
import { ChangeFeed } from './read/change-feed.js';
import { vectorOf } from './read/region-cursors.js';
import type {
  BarrierState,
  CallOptions,
  ChangeNotice,
  Command,
  HistoryEntry,
  MembersChanged,
  ReadOptions,
  ReadOutcome,
  RegionService,
  RightsRun,
  ServiceStatus,
  StrongMembers,
  TypeMove,
  TypeMoved,
  TypeStanding,
  WriteOptions,
  WriteOutcome,
  WriteStatus,
} from './service.js';
import type { RegionPorts, RegionProcessConfig } from './region-ports.js';
import { buildStations, type Stations } from './stations.js';

/** One process of a region: all stations, wired. */
export class RegionProcess implements RegionService {
  private readonly stations: Stations;
  private readonly feeds = new Set<ChangeFeed>();
  private subscription: Subscription | undefined;

  constructor(
    private readonly ports: RegionPorts,
    private readonly config: RegionProcessConfig,
  ) {
    this.stations = buildStations(ports, config);
  }

  async start(): Promise<void> {
    const { log, transport } = this.ports;
    const { horizon, guard, executor, publisher, repairer, ownership } = this.stations;
    const { positions, receiver, janitor, expiry } = this.stations;
    horizon.raise(await log.mutationHorizonMillis());
    await guard.start();
    executor.start();
    publisher.start();
    await ownership.start();
    repairer.start();
    this.stations.strong.elections.start();
    janitor.start();
    expiry.start();
    this.subscription = await transport.subscribe(await log.positions(), async (records) => {
      await receiver.deliver(records);
      positions.passed(records);
    });
  }

  async stop(): Promise<void> {
    const {
      executor,
      publisher,
      repairer,
      dependencies,
      ownership,
      intake,
      janitor,
      positions,
      rights,
      expiry,
    } = this.stations;
    for (const feed of this.feeds) feed.stop();
    intake.stopReceiving();
    await this.subscription?.stop();
    await rights.stop();
    await this.stations.reclaims.stop();
    await expiry.stop();
    await this.stations.strong.mover.stop();
    await this.stations.strong.elections.stop();
    await repairer.stop();
    await this.stations.guard.stop();
    await janitor.stop();
    const owned = intake.owned().flatMap((shard) => {
      const state = intake.stateOf(shard);
      return state ? [{ shard, ownerEpoch: state.fence.ownerEpoch }] : [];
    });
    await publisher.stop();
    // Before the executor drops its shards: they would be taken again.
    await ownership.stop();
    await executor.stop();
    await dependencies.stop();
    await positions.save();
    await ownership.release(owned);
  }

  /** Reads every topic of the local cluster again from its start: what is known is dropped. */
  async rewind(): Promise<void> {
    await this.subscription?.rewind();
  }

  /** The door that all requests of clients come through. */
  get admission(): Admission {
    return this.stations.admission;
  }

  readonly handlers: PeerHandlers = {
    fetch: async (range: EventRange) => {
      const { limits } = this.config;
      const events = await this.ports.log.rangeBytes({
        ...range,
        limit: Math.min(range.limit, limits.fetchEventsMax),
        bytesMax: Math.min(range.bytesMax, limits.fetchBytesMax),
      });
      return events.map(({ bytes }) => bytes);
    },
    cursors: (shard: number) => this.shardCursors(shard),
    grantRights: (request: RightsRequest) => this.answered(() => this.stations.router.grantRights(request)),
    asked: (_region: string, payload: Uint8Array) => this.stations.strong.service.asked(payload),
    forward: (payload: Uint8Array) =>
      this.stations.strong.service.relayed(payload) ?? this.stations.router.serveForward(payload),
    relayed: (heartbeat: Heartbeat) => this.stations.repairer.relayed(heartbeat),
  };

  /** The database's truth, whoever owns the shard: a process that was its owner cannot tell anything else. */
  private async shardCursors(shard: number): Promise<ShardCursors> {
    const { cursors, staleness } = this.stations;
    const { actor } = this.ports.log.identity;
    const { shards } = await cursors.reading();
    const rows = shards.get(shard);
    if (!rows) throw new AtollError('invalid_request', `there is no shard ${shard}`);
    const stored = vectorOf(rows, 'stored');
    const stalenessMillis = staleness.age(staleness.since(shard, 'stored'));
    return {
      actor,
      lastSeq: seqOf(stored, actor),
      stored,
      folded: vectorOf(rows, 'folded'),
      stalenessMillis,
    };
  }

  async isReady(): Promise<boolean> {
    try {
      const owners = await this.ports.log.owners();
      return owners.every(({ leaseRemainingMillis }) => leaseRemainingMillis > 0);
    } catch (error) {
      if (error instanceof LogUnavailable || error instanceof CommitUnknown) return false;
      throw error;
    }
  }

  submit(command: Command, options: WriteOptions): Promise<WriteOutcome> {
    return this.answered(() => this.stations.router.submit(command, options));
  }

  /** What is in memory is answered at once: most of such a read would be the promises of the others. */
  async read(entity: EntityRef, options: ReadOptions): Promise<ReadOutcome> {
    const { reader } = this.stations;
    return reader.atOnce(entity, options) ?? this.answered(() => reader.read(entity, options));
  }

  readMany(entities: readonly EntityRef[], options: ReadOptions): Promise<readonly ReadOutcome[]> {
    return this.answered(() => this.stations.reader.readMany(entities, options));
  }

  list(type: string, after: string | undefined, limit: number): Promise<readonly ReadOutcome[]> {
    return this.answered(() => this.stations.reader.list(type, after, limit));
  }

  history(
    entity: EntityRef,
    page: { readonly limit: number; readonly offset: number },
  ): Promise<readonly HistoryEntry[]> {
    return this.answered(() => this.stations.reader.history(entity, page));
  }

  conflicts(query: ConflictQuery): Promise<readonly ConflictRow[]> {
    return this.answered(() => this.ports.log.conflicts(query));
  }

  conflict(id: string): Promise<ConflictRow | undefined> {
    return this.answered(() => this.ports.log.conflict(id));
  }

  async resolveConflict(
    id: string,
    command: Omit<Command, 'entity' | 'kind' | 'resolves'>,
    options: WriteOptions,
  ): Promise<WriteOutcome> {
    const conflict = await this.conflict(id);
    if (!conflict) throw new AtollError('conflict_not_found', `there is no conflict ${id} in this region`);
    const { entity, low, high } = conflict;
    const siblings = withDot(withDot(nothingSeen, low), high);
    const observed = command.observed ?? siblings;
    return this.submit({ ...command, entity, kind: 'update', observed, resolves: [id] }, options);
  }

  writeStatus(mutationId: string): Promise<WriteStatus | undefined> {
    return this.answered(() => this.stations.reader.writeStatus(mutationId));
  }

  barrier(): Promise<string> {
    return this.answered(async () => {
      await this.stations.cursors.readOthers(0);
      return this.stations.sessions.sign(this.stations.cursors.all('stored'));
    });
  }

  awaitBarrier(token: string, options: CallOptions): Promise<BarrierState> {
    return this.answered(async () => {
      const { sessions, cursors } = this.stations;
      const session = sessions.read(token);
      try {
        await cursors.cover(session, 'folded', this.ports.clock.monotonicMillis() + options.maxWaitMillis);
        return { reached: true, missing: [] };
      } catch (error) {
        if (!(error instanceof AtollError) || error.code !== 'not_covered_yet') throw error;
        const missing = [...session].flatMap(([shard, vector]) => {
          const first = firstUncovered(new Map([[shard, vector]]), (of) => cursors.vector(of, 'folded'));
          return first ? [formatDot(first.dot, shard)] : [];
        });
        return { reached: missing.length === 0, missing };
      }
    });
  }

  changes(
    query: { readonly type?: string; readonly after?: string },
    deliver: (notice: ChangeNotice) => Promise<void>,
  ): { stop(): void; readonly ended: Promise<void> } {
    const feed = new ChangeFeed(
      { ...this.stations, log: this.ports.log, timing: this.config.timing },
      query.type,
      deliver,
    );
    this.feeds.add(feed);
    const ended = feed.run(query.after).finally(() => this.feeds.delete(feed));
    return { stop: () => feed.stop(), ended };
  }

  joinSessions(tokens: Iterable<string>): string {
    const { sessions } = this.stations;
    let joined = emptySession;
    for (const token of tokens) joined = joinSessions(joined, sessions.read(token));
    return sessions.issue(joined);
  }

  status(): Promise<ServiceStatus> {
    return this.answered(() => this.stations.status.read());
  }

  owners(): Promise<readonly ShardOwner[]> {
    return this.answered(() => this.ports.log.owners());
  }

  homes(): ReadonlyMap<number, HandedOver> {
    const { intake, strong } = this.stations;
    const known = new Map<number, HandedOver>();
    for (const shard of intake.owned()) {
      const state = intake.stateOf(shard);
      const region = state && strong.homes.homeOf(state);
      if (state && region !== undefined) known.set(shard, { region, epoch: state.strong.record.promised });
    }
    return known;
  }

  handover(shard: number, to: string, force: boolean): Promise<HandedOver> {
    return this.answered(() => this.stations.strong.service.handover(shard, to, force));
  }

  strongMembers(): Promise<StrongMembers> {
    return this.answered(() => this.stations.strong.members.show());
  }

  changeStrongMembers(
    change: MemberChange,
    options: CallOptions & { readonly dryRun: boolean },
  ): Promise<MembersChanged> {
    const { dryRun, maxWaitMillis } = options;
    return this.answered(() => this.stations.strong.members.change(change, { dryRun, maxWaitMillis }));
  }

  typeStanding(): Promise<readonly TypeStanding[]> {
    return this.answered(() => this.stations.strong.types.standing());
  }

  moveType(move: TypeMove, options: CallOptions): Promise<TypeMoved> {
    return this.answered(() => this.stations.strong.types.move(move, options));
  }

  drainRights(to: string, execute: boolean): Promise<RightsRun> {
    return this.answered(() => this.stations.operators.drain(to, execute));
  }

  reclaimRights(from: string, execute: boolean): Promise<RightsRun> {
    return this.answered(() => this.stations.operators.reclaim(from, execute));
  }

  refused(limit: number): Promise<readonly (RefusedRow & { readonly shard: number })[]> {
    return this.answered(() => this.ports.log.refused({ limit }));
  }

  quarantine(limit: number): Promise<readonly (WaitingRow & { readonly shard: number })[]> {
    return this.answered(async () => {
      const rows = await this.ports.log.waiting({ limit });
      return rows.filter(({ state }) => state === 'parked');
    });
  }

  /** A database that does not answer is an operating error of the caller's request. */
  private async answered<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof LogUnavailable || error instanceof CommitUnknown) {
        throw new AtollError('unavailable', 'the database of this region does not answer', { cause: error });
      }
      throw error;
    }
  }
}

export function createRegionProcess(ports: RegionPorts, config: RegionProcessConfig): RegionProcess {
  return new RegionProcess(ports, config);
}
