import { assert } from '#core/assert.js';
import { formatDot, regionOf, sameDot, type Dot } from '#core/causality/dot.js';
import { includes, join, nothingSeen, type VersionVector } from '#core/causality/version-vector.js';
import { eventual, session as sessionLevel, type Level } from '#core/consistency/level.js';
import { emptySession } from '#core/consistency/session-token.js';
import { AtollError } from '#core/errors.js';
import type { EntityRef } from '#core/event/event.js';
import { entityKey, shardFor } from '#core/event/shard-of.js';
import type { Json, JsonObject } from '#core/json.js';
import { untouchedEntity, type EntityState } from '#core/merge/entity-state.js';
import type { EntityType, EntityTypes } from '#core/merge/entity-type.js';
import { decodeEntity, entityValue } from '#core/merge/entity-value.js';
import type { Here } from '#core/merge/policy.js';
import { isSuperseded } from '#core/merge/superseded.js';
import { parseJson } from '#core/parse-json.js';
import type { EntityCache } from '../accept/entity-cache.js';
import type { Intake } from '../accept/intake.js';
import type { Clock } from '../ports/clock.js';
import type { EventLog, MutationRow, WaitingRow } from '../ports/event-log.js';
import type { Telemetry } from '../ports/telemetry.js';
import {
  type HistoryEntry,
  type ReadOptions,
  type ReadOutcome,
  type WriteState,
  type WriteStatus,
} from '../service.js';
import type { StrongReads } from '../strong/strong-reads.js';
import { EntityLookups } from './entity-lookups.js';
import { OpenConflicts } from './open-conflicts.js';
import type { FreshReads } from './fresh-reads.js';
import { LevelReads } from './level-reads.js';
import { hasSiblings, ReadAnswer } from './read-answer.js';
import type { AskedRead, ReadState } from './read-state.js';
import { readTogether } from './read-together.js';
import type { RegionCursors } from './region-cursors.js';
import type { Sessions } from './sessions.js';
import type { Staleness } from './staleness.js';

export interface ReaderParts {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly types: EntityTypes;
  readonly cache: EntityCache;
  readonly intake: Intake;
  readonly cursors: RegionCursors;
  readonly sessions: Sessions;
  readonly staleness: Staleness;
  readonly fresh: FreshReads;
  readonly strongReads: StrongReads;
  readonly stable: (shard: number) => VersionVector;
}

/** Waiting rows read of one entity that this process does not own. */
const waitingRowsMax = 1_000;
const noConflicts: readonly string[] = [];
/** Tries of one strong command that were left out, each by another home. */
const refusedTriesMax = 100;

/** Station 6: values at least as new as the session asks for, from the owner's memory or from the region's database. */
export class Reader {
  private readonly levels: LevelReads;
  private readonly lookups: EntityLookups;
  private readonly openConflicts: OpenConflicts;

  constructor(private readonly parts: ReaderParts) {
    this.lookups = new EntityLookups(parts.log);
    this.openConflicts = new OpenConflicts(parts.log);
    this.levels = new LevelReads({
      ...parts,
      covered: (asked, wanted) => this.covered(asked, wanted),
      answer: (read) => this.answer(read),
      isWaitedFor: async ({ entity, shard }) => (await this.waitingOf(entity, shard)).length > 0,
    });
  }

  /**
   * What `read` would answer, where that is in memory and nothing has to be waited for or asked for first; `undefined`
   * where it is not. No promise is made on the way. @throws AtollError unknown_type, invalid_session
   */
  atOnce(entity: EntityRef, options: ReadOptions): ReadOutcome | undefined {
    const { intake, cache, cursors, sessions, staleness } = this.parts;
    const level = levelOf(options);
    if (level.kind !== 'eventual' && level.kind !== 'session' && level.kind !== 'causal') return undefined;
    const session = sessions.read(options.session);
    const type = this.typeOf(entity);
    const shard = this.shardOf(entity);
    const key = entityKey(entity);
    const owned = intake.stateOf(shard);
    const state = owned && cache.get(key)?.state;
    if (!state || owned.waiting.has(key) || !cursors.hasStored(session)) return undefined;
    if (level.kind !== 'eventual' && !this.isSurelyOwn(shard)) return undefined;
    const value = entityValue(type, state, this.here(shard));
    if (value && hasSiblings(type, value)) return undefined;
    const sinceMillis = staleness.since(shard, 'stored');
    const causal = level.kind === 'causal';
    const read = { type, entity, shard, state, quarantined: false, session, causal, sinceMillis };
    return new ReadAnswer(read, { value, openConflicts: noConflicts }, this.parts);
  }

