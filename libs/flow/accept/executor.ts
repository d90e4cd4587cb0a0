import { BatchPace } from '#core/admission/batch-pace.js';
import { assert } from '#core/assert.js';
import { dotKey, regionOf, type Actor } from '#core/causality/dot.js';
import { withDot } from '#core/causality/version-vector.js';
import { AtollError } from '#core/errors.js';
import type { Event, StoredEvent } from '#core/event/event.js';
import type { Timing } from '../limits.js';
import { sleep, type Clock } from '../ports/clock.js';
import {
  CommitRefused,
  CommitUnknown,
  LogUnavailable,
  type EventLog,
  type ShardCommit,
  type WaitingRow,
} from '../ports/event-log.js';
import type { Telemetry } from '../ports/telemetry.js';
import type { PartOutcome } from '../service.js';
import type { LinkTimes } from '../repair/link-times.js';
import { type BatchLoader, type Prepared } from './batch-loader.js';
import { Missing } from './batch-world.js';
import type { EntityCache } from './entity-cache.js';
import type { HeldEvents } from './held-events.js';
import type { Intake, Lane } from './intake.js';
import type { CommandWork, TaskWork, Work } from './queues.js';
import type { CommandDecision } from './batch-decisions.js';
import { ShardBatch } from './shard-batch.js';
import type { OwnedShard, ShardWork } from './take-batch.js';
import type { ShardState } from './shard-state.js';

/** What others do when a shard's committed state moved. Called after the commit, never before (INV-2). */
export interface ExecutorListener {
  committed(
    shard: ShardState,
    own: readonly StoredEvent[],
    received: readonly StoredEvent[],
    waiting: readonly WaitingRow[],
  ): void;
  /** What is known of the shard's strong log has changed. */
  strong(shard: ShardState): void;
  /** Another process owns the shard now, or may: everything about it is forgotten. */
  lost(shard: number): void;
}

export interface ExecutorParts {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly loader: BatchLoader;
  readonly cache: EntityCache;
  readonly held: HeldEvents;
  readonly intake: Intake;
  readonly timing: Timing;
  readonly links: LinkTimes;
  readonly listener: ExecutorListener;
}

interface Decided {
  readonly work: ShardWork;
  readonly batch: ShardBatch;
  readonly decisions: ReadonlyMap<CommandWork, CommandDecision>;
  readonly results: ReadonlyMap<TaskWork, unknown>;
  readonly commit: ShardCommit | undefined;
}

/**
 * Decides and commits everything that happens to the shards this process owns: while one batch commits, commands and
 * received events gather into the next, without a timer.
 */
export class Executor {
  private readonly running: Promise<void>[] = [];
  private readonly pace = new BatchPace();
  private stopping = false;

  constructor(private readonly parts: ExecutorParts) {}

  start(): void {
    for (const lane of this.parts.intake.lanes) this.running.push(this.runLane(lane));
  }

  /** Lets batches in flight finish; whatever is still queued is refused. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.parts.intake.close();
    await Promise.all(this.running);
    for (const shard of this.parts.intake.owned()) this.drop(shard);
  }

  /** Forgets a shard that another process owns now, or may. */
  drop(shard: number): void {
    if (!this.parts.intake.drop(shard)) return;
    this.parts.cache.dropShard(shard);
    this.parts.held.dropShard(shard);
    this.parts.listener.lost(shard);
  }

  private async runLane(lane: Lane): Promise<void> {
    while (!this.stopping) {
      const work = this.parts.intake.gather(lane);
      if (work.length === 0) await lane.wake.wait();
      else {
        await this.again(await this.runBatch(work));
        await this.gatherMore(lane);
        this.parts.intake.ended(lane);
      }
    }
  }

  /** Whoever was answered just now, and what arrived meanwhile, gets into the next batch; and a little more where that saves. */
  private async gatherMore(lane: Lane): Promise<void> {
    const { clock, intake } = this.parts;
    const began = clock.monotonicMillis();
    await sleep(clock, 0);
    this.pace.turned(clock.monotonicMillis() - began);
    await intake.rest(lane, this.pace.restMillis);
  }

  /** Answers what was not committed and has to be decided again. */
  private async runBatch(work: readonly ShardWork[]): Promise<readonly ShardWork[]> {
    let sent: readonly Decided[] | undefined;
    const began = this.parts.clock.monotonicMillis();
    try {
      const decided = await this.decide(work);
      const commits = decided.flatMap(({ commit }) => (commit ? [commit] : []));
      sent = decided;
      const { fenced } = commits.length > 0 ? await this.parts.log.commit(commits) : { fenced: [] };
      this.finish(decided, new Set(fenced));
      this.parts.telemetry.observe('commit_millis', this.parts.clock.monotonicMillis() - began);
      return [];
    } catch (error) {
      if (error instanceof CommitUnknown && sent) return this.settleUnknown(sent);
      if (error instanceof CommitRefused) return this.bisect(work, error);
      if (error instanceof LogUnavailable || error instanceof CommitUnknown) return work;
      throw error;
    }
  }

