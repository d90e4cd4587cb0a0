import { assert } from '#core/assert.js';
import { sameDot, type Actor, type Dot } from '#core/causality/dot.js';
import { hear, tick, type HybridClock } from '#core/causality/hybrid-timestamp.js';
import { includes, withDot } from '#core/causality/version-vector.js';
import type { EntityRef, Event, StoredEvent } from '#core/event/event.js';
import { birthOf } from '#core/event/mutation-id.js';
import type { ParkedReason, Readiness } from '#core/event/readiness.js';
import { isChain, nothingStored, receive } from '#core/event/receive.js';
import { entityKey } from '#core/event/shard-of.js';
import type { CursorRow, MutationRow, ShardCommit } from '../ports/event-log.js';
import { isMovesEntity } from '#core/strong/type-record.js';
import { BatchMoves } from '../strong/batch-moves.js';
import { BatchStrong } from '../strong/batch-strong.js';
import { movingReason, undecidedReason } from '../strong/strong-shard.js';
import { BatchConflicts } from './batch-conflicts.js';
import {
  emptyTally,
  refuse,
  type CommandDecision,
  type PendingReadiness,
  type StoreDecision,
} from './batch-decisions.js';
import { BatchJudge } from './batch-judge.js';
import { replayOf } from './before-deciding.js';
import { BatchMutations } from './batch-mutations.js';
import { BatchWaiting } from './batch-waiting.js';
import { Missing, type BatchWorld } from './batch-world.js';
import type { EntityCache } from './entity-cache.js';
import { WorkingEntity } from './entity-step.js';
import { mintCommand, stamp } from './mint-command.js';
import { dependenciesFor, type PreparedCommand } from './prepared-command.js';
import type { Cursor, ShardState } from './shard-state.js';

/**
 * One batch of one shard while it is decided: a working copy over the committed state, pure and repeatable. Stamps of a
 * batch that does not commit are void with it (PROTOCOL §2).
 */
export class ShardBatch {
  private clock: HybridClock;
  private readonly cursors = new Map<Actor, Cursor>();
  private readonly entities = new Map<string, WorkingEntity>();
  private readonly dirty = new Set<string>();
  private readonly events: StoredEvent[] = [];
  private readonly mutations: BatchMutations;
  private readonly waiting: BatchWaiting;
  private readonly conflicts = new BatchConflicts();
  readonly strong: BatchStrong;
  readonly moves: BatchMoves;
  private readonly judge: BatchJudge;
  private readonly stoppedHere = new Set<Actor>();
  readonly tally = emptyTally();

  constructor(
    private readonly base: ShardState,
    private readonly world: BatchWorld,
  ) {
    this.clock = base.clock;
    this.mutations = new BatchMutations(base.shard, world);
    this.waiting = new BatchWaiting(base.waiting);
    this.judge = new BatchJudge({
      shard: base.shard,
      world,
      waiting: this.waiting,
      cursor: (actor) => this.cursor(actor),
      copies: (event) => this.copyDots(event),
      seen: (event) => this.workingOf(event).state.seen,
      moves: () => this.moves.all,
    });
    this.strong = new BatchStrong(base, {
      ownActor: world.ownActor,
      waiting: this.waiting,
      mutations: this.mutations,
      cursor: (actor) => this.cursor(actor),
      mint: (event) => this.mintAsIs(event),
      loadedEvent: (dot) => this.loadedEvent(dot),
      bytesOf: (dot) => this.events.find(({ event }) => sameDot(event.dot, dot))?.bytes.length ?? 0,
      undecidedBytesMax: world.undecidedBytesMax,
      settle: (events) => this.settle(events),
    });
    this.moves = new BatchMoves(base, {
      ownActor: world.ownActor,
      strong: this.strong,
      waiting: this.waiting,
      cursor: (actor) => this.cursor(actor),
      mint: (event) => this.mintAsIs(event),
    });
  }

  /** Decides and stamps a command of this region. @throws Missing */
  accept(command: PreparedCommand): CommandDecision {
    const known = this.mutations.rows(command.mutationId);
    const { shard } = this.base;
    const earlier = known.find((row) => entityKey(row.entity) === command.key && row.shard === shard);
    if (earlier?.digest === command.digest) {
      const { state } = this.working(command.entity, command.key);
      return replayOf(command, earlier, this.world.types.get(command.entity.type), state);
    }
    if (known.length > 0) {
      return refuse('mutation_reused', 'this mutation id was used before with another command');
    }
    const birth = command.isFirstTry ? undefined : birthOf(command.mutationId);
    if (birth && birth.bornMillis <= this.world.mutationHorizonMillis) {
      return refuse(
        'mutation_expired',
        'the record of the mutation id may be gone; the command was not executed',
      );
    }
    return this.mint(command, known);
  }