  /** @throws AtollError unknown_type, invalid_session, not_covered_yet, entity_quarantined, no_quorum, TooStale */
  async read(entity: EntityRef, options: ReadOptions): Promise<ReadOutcome> {
    const [outcome] = await this.readMany([entity], options);
    assert(outcome !== undefined, 'one entity has one outcome');
    return outcome;
  }

  /**
   * All within one wait, one after the other in one session, unless they are eventual: a later one is never behind an earlier
   * one. What a level needs of a shard happens once, however many of the entities are in it. Of an atomic change of several of
   * them all is seen, or nothing. @throws as `read`, deadline_exceeded
   */
  async readMany(entities: readonly EntityRef[], options: ReadOptions): Promise<readonly ReadOutcome[]> {
    const { clock, sessions } = this.parts;
    const deadlineMillis = clock.monotonicMillis() + options.maxWaitMillis;
    const session = sessions.read(options.session);
    const level = levelOf(options);
    const asked = entities.map((entity): AskedRead => {
      const shard = this.shardOf(entity);
      return { type: this.typeOf(entity), entity, shard, session, level, deadlineMillis };
    });
    return readTogether(asked, {
      read: (some) => this.levels.read(some, level),
      nowMillis: () => clock.monotonicMillis(),
    });
  }

  /**
   * Reads once the session is covered, and nothing of the entity waits that the session or `wanted` names. What a token
   * left out as stable is in the database; the memory of a process that stood still and lost its shards may lack it.
   */
  private async covered(asked: AskedRead, wanted: VersionVector): Promise<ReadState> {
    const read = await this.look(asked, wanted);
    if (asked.level.kind === 'eventual' || this.isSurelyOwn(asked.shard)) return read;
    await this.parts.fresh.ownTruth(asked.shard, asked.deadlineMillis);
    return this.look(asked, wanted);
  }

  /** Whether the memory of the shard, if it is here, cannot be behind the database. */
  private isSurelyOwn(shard: number): boolean {
    const { intake, clock } = this.parts;
    const owned = intake.stateOf(shard);
    return owned === undefined || clock.monotonicMillis() < owned.leaseUntilMillis;
  }

  private async look(asked: AskedRead, wanted: VersionVector): Promise<ReadState> {
    const { cursors, staleness } = this.parts;
    const { type, entity, shard, session, deadlineMillis } = asked;
    if (!cursors.hasStored(session)) await cursors.cover(session, 'stored', deadlineMillis);
    const bySeq = { stored: staleness.since(shard, 'stored'), folded: staleness.since(shard, 'folded') };
    const isSettled = this.parts.intake.stateOf(shard)?.waiting.has(entityKey(entity)) === false;
    const waiting = isSettled ? 'nothing' : await this.settled(asked, wanted);
    const state = await this.stateOf(type, entity);
    const sinceMillis = waiting === 'nothing' ? bySeq.stored : bySeq.folded;
    const causal = asked.level.kind === 'causal';
    const quarantined = waiting === 'parked';
    return { type, entity, shard, state, quarantined, session, causal, sinceMillis };
  }

  /** In id order, local and eventual. */
  async list(typeName: string, after: string | undefined, limit: number): Promise<readonly ReadOutcome[]> {
    const { log, staleness } = this.parts;
    const type = this.typeOf({ type: typeName, id: '' });
    const since = Array.from({ length: log.identity.shards }, (_, shard) => staleness.since(shard, 'folded'));
    const rows = await log.listEntities(typeName, after, limit);
    const outcomes: ReadOutcome[] = [];
    for (const { entity, shard, isParked, ...row } of rows) {
      const state = decodedState(type, row.state);
      const read = {
        type,
        entity,
        shard,
        state,
        quarantined: isParked,
        causal: false,
        session: emptySession,
      };
      outcomes.push(await this.answer({ ...read, sinceMillis: since[shard] }));
    }
    return outcomes;
  }

