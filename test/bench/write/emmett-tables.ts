/**
 * Tables and append of the shape that @event-driven-io/emmett-postgresql 0.43 has: streams and messages, each partitioned
 * by list twice, a global sequence, the transaction id in every message, and a function that moves the stream's position
 * where it is still the one that was read. Written anew: the package has no licence, so it is no dependency of ours.
 */
export function emmettTables(schema: string): string {
  return `
    create schema if not exists ${schema};
    create sequence ${schema}.global_position;
    create table ${schema}.streams (
      stream_id text not null,
      stream_position bigint not null,
      partition text not null default 'default',
      stream_type text not null,
      stream_metadata jsonb not null,
      is_archived boolean not null default false,
      primary key (stream_id, partition, is_archived)
    ) partition by list (partition);
    create unique index on ${schema}.streams (stream_id, partition, is_archived) include (stream_position);
    create table ${schema}.messages (
      stream_position bigint not null,
      global_position bigint default nextval('${schema}.global_position'),
      transaction_id xid8 not null,
      created timestamptz not null default now(),
      is_archived boolean not null default false,
      message_kind varchar(1) not null default 'E',
      stream_id text not null,
      partition text not null default 'default',
      message_schema_version text not null,
      message_id text not null,
      message_type text not null,
      message_data jsonb not null,
      message_metadata jsonb not null,
      primary key (stream_id, stream_position, partition, is_archived)
    ) partition by list (partition);
    create index on ${schema}.messages (transaction_id, global_position);
    ${partitions(schema, 'streams')}
    ${partitions(schema, 'messages')}
    ${append(schema)}`;
}

function partitions(schema: string, table: string): string {
  const name = `${schema}.${table}`;
  return `
    create table ${name}_default partition of ${name} for values in ('default') partition by list (is_archived);
    create table ${name}_active partition of ${name}_default for values in (false);
    create table ${name}_archived partition of ${name}_default for values in (true);`;
}

function append(schema: string): string {
  return `
    create function ${schema}.append(
      ids text[], data jsonb[], metadata jsonb[], versions text[], types text[], kinds text[], stream text, kind_of_stream text
    ) returns table (success boolean, next_position bigint, global_positions bigint[], transaction_id xid8)
    language plpgsql as $append$
    declare
      this_transaction xid8 := pg_current_xact_id();
      position_read bigint;
      position_next bigint;
      positions bigint[];
    begin
      position_read := coalesce((
        select s.stream_position from ${schema}.streams s
        where s.stream_id = stream and s.partition = 'default' and s.is_archived = false limit 1), 0);
      position_next := position_read + array_upper(data, 1);
      if position_read = 0 then
        insert into ${schema}.streams (stream_id, stream_position, stream_type, stream_metadata)
        values (stream, position_next, kind_of_stream, '{}');
      else
        update ${schema}.streams s set stream_position = position_next
        where s.stream_id = stream and s.stream_position = position_read and s.partition = 'default' and s.is_archived = false;
        if not found then
          return query select false, null::bigint, null::bigint[], null::xid8;
          return;
        end if;
      end if;
      with added as (
        insert into ${schema}.messages (stream_id, stream_position, message_data, message_metadata,
          message_schema_version, message_type, message_kind, message_id, transaction_id)
        select stream, position_read + row_number() over (), m.data, m.metadata, m.version, m.type, m.kind, m.id, this_transaction
        from unnest(ids, data, metadata, versions, types, kinds) as m (id, data, metadata, version, type, kind)
        returning global_position)
      select array_agg(added.global_position order by added.global_position) into positions from added;
      return query select true, position_next, positions, this_transaction;
    end $append$;`;
}