  private mint(command: PreparedCommand, known: readonly MutationRow[]): CommandDecision {
    const { shard } = this.base;
    const { world, clock, strong, moves, waiting } = this;
    const head = this.cursor(world.ownActor);
    const working = this.working.bind(this);
    const minted = mintCommand(
      { shard, world, clock, head, strong, moves, waiting, working, known },
      command,
    );
    if (minted.kind === 'refused') return minted;
    this.clock = minted.clock;
    for (const stored of minted.events) this.storeOwn(stored);
    const [event, ...also] = minted.events.map((stored) => stored.event);
    assert(event !== undefined, 'a command makes an event');
    const { state } = this.working(command.entity, command.key);
    const seen = withDot(state.seen, event.dot);
    return { kind: 'accepted', event, seen, also, ...dependenciesFor(command, state) };
  }

  private storeOwn(stored: StoredEvent): void {
    const { event } = stored;
    this.store(stored);
    this.mutations.record(event);
    if (event.epoch !== undefined) this.strong.await(event);
    else this.fold(this.working(event.entity, entityKey(event.entity)), event, []);
  }

  /**
   * Stores an event of another region if it is the next one, and folds it if it is ready; `rest`: with it all others of its
   * group, or none. @throws Missing
   */
  receive(stored: StoredEvent, rest: readonly StoredEvent[] = []): StoreDecision {
    const { event } = stored;
    assert(event.dot.actor !== this.world.ownActor, 'INV-8: nobody else mints for this actor');
    if (this.base.stopped.has(event.dot.actor) || this.stoppedHere.has(event.dot.actor)) return 'stopped';
    const receipt = receive(this.cursor(event.dot.actor), {
      dot: event.dot,
      prev: event.prev,
      hash: stored.hash,
    });
    const isForked = receipt.kind === 'fork' || !isChain([stored, ...rest]);
    if (isForked) this.stoppedHere.add(event.dot.actor);
    if (isForked) return 'fork';
    if (receipt.kind !== 'next') return receipt.kind;
    for (const one of [stored, ...rest]) this.store(one);
    const latest = rest.at(-1)?.event ?? event;
    this.clock = hear(this.clock, latest.time, this.world.nowMillis);
    if (event.epoch !== undefined) this.strong.receive([event, ...rest.map((one) => one.event)]);
    else if (isMovesEntity(event.entity)) this.moves.fold(event);
    else for (const one of [stored, ...rest]) this.receiveEventual(one.event);
    return 'stored';
  }

  private receiveEventual(event: Event): void {
    const copies = this.mutations.copiesOf(event);
    const isSecondOfItsActor = copies.some((row) => row.dot.actor === event.dot.actor);
    if (!isSecondOfItsActor) this.mutations.record(event);
    if (isSecondOfItsActor) this.addParked(event, 'invalid_change');
    else this.settle([event]);
  }

  /** Looks again at what an entity holds back: after a restart with other code, parked events may be foldable. @throws Missing */
  replay(entity: EntityRef): void {
    const key = entityKey(entity);
    const parked = this.waiting.rows(key).filter(({ state }) => state === 'parked');
    if (parked.some(({ dot }) => !this.world.isCompared(dot.actor))) return;
    const why = parked.filter(({ reason }) => reason !== 'quarantined');
    if (why.some(({ dot }) => this.verdictOf(this.loadedEvent(dot), () => false).kind === 'parked')) return;
    for (let progress = true; progress;) {
      progress = false;
      for (const row of this.waiting.rows(key)) {
        if (row.state === 'pending' && row.reason === undecidedReason) continue;
        const event = this.loadedEvent(row.dot);
        const ready = this.verdictOf(event, () => false);
        if (ready.kind === 'ready') {
          this.foldWhole(event);
          progress = true;
          // What was folded with it may have brought more of this entity along.
          if (event.group) break;
        } else if (ready.kind === 'pending' && this.waiting.waitsAnew(row, ready)) {
          this.addPending(event, ready);
        } else if (ready.kind === 'parked' && (row.state === 'pending' || row.reason === movingReason))
          this.addParked(event, ready.reason);
      }
    }
  }