  async history(
    entity: EntityRef,
    page: { readonly limit: number; readonly offset: number },
  ): Promise<readonly HistoryEntry[]> {
    const type = this.typeOf(entity);
    const shard = this.shardOf(entity);
    const stored = await this.parts.log.entityHistory(entity, shard, page);
    const waiting = await this.waitingOf(entity, shard);
    const state = await this.stateOf(type, entity);
    const strong = stored.filter(({ event }) => event.epoch !== undefined);
    const refused = await this.refusedOf(strong.map(({ event }) => event.mutation.id));
    return stored.map(({ event, hash, bytes }) => {
      const isLeftOut = refused.some(({ dot }) => sameDot(dot, event.dot));
      const held = isLeftOut ? undefined : waiting.find(({ dot }) => sameDot(dot, event.dot));
      const merged = isLeftOut
        ? 'refused'
        : (held?.state ?? (isAlias(state, event.dot) ? 'alias' : 'folded'));
      return {
        event,
        hash,
        bytes: bytes.length,
        merged,
        ...(held?.reason !== undefined && { reason: held.reason }),
      };
    });
  }

  async writeStatus(mutationId: string): Promise<WriteStatus | undefined> {
    const { mutations } = await this.parts.log.prepare({ entities: [], mutations: [mutationId] });
    const [first] = mutations;
    // A try that a new home left out has no record: another one may have been executed since.
    const refused = await this.refusedOf([mutationId]);
    const leftOut = refused.map(({ dot, shard }) => ({
      ...{ dot: formatDot(dot, shard), region: regionOf(dot.actor), state: 'refused' as const },
    }));
    if (!first) {
      const [lost] = refused;
      return lost && { mutationId, state: 'refused', copies: leftOut, entity: lost.entity };
    }
    // The parts of an atomic change have one fate: it is told of its first.
    const ofFirst = mutations.filter(({ groupIndex }) => groupIndex === first.groupIndex);
    const type = this.typeOf(first.entity);
    const found = await this.stateOf(type, first.entity);
    const waiting = await this.waitingOf(first.entity, first.shard);
    const stateOf = async ({ dot, shard }: MutationRow): Promise<WriteState> =>
      waiting.find((row) => sameDot(row.dot, dot))?.state ?? this.writeState(type, found, dot, shard);
    const copies = await Promise.all(
      ofFirst.map(async (row) => ({
        dot: formatDot(row.dot, row.shard),
        region: regionOf(row.dot.actor),
        state: await stateOf(row),
      })),
    );
    const survivor = copies.find((copy) => copy.state !== 'alias') ?? copies[0];
    const state = survivor?.state ?? 'stored';
    return { mutationId, state, copies: [...copies, ...leftOut], entity: first.entity };
  }

  /** Tries of commands that a new home left out. */
  private async refusedOf(mutationIds: readonly string[]): ReturnType<EventLog['refused']> {
    if (mutationIds.length === 0) return [];
    return this.parts.log.refused({ mutationIds, limit: mutationIds.length * refusedTriesMax });
  }

  /** The entity as it is committed here now; `undefined` for a type this region does not know. */
  async afterImage(
    entity: EntityRef,
  ): Promise<{ readonly value: JsonObject | undefined; readonly seen: VersionVector } | undefined> {
    const type = this.parts.types.get(entity.type);
    if (!type) return undefined;
    const state = await this.stateOf(type, entity);
    const shard = this.shardOf(entity);
    return { value: entityValue(type, state, this.here(shard)), seen: state.seen };
  }

  /** @throws AtollError unknown_type */
  async committedState(entity: EntityRef): Promise<EntityState> {
    return this.stateOf(this.typeOf(entity), entity);
  }

