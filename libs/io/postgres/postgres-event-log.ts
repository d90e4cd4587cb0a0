import type { VersionVector } from '#core/causality/version-vector.js';
import type { EntityRef, EventBytes, StoredEvent } from '#core/event/event.js';
import type { EntityTypes } from '#core/merge/entity-type.js';
import type {
  ConflictQuery,
  ConflictRow,
  EventLog,
  EventRange,
  ListedRow,
  Fence,
  MutationRow,
  ProcessRow,
  RegionCursorRow,
  RefusedRow,
  RegionIdentity,
  ShardCommit,
  ShardImage,
  ShardOwner,
  StateRow,
  WaitingRow,
} from '#flow/ports/event-log.js';
import { assertCommitRules } from '#flow/ports/shard-commit-rules.js';
import { Actors } from './actors.js';
import { actorsOf } from './commit-parts.js';
import { commitStatement } from './commit-statement.js';
import { Connections } from './connections.js';
import { declareTypes } from './declared-types.js';
import * as entityReads from './entity-reads.js';
import * as eventReads from './event-reads.js';
import { commitError, DatabaseRefused, readError, unavailable } from './failures.js';
import * as housekeeping from './housekeeping.js';
import { migrate } from './migrate.js';
import * as ownership from './ownership.js';
import { openRegion, readBootIdentity, requireSameDatabase } from './region-identity.js';
import { allCursors, loadShard } from './shard-reads.js';
import { createTypeViews, type TypeViews, type ViewedType } from './type-views.js';

export interface PostgresEventLogOptions {
  /** `postgres://user:password@host:port/database` */
  readonly url: string;
  readonly region: string;
  /** Fixed when the region's database is created; another number is refused later. */
  readonly shards: number;
  /** What this process declares, held against what the stored events were written under. Left out: not compared. */
  readonly types?: EntityTypes;
  readonly applicationName?: string;
  readonly commitConnections?: number;
  readonly briefConnections?: number;
  readonly readConnections?: number;
  /** After this long Postgres gives a statement up. */
  readonly statementMillisMax?: number;
  /** After this much longer without an answer the connection is dropped. */
  readonly silenceMillisMax?: number;
  /** How long a call waits for a connection before it answers `LogUnavailable`. */
  readonly patienceMillis?: number;
  /** An operator's word that the log is whole although the database was restored, copied or failed over. */
  readonly acceptChangedDatabase?: boolean;
}

const defaults = {
  applicationName: 'atoll',
  commitConnections: 2,
  briefConnections: 3,
  readConnections: 4,
  statementMillisMax: 10_000,
  silenceMillisMax: 5_000,
  patienceMillis: 3_000,
  acceptChangedDatabase: false,
};

/**
 * Connects, brings the schema up to date and reads, or makes, the region's identity.
 *
 * @throws DatabaseRefused when the database is another region's, has another number of shards, a newer schema, or was
 * restored, or holds events that `types` cannot read; LogUnavailable when it cannot be reached: then trying again later is right.
 */
export async function openPostgresEventLog(options: PostgresEventLogOptions): Promise<PostgresEventLog> {
  const settings = { ...defaults, ...options };
  // A migration takes as long as it takes.
  const setup = new Connections({ ...settings, connections: 1, statementMillisMax: 0, silenceMillisMax: 0 });
  const pools: Pools = {
    commits: new Connections({ ...settings, connections: settings.commitConnections }),
    brief: new Connections({ ...settings, connections: settings.briefConnections }),
    reads: new Connections({ ...settings, connections: settings.readConnections }),
  };
  try {
    const { identity, boot } = await setup.transaction('begin', async (client) => {
      await migrate(client);
      const identity = await openRegion(client, settings);
      if (settings.types) await declareTypes(client, settings.types);
      return { identity, boot: await readBootIdentity(client) };
    });
    const expected = { actor: identity.actor, boot };
    for (const pool of allOf(pools)) pool.require((client) => requireSameDatabase(client, expected));
    const actors = new Actors(pools.commits);
    await actors.know(new Set([identity.actor]));
    return new PostgresEventLog(identity, pools, actors);
  } catch (error) {
    await closeAll(pools);
    throw error instanceof DatabaseRefused ? error : unavailable(error);
  } finally {
    await setup.close();
  }
}

