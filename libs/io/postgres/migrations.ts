/** One step of the schema. A step that was released is never edited: a later one changes what it made. */
export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}

/**
 * Fixed-width columns come first, so that rows carry no padding. The tables whose rows change with every batch keep
 * most of each page free: their updates then stay on the page and touch no index.
 */
const firstSchema = `
create table atoll.region_identity (
  only_one boolean primary key default true check (only_one),
  region text not null,
  actor text not null,
  shards smallint not null,
  system_identifier bigint not null,
  timeline integer not null,
  created_at timestamptz not null default clock_timestamp()
);

create table atoll.actor (
  no smallint primary key generated always as identity,
  name text collate "C" not null unique
);

create table atoll.shard_owner (
  shard smallint primary key,
  owner text not null default '',
  owner_address text not null default '',
  owner_epoch bigint not null default 0,
  lease_until timestamptz not null default '-infinity',
  batch bigint not null default 0,
  last_seq bigint not null default 0,
  promised_epoch text not null default '',
  hybrid_floor bigint not null default 0
) with (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

create table atoll.event (
  seq bigint not null,
  arrival bigint not null,
  stored_at timestamptz not null default now(),
  shard smallint not null,
  actor smallint not null,
  type text collate "C" not null,
  id text collate "C" not null,
  hash bytea not null,
  bytes bytea not null,
  primary key (shard, actor, seq)
);
create index event_of_entity on atoll.event (hashtextextended(type || E'\\n' || id, 0), actor, seq);

create table atoll.entity (
  shard smallint not null,
  type text collate "C" not null,
  id text collate "C" not null,
  state bytea not null,
  value bytea,
  primary key (type, id)
) with (fillfactor = 70);

create table atoll.cursor (
  stored bigint not null,
  folded bigint not null,
  shard smallint not null,
  actor smallint not null,
  hash bytea not null,
  primary key (shard, actor)
) with (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

create table atoll.mutation (
  seq bigint not null,
  born_millis bigint not null,
  group_index integer not null,
  shard smallint not null,
  actor smallint not null,
  id text collate "C" not null,
  type text collate "C" not null,
  entity_id text collate "C" not null,
  digest text not null,
  primary key (id, group_index, actor)
);
create index mutation_born on atoll.mutation using brin (born_millis);

create table atoll.waiting (
  seq bigint not null,
  waits_seq bigint,
  shard smallint not null,
  actor smallint not null,
  waits_actor smallint,
  type text collate "C" not null,
  id text collate "C" not null,
  state text not null check (state in ('pending', 'parked')),
  reason text,
  primary key (shard, actor, seq)
);
create index waiting_entity on atoll.waiting (type, id);

create table atoll.conflict (
  low_seq bigint not null,
  high_seq bigint not null,
  resolved_seq bigint,
  detected_millis bigint not null,
  shard smallint not null,
  low_actor smallint not null,
  high_actor smallint not null,
  resolved_actor smallint,
  id text collate "C" primary key,
  type text collate "C" not null,
  entity_id text collate "C" not null,
  field text not null,
  policy text not null,
  low_change json not null,
  high_change json not null
);
create index conflict_entity on atoll.conflict (type, entity_id, id);
create index conflict_open on atoll.conflict (id) where resolved_seq is null;

create table atoll.publish_mark (
  seq bigint not null,
  shard smallint not null,
  cluster text collate "C" not null,
  primary key (shard, cluster)
) with (fillfactor = 20);

create table atoll.kafka_position (
  partition integer not null,
  topic text collate "C" not null,
  "offset" text not null,
  primary key (topic, partition)
) with (fillfactor = 20);

create table atoll.process (
  last_seen timestamptz not null,
  id text collate "C" primary key,
  address text not null
);

create table atoll.setting (
  name text primary key,
  value text not null
);
`;

