import type { EntityRef } from '#core/event/event.js';
import type {
  ConflictQuery,
  ConflictRow,
  EntityRow,
  MutationRow,
  WaitingRow,
} from '#flow/ports/event-log.js';
import { textArray } from './binary-array.js';
import type { Connections, Statement } from './connections.js';
import {
  conflictColumns,
  entityColumns,
  readConflict,
  readEntity,
  readMutation,
  readWaiting,
  waitingColumns,
} from './rows.js';

/** Two kinds of rows in one round trip: each leaves the other's columns empty. */
const prepareBatch: Statement = {
  name: 'atoll_prepare',
  text: `
    select ${entityColumns}, null as mutation_id, null as digest, null as actor, null::int8 as seq,
           null::int4 as group_index, null::int8 as born_millis
    from unnest($1::text[], $2::text[]) as wanted (type, id)
    join atoll.entity on entity.type = wanted.type and entity.id = wanted.id
    union all
    select mutation.type, mutation.entity_id, mutation.shard, null, null, mutation.id, mutation.digest, actor.name,
           mutation.seq, mutation.group_index, mutation.born_millis
    from unnest($3::text[]) as wanted (id)
    join atoll.mutation on mutation.id = wanted.id
    join atoll.actor on actor.no = mutation.actor`,
};

/** Position of the first column that only a mutation row has. */
const mutationAt = 5;

export async function prepare(
  connections: Connections,
  wanted: { readonly entities: readonly EntityRef[]; readonly mutations: readonly string[] },
): Promise<{ readonly entities: readonly EntityRow[]; readonly mutations: readonly MutationRow[] }> {
  const refs = new Map(wanted.entities.map((ref) => [`${ref.type}\n${ref.id}`, ref]));
  const rows = await connections.run(prepareBatch, [
    textArray([...refs.values()].map((ref) => ref.type)),
    textArray([...refs.values()].map((ref) => ref.id)),
    textArray([...new Set(wanted.mutations)]),
  ]);
  return {
    entities: rows.filter((row) => row[mutationAt] === null).map(readEntity),
    mutations: rows.filter((row) => row[mutationAt] !== null).map(readMutation),
  };
}

const readEntityPage: Statement = {
  name: 'atoll_list_entities',
  text: `
    select ${entityColumns} from atoll.entity
    where entity.type = $1 and entity.id > $2 and entity.value is not null
    order by entity.id limit $3::int8`,
};

/** Entities that exist, in byte order of their ids. */
export async function listEntities(
  connections: Connections,
  type: string,
  after: string | undefined,
  limit: number,
): Promise<readonly EntityRow[]> {
  return (await connections.run(readEntityPage, [type, after ?? '', limit])).map(readEntity);
}

const fromWaiting = `
  from atoll.waiting join atoll.actor on actor.no = waiting.actor
  left join atoll.actor as waited on waited.no = waiting.waits_actor`;

const readWaitingOfShards: Statement = {
  name: 'atoll_waiting_of_shards',
  text: `
    select ${waitingColumns} ${fromWaiting}
    where waiting.shard between $1::int4 and $2::int4
    order by waiting.shard, actor.name, waiting.seq limit $3::int8`,
};

const readWaitingOfEntity: Statement = {
  name: 'atoll_waiting_of_entity',
  text: `
    select ${waitingColumns} ${fromWaiting}
    where waiting.shard between $1::int4 and $2::int4 and waiting.type = $4 and waiting.id = $5
    order by waiting.shard, actor.name, waiting.seq limit $3::int8`,
};

const shardLast = 32_767;

export async function waiting(
  connections: Connections,
  query: { readonly shard?: number; readonly entity?: EntityRef; readonly limit: number },
): Promise<readonly (WaitingRow & { readonly shard: number })[]> {
  const { shard, entity, limit } = query;
  const values = [shard ?? 0, shard ?? shardLast, limit];
  const rows =
    entity === undefined
      ? await connections.run(readWaitingOfShards, values)
      : await connections.run(readWaitingOfEntity, [...values, entity.type, entity.id]);
  return rows.map(readWaiting);
}

const fromConflicts = `
  from atoll.conflict
  join atoll.actor as low on low.no = conflict.low_actor
  join atoll.actor as high on high.no = conflict.high_actor
  left join atoll.actor as resolved on resolved.no = conflict.resolved_actor`;

const pageOfConflicts = `
  conflict.id > $1 and ($2::text is null or conflict.type = $2) and not ($3::boolean and conflict.resolved_seq is not null)`;

const readConflicts: Statement = {
  name: 'atoll_conflicts',
  text: `select ${conflictColumns} ${fromConflicts} where ${pageOfConflicts} order by conflict.id limit $4::int8`,
};

const readConflictsOfEntity: Statement = {
  name: 'atoll_conflicts_of_entity',
  text: `
    select ${conflictColumns} ${fromConflicts}
    where ${pageOfConflicts} and conflict.type = $5 and conflict.entity_id = $6
    order by conflict.id limit $4::int8`,
};

/** In the order of ids: a page then stays a page when conflicts before it are withdrawn. */
export async function conflicts(
  connections: Connections,
  query: ConflictQuery,
): Promise<readonly ConflictRow[]> {
  const { entity, type, after, limit, onlyUnresolved } = query;
  const values = [after ?? '', type ?? null, onlyUnresolved ?? false, limit];
  const rows =
    entity === undefined
      ? await connections.run(readConflicts, values)
      : await connections.run(readConflictsOfEntity, [...values, entity.type, entity.id]);
  return rows.map(readConflict);
}

const readOneConflict: Statement = {
  name: 'atoll_conflict',
  text: `select ${conflictColumns} ${fromConflicts} where conflict.id = $1`,
};

export async function conflict(connections: Connections, id: string): Promise<ConflictRow | undefined> {
  const [row] = await connections.run(readOneConflict, [id]);
  return row === undefined ? undefined : readConflict(row);
}