/** A long read holds up neither a commit nor a lease. */
interface Pools {
  readonly commits: Connections;
  /** Leases, checks of ownership, and what a batch must know before it is decided. */
  readonly brief: Connections;
  readonly reads: Connections;
}

function allOf({ commits, brief, reads }: Pools): readonly Connections[] {
  return [commits, brief, reads];
}

async function closeAll(pools: Pools): Promise<void> {
  await Promise.all(allOf(pools).map((pool) => pool.close()));
}

/** Station 2 on a real Postgres (pg 8). See the port for what each method promises. */
export class PostgresEventLog implements EventLog {
  readonly identity: RegionIdentity;
  private readonly pools: Pools;
  private readonly actors: Actors;

  constructor(identity: RegionIdentity, pools: Pools, actors: Actors) {
    this.identity = identity;
    this.pools = pools;
    this.actors = actors;
  }

  /** Lets calls in flight end, then closes every connection. */
  async close(): Promise<void> {
    await closeAll(this.pools);
  }

  /** Makes the read-only SQL view of each entity type, in schema `atoll_data`. To be called at start. */
  async createTypeViews(types: readonly ViewedType[]): Promise<TypeViews> {
    return answered(createTypeViews(this.pools.reads, types));
  }

  async commit(shards: readonly ShardCommit[]): Promise<{ readonly fenced: readonly number[] }> {
    assertCommitRules(shards);
    if (shards.length === 0) return { fenced: [] };
    await answered(this.actors.know(actorsOf(shards)));
    const { statement, parameters } = commitStatement(shards, this.actors.numberOf);
    try {
      const rows = await this.pools.commits.runBound(statement, parameters);
      const stored = new Set(rows.map(([shard]) => Number(shard)));
      const fenced = shards.map(({ shard }) => shard).filter((shard) => !stored.has(shard));
      return { fenced: fenced.sort((a, b) => a - b) };
    } catch (error) {
      throw commitError(error);
    }
  }

  async takeOver(
    shard: number,
    process: ownership.ProcessAddress,
    leaseMillis: number,
  ): Promise<
    | { readonly kind: 'taken'; readonly ownerEpoch: number }
    | { readonly kind: 'held'; readonly by: ShardOwner }
  > {
    return answered(ownership.takeOver(this.pools.brief, shard, process, leaseMillis));
  }

  async reclaim(
    shard: number,
    ownerEpoch: number,
  ): Promise<{ readonly kind: 'kept'; readonly fence: Fence } | { readonly kind: 'lost' }> {
    return answered(ownership.reclaim(this.pools.brief, shard, ownerEpoch));
  }

  async renew(
    process: ownership.ProcessAddress,
    shards: readonly ownership.OwnedShard[],
    leaseMillis: number,
  ): Promise<readonly number[]> {
    return answered(ownership.renew(this.pools.brief, process, shards, leaseMillis));
  }

  async release(shards: readonly ownership.OwnedShard[]): Promise<void> {
    return answered(ownership.release(this.pools.brief, shards));
  }

  async stillOwned(shards: readonly ownership.OwnedShard[]): Promise<readonly number[]> {
    return answered(ownership.stillOwned(this.pools.brief, shards));
  }

  async owners(): Promise<readonly ShardOwner[]> {
    return answered(ownership.owners(this.pools.brief, this.identity.shards));
  }

  async processes(): Promise<readonly ProcessRow[]> {
    return answered(ownership.processes(this.pools.brief));
  }

  async loadShard(shard: number): Promise<ShardImage> {
    return answered(loadShard(this.pools.reads, shard));
  }

