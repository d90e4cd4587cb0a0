import pg from 'pg';

/** How many bytes each column of Atoll's rows holds on average: its peers write as many. */
export interface RowSizes {
  readonly eventBytes: number;
  readonly stateBytes: number;
  readonly valueBytes: number;
}

export async function measureRows(url: string): Promise<RowSizes> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<Record<'event' | 'state' | 'value', string>>(`
      select (select avg(length(bytes)) from atoll.event) as event, (select avg(length(state)) from atoll.entity) as state,
             (select avg(length(value)) from atoll.entity) as value`);
    const [row] = rows;
    const bytes = (text: string | undefined): number => Math.round(Number(text ?? 0));
    return { eventBytes: bytes(row?.event), stateBytes: bytes(row?.state), valueBytes: bytes(row?.value) };
  });
}

/**
 * Makes tables of exactly the shape of `atoll.event` and `atoll.entity`: columns, keys, indexes and fill factor. The
 * database holds Atoll's own tables already.
 */
export async function createPeerTables(url: string, schema: string): Promise<void> {
  await withClient(url, (client) =>
    client.query(`
      create schema ${schema};
      create table ${schema}.event (like atoll.event including all);
      create table ${schema}.entity (like atoll.entity including all) with (fillfactor = 70);`),
  );
}

/** What a batch costs at least: events and states of binary arrays, as one prepared statement on a peer's tables. */
export function batchStatement(schema: string): string {
  return `
    with event as (
      insert into ${schema}.event (seq, arrival, shard, actor, type, id, hash, bytes)
      select new.seq, new.seq, new.shard, 1, 'document', new.id, new.hash, new.bytes
      from unnest($1::int8[], $2::int2[], $3::text[], $4::bytea[], $5::bytea[]) as new (seq, shard, id, hash, bytes))
    insert into ${schema}.entity (shard, type, id, state, value)
    select new.shard, 'document', new.id, new.state, new.value
    from unnest($6::int2[], $7::text[], $8::bytea[], $9::bytea[]) as new (shard, id, state, value)
    on conflict (type, id) do update set state = excluded.state, value = excluded.value`;
}

/** What one event costs at least: its row and its entity's state, as one prepared statement and one transaction. */
export function rowStatement(schema: string): string {
  return `
    with event as (
      insert into ${schema}.event (seq, arrival, shard, actor, type, id, hash, bytes) values ($1, $1, $2, 1, $3, $4, $5, $6))
    insert into ${schema}.entity (shard, type, id, state, value) values ($2, $3, $4, $7, $8)
    on conflict (type, id) do update set state = excluded.state, value = excluded.value`;
}

/** As Atoll's own connections are set for it. */
export const batchSession =
  'set synchronous_commit = on; set jit = off; set plan_cache_mode = force_generic_plan';

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
