import type { Actor } from '#core/causality/dot.js';
import { includes, meet, type VersionVector } from '#core/causality/version-vector.js';
import { assert } from '#core/assert.js';
import type { EntityRef, Event } from '#core/event/event.js';
import { entityKey } from '#core/event/shard-of.js';
import type { Json } from '#core/json.js';
import { decodeEntity } from '#core/merge/entity-value.js';
import { untouchedEntity } from '#core/merge/entity-state.js';
import type { EntityTypes } from '#core/merge/entity-type.js';
import { parseJson } from '#core/parse-json.js';
import type { Limits } from '../limits.js';
import { LogUnavailable, type EventLog, type MutationRow, type StateRow } from '../ports/event-log.js';
import type { Hashing } from '../ports/record-auth.js';
import type { RightsKnowledge } from '../rights/rights-knowledge.js';
import { rightsFields } from '../rights/rights-types.js';
import { Loads, type BatchWorld, type Missing } from './batch-world.js';
import type { ClockGuard } from './clock-guard.js';
import type { CachedEntity, EntityCache } from './entity-cache.js';
import type { HeldEvents } from './held-events.js';
import type { MutationHorizon } from './mutation-horizon.js';
import type { ShardWork } from './take-batch.js';
import { partsOf } from './prepared-command.js';
import { eventsOf, type TaskWork, type Work } from './queues.js';
import type { ShardState } from './shard-state.js';

/** What one batch was given before it was decided. */
export interface Prepared {
  readonly entities: ReadonlyMap<string, CachedEntity>;
  /** Keys of entities that were asked for and not found in memory. */
  readonly asked: ReadonlyMap<string, EntityRef>;
  readonly mutations: ReadonlyMap<string, readonly MutationRow[]>;
}

export interface BatchLoaderParts {
  readonly log: EventLog;
  readonly hashing: Hashing;
  readonly guard: Pick<ClockGuard, 'reading'>;
  readonly cache: EntityCache;
  readonly held: HeldEvents;
  readonly types: EntityTypes;
  readonly limits: Limits;
  readonly isRefused: BatchWorld['isRefused'];
  readonly isCompared: BatchWorld['isCompared'];
  readonly causal: (shard: number) => VersionVector;
  readonly stable: (shard: number) => VersionVector;
  readonly horizon: MutationHorizon;
  readonly actorOf: BatchWorld['actorOf'];
  readonly members: BatchWorld['members'];
  readonly rights: RightsKnowledge;
}

/** Conflicts of one entity read before a refold; more than that and the refold would have to page. */
const conflictRowsMax = 1_000_000;

/** Events read at once from where one that waits is wanted: those after it often waited for the same. */
const waitingEventsMax = 64;

/** Reads from the log what a batch needs: one round trip before it, and more only where events are concurrent. */
export class BatchLoader {
  private readonly rights: ReadonlyMap<string, readonly string[]>;

  constructor(private readonly parts: BatchLoaderParts) {
    this.rights = rightsFields(parts.types);
  }

  async prepare(work: readonly ShardWork[]): Promise<Prepared> {
    const entities = new Map<string, CachedEntity>();
    const wanted = new Map<string, EntityRef>();
    const mutationIds = new Set<string>();
    const mutations = new Map<string, MutationRow[]>();
    const look = ({ key, entity, mutationId }: Subject, isNew: boolean): void => {
      if (mutationId !== undefined) {
        mutations.set(mutationId, []);
        if (!isNew) mutationIds.add(mutationId);
      }
      const cached = this.parts.cache.get(key);
      if (cached) entities.set(key, cached);
      else wanted.set(key, entity);
    };
    for (const { owned, items } of work) {
      for (const item of items) {
        if (item.kind === 'task')
          for (const one of item.subjects()) look({ key: entityKey(one.entity), ...one }, false);
        else for (const one of subjectsOf(item)) look(one, isSurelyNew(owned.state, item, one));
        if (item.kind === 'replay')
          for (const one of this.heldBack(owned.state, item.entity)) look(one, false);
      }
    }
    if (wanted.size === 0 && mutationIds.size === 0) return { entities, asked: wanted, mutations };
    const found = await this.parts.log.prepare({
      entities: [...wanted.values()],
      mutations: [...mutationIds],
    });
    for (const row of found.entities) {
      const loaded = this.decode(row);
      if (loaded) entities.set(entityKey(row.entity), loaded);
    }
    for (const row of found.mutations) {
      const rows = mutations.get(row.id);
      assert(rows !== undefined, 'only mutations that were asked for are answered');
      rows.push(row);
    }
    return { entities, asked: wanted, mutations };
  }

  /** What an entity holds back, as far as it is remembered: each of them is looked at. */
  private heldBack(state: ShardState, entity: EntityRef): readonly Subject[] {
    const key = entityKey(entity);
    return [...state.waiting.ofEntity(key)].flatMap(({ dot }) => {
      const held = this.parts.held.get(state.shard, dot);
      return held ? [{ key, entity, mutationId: held.event.mutation.id }] : [];
    });
  }

