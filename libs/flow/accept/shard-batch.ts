import { assert } from '#core/assert.js';
import { regionOf, sameDot, type Actor, type Dot } from '#core/causality/dot.js';
import { hear, tick, type HybridClock } from '#core/causality/hybrid-timestamp.js';
import { includes, withDot } from '#core/causality/version-vector.js';
import { AtollError } from '#core/errors.js';
import { encodeEvent } from '#core/event/event-codec.js';
import type { EntityRef, Event, StoredEvent } from '#core/event/event.js';
import { birthOf } from '#core/event/mutation-id.js';
import { missingDependency, type Dependency } from '#core/consistency/dependencies.js';
import { readiness, type ParkedReason } from '#core/event/readiness.js';
import { nothingStored, receive } from '#core/event/receive.js';
import { entityKey } from '#core/event/shard-of.js';
import { decideChange } from '#core/merge/entity-decide.js';
import type { EntityType } from '#core/merge/entity-type.js';
import type { CursorRow, ShardCommit } from '../ports/event-log.js';
import { BatchStrong } from '../strong/batch-strong.js';
import { BatchConflicts } from './batch-conflicts.js';
import {
  emptyTally,
  refuse,
  type CommandDecision,
  type PendingReadiness,
  type StoreDecision,
} from './batch-decisions.js';
import { heldUp } from './held-up.js';
import { replayOf, staleInput } from './before-deciding.js';
import { BatchMutations } from './batch-mutations.js';
import { BatchWaiting } from './batch-waiting.js';
import { Missing, placeIn, type BatchWorld } from './batch-world.js';
import type { EntityCache } from './entity-cache.js';
import { WorkingEntity } from './entity-step.js';
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
  private readonly stoppedHere = new Set<Actor>();
  readonly tally = emptyTally();

  constructor(
    private readonly base: ShardState,
    private readonly world: BatchWorld,
  ) {
    this.clock = base.clock;
    this.mutations = new BatchMutations(base.shard, world);
    this.waiting = new BatchWaiting(base.waiting);
    this.strong = new BatchStrong(base, {
      ownActor: world.ownActor,
      waiting: this.waiting,
      mutations: this.mutations,
      cursor: (actor) => this.cursor(actor),
      mint: (event) => this.mintAsIs(event),
      loadedEvent: (dot) => this.loadedEvent(dot),
      bytesOf: (dot) => this.events.find(({ event }) => sameDot(event.dot, dot))?.bytes.length ?? 0,
      undecidedBytesMax: world.undecidedBytesMax,
      settle: (event) => this.settle(event, undefined),
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
    const type = this.world.types.get(command.entity.type);
    if (!type) return refuse('unknown_type', `there is no entity type ${command.entity.type}`);
    if (type.consistency === 'strong') {
      const error = this.strong.whyNot(command, known);
      if (error) return { kind: 'refused', error };
    }
    const held = heldUp(command, this.waiting, this.world);
    if (held) return held;
    const working = this.working(command.entity, command.key);
    const seen = working.state.seen;
    const stale = staleInput(command, type, seen);
    if (stale) return stale;
    return this.mint(command, type, working);
  }

  private mint(command: PreparedCommand, type: EntityType, working: WorkingEntity): CommandDecision {
    const seen = working.state.seen;
    const own = this.cursor(this.world.ownActor);
    const clock = tick(this.clock, this.world.nowMillis);
    const dot = { actor: this.world.ownActor, seq: own.stored + 1 };
    const time = { ...clock, actor: this.world.ownActor };
    const decision = decideChange(type, working.state, command, {
      dot,
      time,
      context: seen,
      ...(command.observed && { observed: command.observed }),
      ...(this.world.holdsRights(type.name) && { place: placeIn(this.world, command.mutationId) }),
    });
    if (decision.kind === 'rejected') {
      const { code, detail, path } = decision;
      return { kind: 'refused', error: new AtollError(code, detail, { fields: [{ path, code, detail }] }) };
    }
    const stored = this.stamp({
      shard: this.base.shard,
      dot,
      prev: own.hash,
      entity: command.entity,
      kind: command.kind,
      schemaVersion: type.schemaVersion,
      changes: decision.changes,
      context: seen,
      ...(command.observed && { observed: command.observed }),
      ...(command.dependencies && { dependencies: command.dependencies }),
      time,
      mutation: { id: command.mutationId, digest: command.digest },
      ...(command.resolves && command.resolves.length > 0 && { resolves: command.resolves }),
      ...(command.trace !== undefined && { trace: command.trace }),
      ...(command.asksAcks && { acks: true }),
      ...(type.consistency === 'strong' && { epoch: this.strong.epoch }),
    });
    if (stored.bytes.length > this.world.eventBytesMax) {
      return refuse(
        'too_large',
        `the change makes an event of ${stored.bytes.length} bytes; at most ${this.world.eventBytesMax}`,
      );
    }
    this.clock = clock;
    this.store(stored);
    this.mutations.record(stored.event);
    if (stored.event.epoch === undefined) this.fold(working, stored.event, []);
    else this.strong.await(stored.event);
    const after = withDot(working.state.seen, dot);
    return { kind: 'accepted', event: stored.event, seen: after, ...dependenciesFor(command, working.state) };
  }

  /** Stores an event of another region if it is the next one, and folds it if it is ready. @throws Missing */
  receive(stored: StoredEvent): StoreDecision {
    const { event } = stored;
    assert(event.dot.actor !== this.world.ownActor, 'INV-8: nobody else mints for this actor');
    if (this.base.stopped.has(event.dot.actor) || this.stoppedHere.has(event.dot.actor)) return 'stopped';
    const receipt = receive(this.cursor(event.dot.actor), {
      dot: event.dot,
      prev: event.prev,
      hash: stored.hash,
    });
    if (receipt.kind === 'fork') this.stoppedHere.add(event.dot.actor);
    if (receipt.kind !== 'next') return receipt.kind;
    const copies = this.mutations.copiesOf(event);
    this.store(stored);
    this.clock = hear(this.clock, event.time, this.world.nowMillis);
    if (event.epoch !== undefined) {
      this.strong.receive(event);
      return 'stored';
    }
    const isSecondOfItsActor = copies.some((row) => row.dot.actor === event.dot.actor);
    if (!isSecondOfItsActor) this.mutations.record(event);
    this.settle(event, isSecondOfItsActor ? 'invalid_change' : undefined);
    return 'stored';
  }

  /** Looks again at what an entity holds back: after a restart with other code, parked events may be foldable. @throws Missing */
  replay(entity: EntityRef): void {
    const key = entityKey(entity);
    const rows = this.waiting.rows(key);
    for (const row of rows) {
      if (row.state !== 'parked' || row.reason === 'quarantined') continue;
      if (this.readinessOf(this.loadedEvent(row.dot), false).kind === 'parked') return;
    }
    for (let progress = true; progress;) {
      progress = false;
      for (const row of this.waiting.rows(key)) {
        if (row.state === 'pending' && row.reason !== undefined) continue;
        const event = this.loadedEvent(row.dot);
        const ready = this.readinessOf(event, false);
        if (ready.kind === 'ready') {
          this.waiting.leave(row);
          this.fold(this.working(entity, key), event, this.copyDots(event));
          progress = true;
        } else if (ready.kind === 'pending' && this.waiting.waitsAnew(row, ready)) {
          this.addPending(event, ready);
        }
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
    for (const { actor, stored, hash, folded } of commit.cursors)
      base.cursors.set(actor, { stored, hash, folded });
    for (const [index, working] of this.dirtyEntities().entries()) {
      cache.set(working.key, working.committed(commit.entities[index]?.state.length ?? 0));
    }
    return this.strong.applyTo();
  }

  /** Forks seen by the batch stop their streams even when nothing was committed. */
  forks(): readonly Actor[] {
    return [...this.stoppedHere];
  }

  /** An event that is about no entity's state: stamped and stored, folded nowhere. */
  private mintAsIs(event: Omit<Event, 'time' | 'prev' | 'shard'>): void {
    this.clock = tick(this.clock, this.world.nowMillis);
    const { actor } = event.dot;
    const time = { ...this.clock, actor };
    this.store(this.stamp({ ...event, shard: this.base.shard, prev: this.cursor(actor).hash, time }));
  }

  private stamp(event: Event): StoredEvent {
    const bytes = this.world.hashing.utf8(encodeEvent(event));
    return { event, bytes, hash: this.world.hashing.sha256Hex(bytes) };
  }

  private store(stored: StoredEvent): void {
    const { actor, seq } = stored.event.dot;
    const cursor = this.cursor(actor);
    assert(seq === cursor.stored + 1, 'INV-3: a stored cursor has no gap');
    this.events.push(stored);
    this.cursors.set(actor, { stored: seq, hash: stored.hash, folded: cursor.folded });
  }

  private settle(event: Event, invalid: 'invalid_change' | undefined): void {
    const key = entityKey(event.entity);
    if (invalid) return this.addParked(event, invalid);
    const ready = this.readinessOf(event, this.waiting.isQuarantined(key));
    if (ready.kind === 'parked') return this.addParked(event, ready.reason);
    if (ready.kind === 'pending') return this.addPending(event, ready);
    const working = this.working(event.entity, key);
    this.fold(working, event, this.copyDots(event));
    this.foldPending(working);
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
        const ready = this.readinessOf(event, this.waiting.isQuarantined(working.key));
        if (ready.kind === 'pending') {
          this.addPending(event, ready);
          continue;
        }
        if (ready.kind === 'parked') {
          this.addParked(event, ready.reason);
          continue;
        }
        this.waiting.leave(row);
        this.fold(working, event, this.copyDots(event));
        progress = true;
      }
    }
  }

  private readinessOf(event: Event, quarantined: boolean): ReturnType<typeof readiness> {
    const key = entityKey(event.entity);
    return readiness({
      type: this.world.types.get(event.entity.type),
      event,
      seen: this.working(event.entity, key).state.seen,
      quarantined,
      ownActor: this.world.ownActor,
      nowMillis: this.world.nowMillis,
      copies: this.copyDots(event),
      dependencyMissing: this.missingDependency(event),
      shards: this.world.shards,
      waiting: event.epoch === undefined ? this.waiting.rows(key).map(({ dot }) => dot) : [],
      policyMismatch: this.world.isRefused(regionOf(event.dot.actor), event.entity.type),
    });
  }

  private missingDependency({ dependencies }: Event): Dependency | undefined {
    return missingDependency(dependencies, (shard) => {
      if (shard !== this.base.shard) return this.world.causal(shard);
      const have = new Map<Actor, number>();
      for (const actor of dependencies?.get(shard)?.keys() ?? [])
        have.set(actor, Math.min(this.cursor(actor).stored, this.waiting.lowestPending(actor) - 1));
      return have;
    });
  }

  private fold(working: WorkingEntity, event: Event, copies: readonly Dot[]): void {
    const type = this.world.types.get(event.entity.type);
    assert(type !== undefined, 'an event that is ready has a known type');
    const changes = working.fold(type, event, copies);
    this.dirty.add(working.key);
    this.tally.folded += 1;
    if (changes.refolded) this.tally.refolds += 1;
    if (copies.length > 0) this.tally.aliases += 1;
    this.conflicts.note(changes);
    this.tally.conflicts.push(...changes.found);
    for (const id of event.resolves ?? []) this.conflicts.resolve(id, event.dot);
  }

  private addPending({ dot, entity }: Event, { waitsFor, waitsIn }: PendingReadiness): void {
    this.waiting.add({ dot, entity, state: 'pending', waitsFor, ...(waitsIn !== undefined && { waitsIn }) });
    this.tally.pending += 1;
  }

  /** With a parked event goes all of its entity that is pending, but this region's own: nothing shall wait for it. */
  private addParked({ dot, entity }: Event, reason: ParkedReason): void {
    this.waiting.add({ dot, entity, state: 'parked', reason });
    this.tally.parked += 1;
    for (const row of this.waiting.rows(entityKey(entity))) {
      const isStrong = row.reason !== undefined;
      if (row.state !== 'pending' || isStrong || row.dot.actor === this.world.ownActor) continue;
      this.waiting.add({ dot: row.dot, entity, state: 'parked', reason: 'quarantined' });
      this.tally.parked += 1;
    }
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