  private async decide(work: readonly ShardWork[]): Promise<readonly Decided[]> {
    const prepared = await this.parts.loader.prepare(work);
    const decided: Decided[] = [];
    for (const shardWork of work) decided.push(await this.decideShard(shardWork, prepared));
    return decided;
  }

  /** Decides one shard's part; whenever the decision lacks something from the log, loads it and decides all again. */
  private async decideShard(work: ShardWork, prepared: Prepared): Promise<Decided> {
    const world = this.parts.loader.worldFor(work.owned.state, prepared);
    for (;;) {
      try {
        const batch = new ShardBatch(work.owned.state, world);
        const decisions = new Map<CommandWork, CommandDecision>();
        const results = new Map<TaskWork, unknown>();
        for (const item of work.items) {
          if (item.kind === 'command') decisions.set(item, batch.accept(item.command));
          else if (item.kind === 'event')
            this.countReceipt(batch.receive(item.stored, item.rest), item.stored);
          else if (item.kind === 'replay') batch.replay(item.entity);
          else results.set(item, item.run(batch));
        }
        return { work, batch, decisions, results, commit: batch.finish() };
      } catch (error) {
        if (!(error instanceof Missing)) throw error;
        await this.parts.loader.load(work.owned.state, world, error.need);
      }
    }
  }

  private countReceipt(decision: ReturnType<ShardBatch['receive']>, { event }: StoredEvent): void {
    if (decision === 'duplicate') this.parts.telemetry.count('duplicates_dropped_total');
    if (decision === 'fork') {
      this.parts.telemetry.count('forks_total', { actor: event.dot.actor });
      this.parts.telemetry.log('error', 'two events claim one dot: the stream is stopped', {
        dot: event.dot,
      });
    }
  }

  private finish(decided: readonly Decided[], fenced: ReadonlySet<number>): void {
    for (const one of decided) {
      const { shard } = one.work.owned.state;
      if (fenced.has(shard)) {
        this.parts.telemetry.count('fenced_total');
        this.rejectCommands(
          one.work.items,
          new AtollError('owner_moved', 'another process owns the shard now'),
        );
        this.drop(shard);
      } else this.finishShard(one);
    }
    this.parts.telemetry.gauge('cache_bytes', this.parts.cache.bytes);
  }

  private finishShard({ work, batch, decisions, results, commit }: Decided): void {
    const { state } = work.owned;
    for (const actor of batch.forks()) this.stopStream(state, actor);
    // A shard that was lost meanwhile, and perhaps taken again, has been read anew: this batch is in what was read.
    const isCurrent = this.parts.intake.stateOf(state.shard) === state;
    if (commit && isCurrent) {
      const isStrongNews = batch.applyTo(this.parts.cache, commit);
      const { actor } = this.parts.log.identity;
      const own = commit.events.filter(({ event }) => event.dot.actor === actor);
      const received = commit.events.filter(({ event }) => event.dot.actor !== actor);
      this.hold(commit);
      this.report(batch, own.length, received);
      this.parts.listener.committed(state, own, received, commit.waiting);
      if (isStrongNews) this.parts.listener.strong(state);
    }
    for (const [command, decision] of decisions) answer(command, decision);
    for (const [task, result] of results) task.resolve(result);
  }

  /** Remembers what waits since this commit, and forgets what does not wait any more. */
  private hold({ shard, events, waiting, settled }: ShardCommit): void {
    const { held } = this.parts;
    for (const dot of settled) held.drop(shard, dot);
    if (waiting.length === 0) return;
    const dots = new Set(waiting.map(({ dot }) => dotKey(dot)));
    for (const stored of events) if (dots.has(dotKey(stored.event.dot))) held.add(shard, stored);
  }

  private stopStream(state: ShardState, actor: Actor): void {
    state.stopped.add(actor);
  }

  private report(batch: ShardBatch, own: number, received: readonly StoredEvent[]): void {
    const { telemetry } = this.parts;
    const { tally } = batch;
    telemetry.observe('batch_events', own + received.length);
    if (own > 0) telemetry.count('events_committed_total', {}, own);
    if (received.length > 0) this.reportLag(received);
    if (tally.aliases > 0) telemetry.count('aliases_total', {}, tally.aliases);
    for (const type of tally.pending) telemetry.count('events_pending_total', { type });
    for (const type of tally.refolds) telemetry.count('refolds_total', { type });
    for (const { type, reason, events } of tally.parked)
      telemetry.count('events_parked_total', { type, reason }, events);
    for (const row of tally.conflicts)
      telemetry.count('conflicts_total', { type: row.entity.type, policy: row.policy });
  }