  worldFor(shard: ShardState, prepared: Prepared): BatchWorld {
    const { hashing, guard, types, limits, isRefused, isCompared, causal, log } = this.parts;
    const { nowMillis, isTrusted: isClockTrusted } = guard.reading();
    assert(shard.shard < log.identity.shards, 'a shard is one of the region');
    const loads = new Loads();
    return {
      types,
      ownActor: log.identity.actor,
      hashing,
      nowMillis,
      isClockTrusted,
      eventBytesMax: limits.eventBytesMax,
      groupBytesMax: limits.groupBytesMax,
      tailEventsMax: limits.tailEventsMax,
      undecidedBytesMax: limits.undecidedBytesMax,
      shards: log.identity.shards,
      isRefused,
      isCompared,
      causal,
      holdsRights: (type) => this.rights.has(type),
      actorOf: this.parts.actorOf,
      members: this.parts.members,
      isFirm: (dot) => this.parts.rights.isFirm(shard.shard, dot),
      hearsMajority: (leaseMillis, without) =>
        this.parts.rights.hearsMajority(shard.shard, leaseMillis, without),
      stable: this.parts.stable(shard.shard),
      mutationHorizonMillis: this.parts.horizon.millis,
      stableIn: this.parts.stable,
      entity: (key) => prepared.entities.get(key) ?? loads.entity(key),
      isLoaded: (key) => prepared.entities.has(key) || prepared.asked.has(key) || loads.hasEntity(key),
      mutations: (id) => prepared.mutations.get(id),
      held: (dot) => this.parts.held.get(shard.shard, dot) ?? loads.event(dot),
      loads,
    };
  }

  /** Loads what a decision found missing, for its next try. @throws LogUnavailable */
  async load(shard: ShardState, world: BatchWorld, need: Missing['need']): Promise<void> {
    if (need.kind === 'event') return this.loadEvent(shard, world, need.dot);
    if (need.kind === 'mutations') return this.loadMutations(world, [need.id]);
    const key = entityKey(need.entity);
    if (need.kind === 'entity') {
      world.loads.addEntity(key, this.parts.cache.get(key) ?? (await this.readEntity(need.entity)));
      return;
    }
    if (need.kind === 'conflicts') {
      world.loads.addConflicts(
        key,
        await this.parts.log.conflicts({ entity: need.entity, limit: conflictRowsMax }),
      );
      return;
    }
    const cached = world.entity(key);
    const above = meet(need.above, cached?.tailAbove ?? need.above);
    const stored = await this.parts.log.entityEvents(need.entity, shard.shard, above);
    const seen = (cached?.state ?? untouchedEntity).seen;
    world.loads.addTail(
      key,
      above,
      foldedOf(
        stored.map(({ event }) => event),
        seen,
      ),
    );
  }

  private async readEntity(entity: EntityRef): Promise<CachedEntity | undefined> {
    const { entities } = await this.parts.log.prepare({ entities: [entity], mutations: [] });
    const [row] = entities;
    return row && this.decode(row);
  }

  private async loadEvent(
    shard: ShardState,
    world: BatchWorld,
    dot: { readonly actor: Actor; readonly seq: number },
  ): Promise<void> {
    const found = await this.parts.log.range({
      shard: shard.shard,
      actor: dot.actor,
      from: dot.seq,
      limit: waitingEventsMax,
      bytesMax: this.parts.limits.fetchBytesMax,
    });
    if (found[0]?.event.dot.seq !== dot.seq)
      throw new LogUnavailable(`event ${dot.actor}:${dot.seq} could not be read`);
    for (const stored of found) world.loads.addEvent(stored);
    await this.loadMutations(
      world,
      found.map(({ event }) => event.mutation.id),
    );
  }

  private async loadMutations(world: BatchWorld, ids: readonly string[]): Promise<void> {
    const { mutations } = await this.parts.log.prepare({ entities: [], mutations: ids });
    for (const id of ids)
      world.loads.addMutations(
        id,
        mutations.filter((row) => row.id === id),
      );
  }

  private decode(row: StateRow): CachedEntity | undefined {
    const type = this.parts.types.get(row.entity.type);
    if (!type) return undefined;
    const state = decodeEntity(type, parseJson(row.state) as Json);
    return { entity: row.entity, shard: row.shard, state, tailAbove: state.seen, tail: [] };
  }
}

/** Stored events that are folded: each actor's are folded in order, so `seen` tells them apart from what waits. */
function foldedOf(events: readonly Event[], seen: VersionVector): readonly Event[] {
  return events.filter(({ dot }) => includes(seen, dot));
}

/** Whether there is no record of the mutation id in the shard, without asking: of a command, in none. */
function isSurelyNew({ mutations }: ShardState, item: Work, { mutationId }: Subject): boolean {
  if (item.kind === 'command') return item.command.isFirstTry;
  return item.kind === 'event' && mutationId !== undefined && mutations.isSurelyNew(mutationId);
}

interface Subject {
  readonly key: string;
  readonly entity: EntityRef;
  readonly mutationId?: string | undefined;
}

function subjectsOf(item: Exclude<Work, TaskWork>): readonly Subject[] {
  if (item.kind === 'command')
    return partsOf(item.command).map(({ key, entity, mutationId }) => ({ key, entity, mutationId }));
  if (item.kind === 'replay') return [{ key: entityKey(item.entity), entity: item.entity }];
  return eventsOf(item).map(({ event: { entity, mutation } }) => ({
    key: entityKey(entity),
    entity,
    mutationId: mutation.id,
  }));
}
