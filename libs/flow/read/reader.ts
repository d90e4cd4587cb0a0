import { formatDot, regionOf } from '#core/causality/dot.js';
import { includes, nothingSeen, type VersionVector } from '#core/causality/version-vector.js';
import { emptySession, sessionWith, type SessionCursors } from '#core/consistency/session-token.js';
import { AtollError } from '#core/errors.js';
import type { EntityRef } from '#core/event/event.js';
import { entityKey, shardOf } from '#core/event/shard-of.js';
import type { Json, JsonObject } from '#core/json.js';
import { untouchedEntity, type EntityState } from '#core/merge/entity-state.js';
import type { EntityType, EntityTypes } from '#core/merge/entity-type.js';
import { decodeEntity, entityValue } from '#core/merge/entity-value.js';
import type { EntityCache } from '../accept/entity-cache.js';
import type { Intake } from '../accept/intake.js';
import type { CursorWatch } from '../accept/wake.js';
import type { Clock } from '../ports/clock.js';
import type { EntityRow, EventLog, WaitingRow } from '../ports/event-log.js';
import type { Hashing } from '../ports/record-auth.js';
import type { HistoryEntry, ReadOptions, ReadOutcome, WriteState, WriteStatus } from '../service.js';
import type { RegionCursors } from './region-cursors.js';
import type { Sessions } from './sessions.js';

export interface ReaderParts {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly hashing: Hashing;
  readonly types: EntityTypes;
  readonly cache: EntityCache;
  readonly intake: Intake;
  readonly watch: CursorWatch;
  readonly cursors: RegionCursors;
  readonly sessions: Sessions;
  readonly stable: (shard: number) => VersionVector;
}

/** Waiting rows read of one entity that this process does not own. */
const waitingRowsMax = 1_000;
const openConflictsMax = 100;

/** Station 6: values at least as new as the session asks for, from the owner's memory or from the region's database. */
export class Reader {
  constructor(private readonly parts: ReaderParts) {}

  /** @throws AtollError unknown_type, invalid_session, not_covered_yet, entity_quarantined */
  async read(entity: EntityRef, options: ReadOptions): Promise<ReadOutcome> {
    const type = this.typeOf(entity);
    const deadlineMillis = this.parts.clock.monotonicMillis() + options.maxWaitMillis;
    const session = this.parts.sessions.read(options.session);
    await this.parts.cursors.cover(session, 'stored', deadlineMillis);
    const shard = shardOf(entity, this.parts.log.identity.shards);
    const quarantined = await this.settled(entity, shard, session.get(shard) ?? nothingSeen, deadlineMillis);
    const state = await this.stateOf(type, entity);
    return this.outcome(type, entity, shard, state, quarantined, session);
  }

  async readMany(entities: readonly EntityRef[], options: ReadOptions): Promise<readonly ReadOutcome[]> {
    const outcomes: ReadOutcome[] = [];
    for (const entity of entities) outcomes.push(await this.read(entity, options));
    return outcomes;
  }

  /** In id order, local and eventual. */
  async list(typeName: string, after: string | undefined, limit: number): Promise<readonly ReadOutcome[]> {
    const type = this.typeOf({ type: typeName, id: '' });
    const rows = await this.parts.log.listEntities(typeName, after, limit);
    const outcomes: ReadOutcome[] = [];
    for (const row of rows) {
      const state = this.decode(type, row);
      outcomes.push(await this.outcome(type, row.entity, row.shard, state, false, emptySession));
    }
    return outcomes;
  }