  private reportLag(received: readonly StoredEvent[]): void {
    const { telemetry, clock, log, links } = this.parts;
    const now = clock.wallMillis();
    const to = log.identity.region;
    const applied = new Map<string, { events: number; inTime: number }>();
    for (const { event } of received) {
      const from = regionOf(event.dot.actor);
      const lagMillis = Math.max(0, now - event.time.wallMillis);
      telemetry.observe('lag_millis', lagMillis, { from, to });
      let counts = applied.get(from);
      if (!counts) applied.set(from, (counts = { events: 0, inTime: 0 }));
      counts.events += 1;
      if (links.isInTime(from, lagMillis)) counts.inTime += 1;
    }
    for (const [from, { events, inTime }] of applied) {
      telemetry.count('events_applied_total', { from }, events);
      telemetry.count('events_in_time_total', { from }, inTime);
    }
  }

  /** Nobody knows whether the batch committed: raise the epoch, then read, then answer (PROTOCOL §2). */
  private async settleUnknown(decided: readonly Decided[]): Promise<readonly ShardWork[]> {
    this.parts.telemetry.count('commit_unknown_total');
    const left: ShardWork[] = [];
    for (const one of decided) {
      if (!one.commit) {
        this.finishShard(one);
        continue;
      }
      const { state } = one.work.owned;
      const claim = await this.reclaim(state);
      if (claim.kind === 'lost') {
        this.rejectCommands(
          one.work.items,
          new AtollError(
            'unavailable',
            'the outcome is not known; a retry with the same mutation id settles it',
          ),
        );
        this.drop(state.shard);
        continue;
      }
      const committed = claim.fence.batch === one.commit.fence.batch + 1;
      assert(
        committed || claim.fence.batch === one.commit.fence.batch,
        'INV-1: only the owner moves the batch number',
      );
      state.fence = { ...state.fence, ownerEpoch: claim.fence.ownerEpoch };
      if (committed) this.finishShard(one);
      else left.push(one.work);
    }
    return left;
  }

  private async reclaim(state: ShardState): ReturnType<EventLog['reclaim']> {
    for (
      let pause = this.parts.timing.retryMillis;
      ;
      pause = Math.min(pause * 2, this.parts.timing.retryMillisMax)
    ) {
      if (this.stopping) return { kind: 'lost' };
      try {
        return await this.parts.log.reclaim(state.shard, state.fence.ownerEpoch);
      } catch (error) {
        if (!(error instanceof LogUnavailable) && !(error instanceof CommitUnknown)) throw error;
        await sleep(this.parts.clock, pause);
      }
    }
  }

  /** Finds the item that the database refuses, and lets all others through. */
  private async bisect(work: readonly ShardWork[], error: CommitRefused): Promise<readonly ShardWork[]> {
    this.parts.telemetry.count('bisections_total');
    const left: ShardWork[] = [];
    if (work.length > 1) {
      for (const one of work) left.push(...(await this.runBatch([one])));
      return left;
    }
    for (const { owned, items } of work) {
      const [item] = items;
      if (items.length === 1 && item) this.giveUpOn(owned, item, error);
      else left.push(...(await this.runHalves(owned, items)));
    }
    return left;
  }

  /** What of the first half has to be decided again comes before the second: an event whose predecessor is not stored is dropped. */
  private async runHalves(owned: OwnedShard, items: readonly Work[]): Promise<readonly ShardWork[]> {
    const middle = items.length >> 1;
    const [left] = await this.runBatch([{ owned, items: items.slice(0, middle) }]);
    const second = items.slice(middle);
    return left ? [{ owned, items: [...left.items, ...second] }] : this.runBatch([{ owned, items: second }]);
  }

  private giveUpOn(owned: OwnedShard, item: Work, error: CommitRefused): void {
    this.parts.telemetry.log('error', 'the database refuses one item of a batch', { reason: error.message });
    if (item.kind === 'command' || item.kind === 'task')
      item.reject(new AtollError('internal', 'the command could not be stored', { cause: error }));
    else if (item.kind === 'event') this.stopStream(owned.state, item.stored.event.dot.actor);
  }

  private async again(work: readonly ShardWork[]): Promise<void> {
    if (work.length === 0) return;
    for (const one of work) this.parts.intake.putBack(one);
    await sleep(this.parts.clock, this.parts.timing.retryMillis);
  }

  private rejectCommands(items: readonly Work[], error: AtollError): void {
    for (const item of items) if (item.kind === 'command' || item.kind === 'task') item.reject(error);
  }
}

function answer(work: CommandWork, decision: CommandDecision): void {
  if (decision.kind === 'refused') return work.reject(decision.error);
  const { dependencies } = decision;
  const kept = dependencies ? { dependencies } : {};
  if (decision.kind === 'replayed')
    work.resolve({ dot: decision.row.dot, seen: undefined, replayed: true, ...kept });
  else {
    const also = decision.also.map(outcomeOf);
    const done = { dot: decision.event.dot, seen: decision.seen, replayed: false, ...kept };
    work.resolve(also.length > 0 ? { ...done, also } : done);
  }
}

function outcomeOf({ dot, context }: Event): PartOutcome {
  return { dot, seen: withDot(context, dot) };
}