  async prepare(wanted: {
    readonly entities: readonly EntityRef[];
    readonly mutations: readonly string[];
  }): Promise<{ readonly entities: readonly StateRow[]; readonly mutations: readonly MutationRow[] }> {
    return answered(entityReads.prepare(this.pools.brief, wanted));
  }

  async states(
    entities: readonly EntityRef[],
    bytesMaxEach: number,
  ): Promise<readonly (string | null | undefined)[]> {
    try {
      return await entityReads.states(this.pools.brief, entities, bytesMaxEach);
    } catch (error) {
      throw readError(error);
    }
  }

  async entityEvents(
    entity: EntityRef,
    shard: number,
    above: VersionVector,
  ): Promise<readonly StoredEvent[]> {
    return answered(eventReads.entityEvents(this.pools.reads, entity, shard, above));
  }

  async entityHistory(
    entity: EntityRef,
    shard: number,
    page: { readonly limit: number; readonly offset: number },
  ): Promise<readonly StoredEvent[]> {
    return answered(eventReads.entityHistory(this.pools.reads, entity, shard, page));
  }

  async range(range: EventRange): Promise<readonly StoredEvent[]> {
    return answered(eventReads.range(this.pools.reads, range));
  }

  async rangeBytes(range: EventRange): Promise<readonly EventBytes[]> {
    return answered(eventReads.rangeBytes(this.pools.reads, range));
  }

  async cursors(): Promise<ReadonlyMap<number, readonly RegionCursorRow[]>> {
    return answered(allCursors(this.pools.reads, this.identity.shards));
  }

  async waiting(query: {
    readonly shard?: number;
    readonly entity?: EntityRef;
    readonly limit: number;
  }): Promise<readonly (WaitingRow & { readonly shard: number })[]> {
    return answered(entityReads.waiting(this.pools.reads, query));
  }

  async listEntities(type: string, after: string | undefined, limit: number): Promise<readonly ListedRow[]> {
    return answered(entityReads.listEntities(this.pools.reads, type, after, limit));
  }

  async refused(query: {
    readonly mutationIds?: readonly string[];
    readonly limit: number;
  }): Promise<readonly (RefusedRow & { readonly shard: number })[]> {
    return answered(entityReads.refused(this.pools.reads, query));
  }

  async conflicts(query: ConflictQuery): Promise<readonly ConflictRow[]> {
    return answered(entityReads.conflicts(this.pools.reads, query));
  }

  async openConflicts(
    entity: EntityRef,
    fields: readonly string[],
    limit: number,
  ): Promise<readonly string[]> {
    return answered(entityReads.openConflicts(this.pools.reads, entity, fields, limit));
  }

  async conflict(id: string): Promise<ConflictRow | undefined> {
    return answered(entityReads.conflict(this.pools.reads, id));
  }

  async saveMarks(marks: readonly housekeeping.PublishMark[]): Promise<void> {
    return answered(housekeeping.saveMarks(this.pools.reads, marks));
  }

  async savePositions(positions: readonly housekeeping.KafkaPosition[]): Promise<void> {
    return answered(housekeeping.savePositions(this.pools.reads, positions));
  }

  async positions(): Promise<readonly housekeeping.KafkaPosition[]> {
    return answered(housekeeping.positions(this.pools.reads));
  }

  async dropMutations(horizonMillis: number, stable: ReadonlyMap<number, VersionVector>): Promise<number> {
    return answered(housekeeping.dropMutations(this.pools.reads, horizonMillis, stable));
  }

  async newestBirths(regions: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return answered(housekeeping.newestBirths(this.pools.brief, regions));
  }

  async mutationHorizonMillis(): Promise<number> {
    return answered(housekeeping.mutationHorizonMillis(this.pools.reads));
  }

  async nowMillis(): Promise<number> {
    return answered(housekeeping.nowMillis(this.pools.reads));
  }
}

/** Postgres' errors stop here. Whatever the caller asked for may be asked again. */
async function answered<T>(result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    throw unavailable(error);
  }
}
