import type { EntityRef } from '#core/event/event.js';
import type {
  ConflictQuery,
  ConflictRow,
  ListedRow,
  MutationRow,
  RefusedRow,
  StateRow,
  WaitingRow,
} from '#flow/ports/event-log.js';
import { textArray, writeTextArray } from './binary-array.js';
import type { Connections } from './connections.js';
import type { Statement } from './statement.js';
import {
  conflictColumns,
  listedColumns,
  readConflict,
  readListed,
  readMutation,
  readRefused,
  readWaiting,
  readState,
  refusedColumns,
  stateColumns,
  waitingColumns,
} from './rows.js';

/** Two kinds of rows in one round trip: each leaves the other's columns empty. */
const prepareBatch: Statement = {
  name: 'atoll_prepare',
  text: `
    select ${stateColumns}, null as mutation_id, null as digest, null as actor, null::int8 as seq,
           null::int4 as group_index, null::int8 as born_millis
    from unnest($1::text[], $2::text[]) as wanted (type, id)
    join atoll.entity on entity.type = wanted.type and entity.id = wanted.id
    union all
    select mutation.type, mutation.entity_id, mutation.shard, null, mutation.id, mutation.digest, actor.name,
           mutation.seq, mutation.group_index, mutation.born_millis
    from unnest($3::text[]) as wanted (id)
    join atoll.mutation on mutation.id = wanted.id
    join atoll.actor on actor.no = mutation.actor`,
  asStored: [false, false, false, true, false, false, false, false, false, false],
};

/** Position of the first column that only a mutation row has. */
const mutationAt = 4;

export async function prepare(
  connections: Connections,
  wanted: { readonly entities: readonly EntityRef[]; readonly mutations: readonly string[] },
): Promise<{ readonly entities: readonly StateRow[]; readonly mutations: readonly MutationRow[] }> {
  const refs = [...new Map(wanted.entities.map((ref) => [`${ref.type}\n${ref.id}`, ref])).values()];
  const texts = [refs.map(({ type }) => type), refs.map(({ id }) => id), [...new Set(wanted.mutations)]];
  const rows = await connections.runBound(
    prepareBatch,
    texts.map((values) => (to) => writeTextArray(to, values)),
  );
  const entities: StateRow[] = [];
  const mutations: MutationRow[] = [];
  for (const row of rows) {
    if (row[mutationAt] === null) entities.push(readState(row));
    else mutations.push(readMutation(row));
  }
  return { entities, mutations };
}

/** `octet_length` needs no byte of what is stored aside. */
const readStates: Statement = {
  name: 'atoll_states',
  text: `
    select wanted.at, case when octet_length(entity.state) <= $3::int4 then entity.state end
    from unnest($1::text[], $2::text[]) with ordinality as wanted (type, id, at)
    join atoll.entity on entity.type = wanted.type and entity.id = wanted.id`,
  asStored: [false, true],
};

const int4Max = 2 ** 31 - 1;

/** See `EventLog.states`. A state is canonical JSON in UTF-8: what comes is its text. */
export async function states(
  connections: Connections,
  entities: readonly EntityRef[],
  bytesMaxEach: number,
): Promise<readonly (string | null | undefined)[]> {
  const found = new Array<string | null | undefined>(entities.length).fill(undefined);
  const rows = await connections.runBound(readStates, [
    (to) =>
      writeTextArray(
        to,
        entities.map(({ type }) => type),
      ),
    (to) =>
      writeTextArray(
        to,
        entities.map(({ id }) => id),
      ),
    (to) => to.int32(Math.min(bytesMaxEach, int4Max)),
  ]);
  for (const [at, state] of rows) found[Number(at) - 1] = state as string | null;
  return found;
}

const readEntityPage: Statement = {
  name: 'atoll_list_entities',
  text: `
    select ${listedColumns} from atoll.entity
    where entity.type = $1 and entity.id > $2 and entity.value is not null
    order by entity.id limit $3::int8`,
};

/** Entities that exist, in byte order of their ids. */
export async function listEntities(
  connections: Connections,
  type: string,
  after: string | undefined,
  limit: number,
): Promise<readonly ListedRow[]> {
  return (await connections.run(readEntityPage, [type, after ?? '', limit])).map(readListed);
}