/** What people and SQL tools read; whoever writes to it is told that it is not the way. */
const readOnlyViews = `
create function atoll.refuse_write() returns trigger language plpgsql as $$
begin
  raise exception '%.% is read-only: write through the API of Atoll', tg_table_schema, tg_table_name
    using errcode = 'object_not_in_prerequisite_state';
end $$;

create view atoll.event_json as
  select event.shard, actor.name as actor, event.seq, event.type, event.id, encode(event.hash, 'hex') as hash,
         event.stored_at, convert_from(event.bytes, 'UTF8')::json as event
  from atoll.event join atoll.actor on actor.no = event.actor;

create view atoll.entity_json as
  select entity.type, entity.id, entity.shard, convert_from(entity.state, 'UTF8')::json as state,
         convert_from(entity.value, 'UTF8')::json as value
  from atoll.entity;

create view atoll.waiting_event as
  select waiting.state, waiting.type, waiting.id, waiting.shard, actor.name as actor, waiting.seq,
         waited.name as waits_for_actor, waiting.waits_seq as waits_for_seq, waiting.reason
  from atoll.waiting join atoll.actor on actor.no = waiting.actor
       left join atoll.actor waited on waited.no = waiting.waits_actor;

create trigger read_only instead of insert or update or delete on atoll.event_json
  for each row execute function atoll.refuse_write();
create trigger read_only instead of insert or update or delete on atoll.entity_json
  for each row execute function atoll.refuse_write();
create trigger read_only instead of insert or update or delete on atoll.waiting_event
  for each row execute function atoll.refuse_write();
`;

/** An event may wait for a dependency in another shard: since then a dot alone does not say what it waits for. */
const causalWaiting = `
alter table atoll.waiting add column waits_shard smallint;
create index waiting_pending on atoll.waiting (shard, actor, seq) where state = 'pending';

create or replace view atoll.waiting_event as
  select waiting.state, waiting.type, waiting.id, waiting.shard, actor.name as actor, waiting.seq,
         waited.name as waits_for_actor, waiting.waits_seq as waits_for_seq, waiting.reason,
         waiting.waits_shard as waits_for_shard
  from atoll.waiting join atoll.actor on actor.no = waiting.actor
       left join atoll.actor waited on waited.no = waiting.waits_actor;
`;

/** Strong events that a decided opening left out: kept as losing (PROTOCOL §8). */
const refusedEvents = `
create table atoll.refused (
  seq bigint not null,
  refused_at timestamptz not null default now(),
  shard smallint not null,
  actor smallint not null,
  type text collate "C" not null,
  id text collate "C" not null,
  epoch text not null,
  mutation_id text collate "C" not null,
  primary key (shard, actor, seq)
);
create index refused_mutation on atoll.refused (mutation_id);
`;

/** People read conflicts from the newest on. */
const newestConflicts = `
create index conflict_newest on atoll.conflict (detected_millis, id);
create index conflict_open_newest on atoll.conflict (detected_millis, id) where resolved_seq is null;
create index conflict_entity_newest on atoll.conflict (type, entity_id, detected_millis, id);
drop index atoll.conflict_open;
drop index atoll.conflict_entity;
`;

/** An index of blocks is none to statements that go by key, and blocks that are used again hold births of all times. */
const mutationsByBirth = `
drop index atoll.mutation_born;
create index mutation_born on atoll.mutation (born_millis);
`;

/** What the events of each schema version were written under: a declaration that cannot read them is refused (ADR 0017). */
const declaredTypes = `
create table atoll.declared_type (
  schema_version integer not null,
  declared_at timestamptz not null default clock_timestamp(),
  type text collate "C" not null,
  description json not null,
  primary key (type, schema_version)
);
`;

export const migrations: readonly Migration[] = [
  { number: 1, name: 'event log, entities, cursors', sql: firstSchema },
  { number: 2, name: 'read-only views', sql: readOnlyViews },
  { number: 3, name: 'waiting for dependencies in other shards', sql: causalWaiting },
  { number: 4, name: 'refused strong events', sql: refusedEvents },
  { number: 5, name: 'conflicts from the newest on', sql: newestConflicts },
  { number: 6, name: 'mutation records in the order of their births', sql: mutationsByBirth },
  { number: 7, name: 'declared types', sql: declaredTypes },
];