  /** Everything the batch does, as one commit; `undefined` when it changes nothing. */
  finish(): ShardCommit | undefined {
    if (this.events.length === 0 && !this.waiting.hasChanged && !this.strong.hasChanged) return undefined;
    return {
      shard: this.base.shard,
      fence: this.base.fence,
      lastSeq: this.cursor(this.world.ownActor).stored,
      hybridFloorMillis: this.clock.wallMillis,
      events: this.events,
      entities: this.dirtyEntities().map((working) => working.row()),
      cursors: this.cursorRows(),
      mutations: this.mutations.added,
      waiting: this.waiting.added(),
      settled: this.waiting.settled(),
      ...this.conflicts.rows(),
      ...this.strong.rows(),
    };
  }

  /** Makes the batch the committed state, and answers whether the strong log has changed. Only after its commit. */
  applyTo(cache: EntityCache, commit: ShardCommit): boolean {
    const { base } = this;
    base.fence = { ...base.fence, batch: base.fence.batch + 1, lastSeq: commit.lastSeq };
    base.clock = this.clock;
    this.waiting.applyTo(base.waiting);
    for (const { id } of commit.mutations) base.mutations.note(id);
    for (const { actor, stored, hash, folded } of commit.cursors)
      base.cursors.set(actor, { stored, hash, folded });
    for (const [index, working] of this.dirtyEntities().entries()) {
      cache.set(working.key, working.committed(), commit.entities[index]?.state ?? '');
    }
    const isMoved = this.moves.applyTo();
    return this.strong.applyTo() || isMoved;
  }

  /** Forks seen by the batch stop their streams even when nothing was committed. */
  forks(): readonly Actor[] {
    return [...this.stoppedHere];
  }

  /** An event that is about no entity's state: stamped and stored, folded nowhere. */
  private mintAsIs(event: Omit<Event, 'time' | 'prev' | 'shard'>): Event {
    this.clock = tick(this.clock, this.world.nowMillis);
    const { actor } = event.dot;
    const time = { ...this.clock, actor };
    const whole = { ...event, shard: this.base.shard, prev: this.cursor(actor).hash, time };
    this.store(stamp(this.world.hashing, whole));
    return whole;
  }

  private store(stored: StoredEvent): void {
    const { actor, seq } = stored.event.dot;
    const cursor = this.cursor(actor);
    assert(seq === cursor.stored + 1, 'INV-3: a stored cursor has no gap');
    this.events.push(stored);
    this.cursors.set(actor, { stored: seq, hash: stored.hash, folded: cursor.folded });
  }

  /** Folds events that count only together, or holds all of them back. */
  private settle(events: readonly Event[]): void {
    const [first] = events;
    if (first && isMovesEntity(first.entity)) return this.moves.fold(first);
    const verdicts = events.map((event) => this.judge.readinessOf(event, this.isQuarantined(event.entity)));
    const parked = verdicts.some(({ kind }) => kind === 'parked');
    const held = verdicts.find(({ kind }) => kind === 'pending');
    for (const [at, event] of events.entries()) {
      const verdict = verdicts[at];
      if (verdict?.kind === 'parked') this.addParked(event, verdict.reason);
      else if (parked) this.addParked(event, 'quarantined');
      else if (held?.kind === 'pending') this.addPending(event, verdict?.kind === 'pending' ? verdict : held);
      else this.fold(this.workingOf(event), event, this.copyDots(event));
    }
    if (parked || held) return;
    for (const event of events) this.foldPending(this.workingOf(event));
  }

  /** Folds what waited for what has just been folded, as far as it goes. */
  private foldPending(working: WorkingEntity): void {
    if (this.waiting.isEmpty) return;
    for (let progress = true; progress;) {
      progress = false;
      for (const row of this.waiting.rows(working.key)) {
        // A dependency is not of this entity: whoever covers it asks for the entity to be looked at again.
        if (row.state !== 'pending' || row.waitsIn !== undefined || row.reason !== undefined) continue;
        if (row.waitsFor && !includes(working.state.seen, row.waitsFor)) continue;
        const event = this.loadedEvent(row.dot);
        const ready = this.verdictOf(event, (entity) => this.isQuarantined(entity));
        if (ready.kind === 'pending') this.addPending(event, ready);
        else if (ready.kind === 'parked') this.addParked(event, ready.reason);
        else {
          this.foldWhole(event);
          progress = true;
          if (event.group) break;
        }
      }
    }
  }

