import { createHash } from 'node:crypto';
import type { ClientBase } from 'pg';
import type { Connections } from './connections.js';
import { sentence } from './failures.js';
import { lockSchema } from './migrate.js';

/** What a view needs to know of an entity type. */
export interface ViewedType {
  readonly name: string;
  readonly fields: readonly string[];
}

export interface TypeViews {
  /** View names in schema `atoll_data` that were made or changed now. */
  readonly created: readonly string[];
  /** Views that stay as they were, because something a user built depends on them, with Postgres' reason. */
  readonly kept: readonly { readonly view: string; readonly reason: string }[];
}

/** Postgres cuts longer names off. */
const nameBytesMax = 63;

/**
 * Makes a read-only view per entity type in schema `atoll_data`: its id, a column per field as JSON, and the whole
 * value. Entities that do not exist are not shown. A field called `id` or `value` is within `value` only.
 *
 * Views change only when the declaration did; views of types that are no longer declared go.
 */
export async function createTypeViews(
  connections: Connections,
  types: readonly ViewedType[],
): Promise<TypeViews> {
  return connections.transaction('begin', async (client) => {
    await lockSchema(client);
    await client.query('create schema if not exists atoll_data');
    const { rows } = await client.query<{ view: string; definition: string | null }>(`
      select relname as view, obj_description(oid, 'pg_class') as definition
      from pg_class where relnamespace = 'atoll_data'::regnamespace and relkind = 'v'`);
    const standing = new Map(rows.map(({ view, definition }) => [view, definition]));
    const wanted = new Map(types.map((type) => [shortened(type.name), type]));

    const created: string[] = [];
    const kept: { view: string; reason: string }[] = [];
    const attempt = async (view: string, sql: string): Promise<boolean> => {
      const reason = await tryToRun(client, sql);
      if (reason !== undefined) kept.push({ view, reason });
      return reason === undefined;
    };
    for (const view of standing.keys()) {
      if (!wanted.has(view)) await attempt(view, `drop view atoll_data.${quoted(view)}`);
    }
    for (const [view, type] of wanted) {
      const definition = fingerprint(type);
      if (standing.get(view) === definition) continue;
      if (await attempt(view, viewSql(view, type, definition))) created.push(view);
    }
    return { created, kept };
  });
}

async function tryToRun(client: ClientBase, sql: string): Promise<string | undefined> {
  await client.query('savepoint view_change');
  try {
    await client.query(sql);
    return undefined;
  } catch (error) {
    await client.query('rollback to savepoint view_change');
    return sentence(error);
  } finally {
    await client.query('release savepoint view_change');
  }
}

function viewSql(view: string, type: ViewedType, definition: string): string {
  const name = `atoll_data.${quoted(view)}`;
  const columns = type.fields
    .filter((field) => field !== 'id' && field !== 'value')
    .map((field) => `content.value -> ${literal(field)} as ${quoted(shortened(field))},`);
  return `
    drop view if exists ${name};
    create view ${name} as
      select entity.id, ${columns.join(' ')} content.value
      from atoll.entity cross join lateral (select convert_from(entity.value, 'UTF8')::json as value) as content
      where entity.type = ${literal(type.name)} and entity.value is not null;
    create trigger read_only instead of insert or update or delete on ${name}
      for each row execute function atoll.refuse_write();
    comment on view ${name} is ${literal(definition)}`;
}

/** Part of the comment on the view: tells whether the declaration changed since. The number is the form of the SQL. */
function fingerprint(type: ViewedType): string {
  const hash = createHash('sha256').update(JSON.stringify([1, type.name, type.fields]));
  return `Entities of type ${type.name}, kept by Atoll; read-only (${hash.digest('hex').slice(0, 16)})`;
}

/** A name within Postgres' limit; what was cut off lives on as a hash, so that two names stay two. */
function shortened(name: string): string {
  if (Buffer.byteLength(name) <= nameBytesMax) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8);
  let head = name;
  while (Buffer.byteLength(head) > nameBytesMax - hash.length - 1) head = [...head].slice(0, -1).join('');
  return `${head}_${hash}`;
}

function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

function literal(text: string): string {
  return `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
