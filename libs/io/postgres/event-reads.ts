import { compareDots } from '#core/causality/dot.js';
import type { VersionVector } from '#core/causality/version-vector.js';
import type { EntityRef, EventBytes, StoredEvent } from '#core/event/event.js';
import type { EventRange } from '#flow/ports/event-log.js';
import { writeInt8Array, writeTextArray } from './binary-array.js';
import type { ParameterWriter } from './bound-query.js';
import type { Connections } from './connections.js';
import type { Statement } from './statement.js';
import {
  eventAsStored,
  eventBytesAsStored,
  eventBytesColumns,
  eventColumns,
  readEvent,
  readEventBytes,
} from './rows.js';

/**
 * The index is over a hash of the entity's name, so each read also compares the name itself. The shard follows from the
 * entity: it is compared in a form that keeps the planner from reading the whole shard for it.
 */
const ofEntity = `hashtextextended(event.type || E'\\n' || event.id, 0) = hashtextextended($1::text || E'\\n' || $2::text, 0)
      and event.type = $1 and event.id = $2 and event.shard + 0 = $3::int4`;

/**
 * One range of the index per actor, so that only what is above is read, however long the entity's history is. `offset
 * 0` keeps the inner query whole; joined freely, every event of the entity would be read and most thrown away.
 */
const readEntityEvents: Statement = {
  name: 'atoll_entity_events',
  text: `
    select event.* from (
      select actor.no, coalesce(above.seq, 0) as seq
      from atoll.actor left join unnest($4::text[], $5::int8[]) as above (name, seq) on above.name = actor.name
    ) as seen
    cross join lateral (
      select ${eventColumns} from atoll.event
      where ${ofEntity} and event.actor = seen.no and event.seq > seen.seq
      offset 0
    ) as event`,
  asStored: eventAsStored,
};

export async function entityEvents(
  connections: Connections,
  entity: EntityRef,
  shard: number,
  above: VersionVector,
): Promise<readonly StoredEvent[]> {
  const rows = await connections.runBound(readEntityEvents, [
    ...parametersOfEntity(entity, shard),
    (to) => writeTextArray(to, [...above.keys()]),
    (to) => writeInt8Array(to, [...above.values()]),
  ]);
  return rows.map(readEvent).sort((a, b) => compareDots(a.event.dot, b.event.dot));
}

const readEntityHistory: Statement = {
  name: 'atoll_entity_history',
  text: `
    select ${eventColumns} from atoll.event where ${ofEntity}
    order by event.arrival desc limit $4::int8 offset $5::int8`,
  asStored: eventAsStored,
};

export async function entityHistory(
  connections: Connections,
  entity: EntityRef,
  shard: number,
  page: { readonly limit: number; readonly offset: number },
): Promise<readonly StoredEvent[]> {
  const rows = await connections.runBound(readEntityHistory, [
    ...parametersOfEntity(entity, shard),
    (to) => to.int64(page.limit),
    (to) => to.int64(page.offset),
  ]);
  return rows.map(readEvent);
}

function parametersOfEntity({ type, id }: EntityRef, shard: number): readonly ParameterWriter[] {
  return [(to) => to.text(type, 'utf8'), (to) => to.text(id, 'utf8'), (to) => to.int32(shard)];
}

/** Commits are flushed before they can be seen here, so whatever is read is durable (INV-2). */
function rangeOf(name: string, columns: string, asStored: readonly boolean[]): Statement {
  const text = `
    select ${columns}
    from (
      select page.*, sum(octet_length(bytes)) over (order by seq rows unbounded preceding) - octet_length(bytes) as before
      from (
        select event.seq, event.bytes, event.hash, event.type, event.id from atoll.event
        where event.shard = $1::int2 and event.seq >= $3::int8
          and event.actor = (select actor.no from atoll.actor where actor.name = $2)
        order by event.seq limit $4::int8
      ) as page
    ) as event
    where before = 0 or before < $5::int8
    order by seq`;
  return { name, text, asStored };
}

const readRange = rangeOf('atoll_range', eventColumns, eventAsStored);
const readRangeBytes = rangeOf('atoll_range_bytes', eventBytesColumns, eventBytesAsStored);

export async function range(connections: Connections, of: EventRange): Promise<readonly StoredEvent[]> {
  return (await connections.runBound(readRange, parametersOfRange(of))).map(readEvent);
}

export async function rangeBytes(connections: Connections, of: EventRange): Promise<readonly EventBytes[]> {
  return (await connections.runBound(readRangeBytes, parametersOfRange(of))).map(readEventBytes);
}

function parametersOfRange({ shard, actor, from, limit, bytesMax }: EventRange): readonly ParameterWriter[] {
  return [
    (to) => to.int16(shard),
    (to) => to.text(actor, 'utf8'),
    (to) => to.int64(from),
    (to) => to.int64(limit),
    (to) => to.int64(bytesMax),
  ];
}