/** `offset 0`: the rows are found by the index that names them, whatever order is asked of them afterwards. */
function waitingPage(name: string, condition: string): Statement {
  const text = `
    select ${waitingColumns}
    from (select * from atoll.waiting where ${condition} offset 0) as waiting
    join atoll.actor on actor.no = waiting.actor
    left join atoll.actor as waited on waited.no = waiting.waits_actor
    where waiting.shard between $1::int4 and $2::int4
    order by waiting.shard, actor.name, waiting.seq limit $3::int8`;
  return { name: `atoll_waiting_${name}`, text };
}

const readWaitingOfShards = waitingPage('of_shards', 'waiting.shard between $1::int4 and $2::int4');
const readWaitingOfEntity = waitingPage('of_entity', 'waiting.type = $4 and waiting.id = $5');

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

const readRefusedRows: Statement = {
  name: 'atoll_refused',
  text: `
    select ${refusedColumns} from atoll.refused join atoll.actor on actor.no = refused.actor
    where $1::text[] is null or refused.mutation_id = any($1)
    order by refused.shard, actor.name, refused.seq limit $2::int8`,
};

export async function refused(
  connections: Connections,
  { mutationIds, limit }: { readonly mutationIds?: readonly string[]; readonly limit: number },
): Promise<readonly (RefusedRow & { readonly shard: number })[]> {
  const wanted = mutationIds ? textArray(mutationIds) : null;
  return (await connections.run(readRefusedRows, [wanted, limit])).map(readRefused);
}

const joinedActors = `
  join atoll.actor as low on low.no = conflict.low_actor
  join atoll.actor as high on high.no = conflict.high_actor
  left join atoll.actor as resolved on resolved.no = conflict.resolved_actor`;

/** A page of conflicts, newest first. It is cut before the names of actors are joined: otherwise all would be joined for it. */
function conflictPage(name: string, condition: string): Statement {
  const newestFirst = 'order by conflict.detected_millis desc, conflict.id desc';
  const text = `
    select ${conflictColumns}
    from (
      select * from atoll.conflict
      where (conflict.detected_millis, conflict.id) < ($1::int8, $2::text) and ${condition} ${newestFirst} limit $3::int8
    ) as conflict ${joinedActors}
    ${newestFirst}`;
  return { name: `atoll_conflicts_${name}`, text };
}

const ofType = '($4::text is null or conflict.type = $4)';
const ofEntity = `conflict.type = $4 and conflict.entity_id = $5
        and ($6::text[] is null or conflict.field = any($6))`;
const unresolved = 'conflict.resolved_seq is null';

const conflictPages = {
  all: conflictPage('all', ofType),
  open: conflictPage('open', `${ofType} and ${unresolved}`),
  entityAll: conflictPage('of_entity', ofEntity),
  entityOpen: conflictPage('of_entity_open', `${ofEntity} and ${unresolved}`),
};

export async function conflicts(
  connections: Connections,
  query: ConflictQuery,
): Promise<readonly ConflictRow[]> {
  const { entity, fields, type, after, limit, onlyUnresolved } = query;
  const page = [after?.detectedMillis ?? Number.MAX_SAFE_INTEGER, after?.id ?? '', limit];
  const { all, open, entityAll, entityOpen } = conflictPages;
  if (entity === undefined)
    return (await connections.run(onlyUnresolved ? open : all, [...page, type ?? null])).map(readConflict);
  const of = [entity.type, entity.id, fields === undefined ? null : textArray([...fields])];
  return (await connections.run(onlyUnresolved ? entityOpen : entityAll, [...page, ...of])).map(readConflict);
}

const readOpenConflicts: Statement = {
  name: 'atoll_open_conflicts',
  text: `
    select conflict.id from atoll.conflict
    where conflict.type = $1 and conflict.entity_id = $2 and conflict.field = any($3::text[]) and ${unresolved}
    order by conflict.detected_millis desc, conflict.id desc limit $4::int8`,
};

export async function openConflicts(
  connections: Connections,
  { type, id }: EntityRef,
  fields: readonly string[],
  limit: number,
): Promise<readonly string[]> {
  const rows = await connections.run(readOpenConflicts, [type, id, textArray([...fields]), limit]);
  return rows.map(([conflictId]) => conflictId as string);
}

const readOneConflict: Statement = {
  name: 'atoll_conflict',
  text: `select ${conflictColumns} from atoll.conflict ${joinedActors} where conflict.id = $1`,
};

export async function conflict(connections: Connections, id: string): Promise<ConflictRow | undefined> {
  const [row] = await connections.run(readOneConflict, [id]);
  return row === undefined ? undefined : readConflict(row);
}