  /** Of a group: the first verdict on any part that is not ready, for it is folded as a whole. @throws Missing */
  private verdictOf(event: Event, isQuarantined: (entity: EntityRef) => boolean): Readiness {
    let verdict: Readiness = { kind: 'ready' };
    for (const part of this.groupOf(event)) {
      verdict = this.judge.readinessOf(part, isQuarantined(part.entity));
      if (verdict.kind !== 'ready') break;
    }
    return verdict;
  }

  /** Folds an event that was held back, with all others of its group. @throws Missing */
  private foldWhole(event: Event): void {
    const parts = this.groupOf(event);
    for (const part of parts) {
      this.waiting.leave({ dot: part.dot, entity: part.entity, state: 'pending' });
      this.fold(this.workingOf(part), part, this.copyDots(part));
    }
    for (const part of parts) if (part !== event) this.replay(part.entity);
  }

  /** All events of the group that an event is of, itself included; alone where it is of none. @throws Missing */
  private groupOf(event: Event): readonly Event[] {
    const { group, dot } = event;
    if (!group) return [event];
    return Array.from({ length: group.size }, (_, index) => {
      if (index === group.index) return event;
      const part = this.loadedEvent({ actor: dot.actor, seq: dot.seq - group.index + index });
      if (!this.world.isLoaded(entityKey(part.entity)))
        throw new Missing({ kind: 'entity', entity: part.entity });
      return part;
    });
  }

  private fold(working: WorkingEntity, event: Event, copies: readonly Dot[]): void {
    const type = this.world.types.get(event.entity.type);
    assert(type !== undefined, 'an event that is ready has a known type');
    const changes = working.fold(type, event, copies);
    this.dirty.add(working.key);
    this.tally.folded += 1;
    if (changes.refolded) this.tally.refolds.push(event.entity.type);
    if (copies.length > 0) this.tally.aliases += 1;
    this.conflicts.note(changes);
    this.tally.conflicts.push(...changes.found);
    for (const id of event.resolves ?? []) this.conflicts.resolve(id, event.dot);
  }

  private addPending(event: Event, readiness: PendingReadiness): void {
    this.waiting.hold(event, readiness);
    this.tally.pending.push(event.entity.type);
  }

  private addParked(event: Event, reason: ParkedReason): void {
    const events = this.waiting.park(event, reason, this.world.ownActor);
    this.tally.parked.push({ type: event.entity.type, reason, events });
  }

  /** The event behind a waiting dot: of this batch, or loaded. @throws Missing */
  private loadedEvent(dot: Dot): Event {
    const here = this.events.find(({ event }) => sameDot(event.dot, dot)) ?? this.world.held(dot);
    if (!here) throw new Missing({ kind: 'event', dot });
    return here.event;
  }

  private copyDots(event: Event): readonly Dot[] {
    return this.mutations.copiesOf(event).map(({ dot }) => dot);
  }

  private isQuarantined(entity: EntityRef): boolean {
    return this.waiting.isQuarantined(entityKey(entity));
  }

  private workingOf({ entity }: Event): WorkingEntity {
    return this.working(entity, entityKey(entity));
  }

  private working(entity: EntityRef, key: string): WorkingEntity {
    const found = this.entities.get(key);
    if (found) return found;
    const working = new WorkingEntity(entity, key, this.base.shard, this.world, this.world.entity(key));
    this.entities.set(key, working);
    return working;
  }

  private cursor(actor: Actor): Cursor {
    return this.cursors.get(actor) ?? this.base.cursors.get(actor) ?? { ...nothingStored, folded: 0 };
  }

  /** Always in the same order. */
  private dirtyEntities(): readonly WorkingEntity[] {
    return [...this.dirty].map((key) => {
      const working = this.entities.get(key);
      assert(working !== undefined, 'a dirty entity is one of the batch');
      return working;
    });
  }

  /** Cursors of all actors whose stored or folded position may have moved: folded = stored, below the first that waits. */
  private cursorRows(): readonly CursorRow[] {
    const actors = new Set([...this.cursors.keys(), ...this.waiting.touchedActors()]);
    return [...actors].map((actor) => {
      const { stored, hash } = this.cursor(actor);
      return { actor, stored, hash, folded: Math.min(stored, this.waiting.lowest(actor) - 1) };
    });
  }
}