  /** Of an event that does not wait. */
  private async writeState(
    type: EntityType,
    state: EntityState,
    dot: Dot,
    shard: number,
  ): Promise<WriteState> {
    if (isAlias(state, dot)) return 'alias';
    if (!includes(state.seen, dot)) return 'stored';
    const { actor, seq } = dot;
    const [stored] = await this.parts.log.range({ shard, actor, from: seq, limit: 1, bytesMax: 1 });
    if (stored?.event.dot.seq === seq && isSuperseded(type, state, stored.event.changes)) return 'superseded';
    return includes(this.parts.stable(shard), dot) ? 'converged' : 'merged';
  }

  /** Waits for pending events that the session has seen; answers what else of the entity waits. */
  private async settled(
    { entity, shard, session, deadlineMillis }: AskedRead,
    wanted: VersionVector,
  ): Promise<'nothing' | 'pending' | 'parked'> {
    const depends = join(session.get(shard) ?? nothingSeen, wanted);
    for (;;) {
      const rows = await this.waitingOf(entity, shard);
      const held = rows.filter(({ dot }) => includes(depends, dot));
      if (held.some(({ state }) => state === 'parked')) {
        throw new AtollError(
          'entity_quarantined',
          'an event that the session has seen is parked until somebody acts',
        );
      }
      if (held.length === 0) {
        if (rows.length === 0) return 'nothing';
        return rows.some(({ state }) => state === 'parked') ? 'parked' : 'pending';
      }
      const left = deadlineMillis - this.parts.clock.monotonicMillis();
      if (left <= 0)
        throw new AtollError('not_covered_yet', 'an event that the session has seen is not folded here yet');
      await this.parts.cursors.moved(shard, left);
    }
  }

  private async waitingOf(entity: EntityRef, shard: number): Promise<readonly WaitingRow[]> {
    const owned = this.parts.intake.stateOf(shard);
    if (owned) return [...owned.waiting.ofEntity(entityKey(entity))];
    return this.parts.log.waiting({ entity, limit: waitingRowsMax });
  }

  /** Committed state: the owner's memory, else the database. */
  private async stateOf(type: EntityType, entity: EntityRef): Promise<EntityState> {
    const cached = this.parts.cache.get(entityKey(entity));
    if (cached) return cached.state;
    const text = await this.lookups.stateOf(entity);
    return text === undefined ? untouchedEntity : decodedState(type, text);
  }

  private async answer(read: ReadState): Promise<ReadAnswer> {
    const { type, entity, shard, state } = read;
    const value = entityValue(type, state, this.here(shard));
    const openConflicts =
      value && hasSiblings(type, value) ? await this.openConflicts.of(entity, type) : noConflicts;
    return new ReadAnswer(read, { value, openConflicts }, this.parts);
  }

  /** For values that say what this region may do. What is stable is asked for only when somebody wants to know. */
  private here(shard: number): Here {
    let stable: VersionVector | undefined;
    const { log, stable: stableIn } = this.parts;
    return {
      actor: log.identity.actor,
      isStable: (dot) => includes((stable ??= stableIn(shard)), dot),
    };
  }

  private shardOf(entity: EntityRef): number {
    const { log, types } = this.parts;
    return shardFor(entity, { shards: log.identity.shards, types });
  }

  private typeOf(entity: EntityRef): EntityType {
    const type = this.parts.types.get(entity.type);
    if (!type) throw new AtollError('unknown_type', `there is no entity type ${entity.type}`);
    return type;
  }
}

function levelOf({ level, session }: ReadOptions): Level {
  return level ?? (session === undefined ? eventual : sessionLevel);
}

function isAlias(state: EntityState, dot: WaitingRow['dot']): boolean {
  const [survivor] = state.copies.get(`${dot.actor}:${dot.seq}`) ?? [];
  return survivor !== undefined && (survivor.actor !== dot.actor || survivor.seq !== dot.seq);
}

function decodedState(type: EntityType, text: string): EntityState {
  return decodeEntity(type, parseJson(text) as Json);
}