  async history(
    entity: EntityRef,
    page: { readonly limit: number; readonly offset: number },
  ): Promise<readonly HistoryEntry[]> {
    const type = this.typeOf(entity);
    const shard = shardOf(entity, this.parts.log.identity.shards);
    const waiting = await this.waitingOf(entity, shard);
    const state = await this.stateOf(type, entity);
    const stored = await this.parts.log.entityHistory(entity, shard, page);
    return stored.map(({ event, hash, bytes }) => {
      const held = waiting.find(({ dot }) => dot.actor === event.dot.actor && dot.seq === event.dot.seq);
      const merged = held?.state ?? (isAlias(state, event.dot) ? 'alias' : 'folded');
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
    if (!first) return undefined;
    const type = this.typeOf(first.entity);
    const state = await this.stateOf(type, first.entity);
    const waiting = await this.waitingOf(first.entity, first.shard);
    const copies = mutations.map(({ dot, shard }) => ({
      dot: formatDot(dot, shard),
      region: regionOf(dot.actor),
      state: this.writeState(state, waiting, dot, shard),
    }));
    const survivor = copies.find((copy) => copy.state !== 'alias') ?? copies[0];
    return { mutationId, state: survivor?.state ?? 'stored', copies, entity: first.entity };
  }

  /** The entity as it is committed here now; `undefined` for a type this region does not know. */
  async afterImage(
    entity: EntityRef,
  ): Promise<{ readonly value: JsonObject | undefined; readonly seen: VersionVector } | undefined> {
    const type = this.parts.types.get(entity.type);
    if (!type) return undefined;
    const state = await this.stateOf(type, entity);
    return { value: entityValue(type, state), seen: state.seen };
  }

  private writeState(
    state: EntityState,
    waiting: readonly WaitingRow[],
    dot: WaitingRow['dot'],
    shard: number,
  ): WriteState {
    const held = waiting.find((row) => row.dot.actor === dot.actor && row.dot.seq === dot.seq);
    if (held) return held.state;
    if (isAlias(state, dot)) return 'alias';
    if (!includes(state.seen, dot)) return 'stored';
    return includes(this.parts.stable(shard), dot) ? 'converged' : 'merged';
  }

  /** Waits for pending events that the session has seen; answers whether anything of the entity is parked. */
  private async settled(
    entity: EntityRef,
    shard: number,
    depends: VersionVector,
    deadlineMillis: number,
  ): Promise<boolean> {
    for (;;) {
      const rows = await this.waitingOf(entity, shard);
      const within = rows.filter(({ dot }) => includes(depends, dot));
      if (within.some(({ state }) => state === 'parked')) {
        throw new AtollError(
          'entity_quarantined',
          'an event that the session has seen is parked until somebody acts',
        );
      }
      if (within.length === 0) return rows.some(({ state }) => state === 'parked');
      const left = deadlineMillis - this.parts.clock.monotonicMillis();
      if (left <= 0)
        throw new AtollError('not_covered_yet', 'an event that the session has seen is not folded here yet');
      if (this.parts.intake.stateOf(shard)) await this.parts.watch.next(left);
      else await this.parts.cursors.readOthers(left);
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
    const { entities } = await this.parts.log.prepare({ entities: [entity], mutations: [] });
    const [row] = entities;
    return row ? this.decode(type, row) : untouchedEntity;
  }

  private decode(type: EntityType, row: EntityRow): EntityState {
    const text = this.parts.hashing.fromUtf8(row.state);
    if (text === undefined) throw new AtollError('internal', 'a stored state is not UTF-8');
    return decodeEntity(type, JSON.parse(text) as Json);
  }

  private async outcome(
    type: EntityType,
    entity: EntityRef,
    shard: number,
    state: EntityState,
    quarantined: boolean,
    session: SessionCursors,
  ): Promise<ReadOutcome> {
    const value = entityValue(type, state);
    return {
      entity,
      value,
      seen: state.seen,
      session: this.parts.sessions.issue(sessionWith(session, shard, state.seen)),
      openConflicts: value && hasSiblings(type, value) ? await this.openConflicts(entity, type) : [],
      quarantined,
    };
  }

  private async openConflicts(entity: EntityRef, type: EntityType): Promise<readonly string[]> {
    const rows = await this.parts.log.conflicts({ entity, onlyUnresolved: true, limit: openConflictsMax });
    return rows.filter(({ field }) => type.fields.get(field)?.policy.replacesObserved).map(({ id }) => id);
  }

  private typeOf(entity: EntityRef): EntityType {
    const type = this.parts.types.get(entity.type);
    if (!type) throw new AtollError('unknown_type', `there is no entity type ${entity.type}`);
    return type;
  }
}

function isAlias(state: EntityState, dot: WaitingRow['dot']): boolean {
  const [survivor] = state.copies.get(`${dot.actor}:${dot.seq}`) ?? [];
  return survivor !== undefined && (survivor.actor !== dot.actor || survivor.seq !== dot.seq);
}

/** Whether a multi-value field shows siblings: only then may a person have something to decide. */
function hasSiblings(type: EntityType, value: JsonObject): boolean {
  for (const [name, { policy }] of type.fields) {
    const shown = value[name];
    if (policy.replacesObserved && typeof shown === 'object' && shown !== null && 'siblings' in shown)
      return true;
  }
  return false;
}
