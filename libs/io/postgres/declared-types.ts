import type { ClientBase } from 'pg';
import { canonicalText } from '#core/event/canonical-json.js';
import type { EntityTypes } from '#core/merge/entity-type.js';
import { misfits, type StoredKind } from '#core/merge/type-change.js';
import { describeType, type TypeDescription } from '#core/merge/type-description.js';
import { parseJson } from '#core/parse-json.js';
import { DatabaseRefused } from './failures.js';

/**
 * Holds the declared types against those that the stored events were written under, and remembers them, by their schema
 * version. Types that are not declared any more stay remembered. To be called in the transaction that migrates: one process
 * at a time is here.
 *
 * @throws DatabaseRefused naming every difference that a stored event does not survive.
 */
export async function declareTypes(client: ClientBase, types: EntityTypes): Promise<void> {
  const remembered = await readRemembered(client);
  const refused = new Set<string>();
  for (const type of types.values()) {
    const now = describeType(type);
    for (const before of remembered.get(type.name) ?? []) {
      for (const { needsNone, detail } of misfits(before, now))
        if (!refused.has(detail) && (await isStored(client, type.name, needsNone))) refused.add(detail);
    }
  }
  if (refused.size > 0) {
    const details = [...refused].map((detail) => `  ${detail}`).join('\n');
    throw new DatabaseRefused(`the declaration cannot read events that this region stores:\n${details}`);
  }
  for (const type of types.values()) {
    const description = describeType(type);
    await client.query(
      `insert into atoll.declared_type as declared (type, schema_version, description) values ($1, $2, $3)
       on conflict (type, schema_version) do update
       set description = excluded.description, declared_at = clock_timestamp()
       where declared.description::text <> excluded.description::text`,
      [description.name, description.schemaVersion, canonicalText(description)],
    );
  }
}

async function readRemembered(client: ClientBase): Promise<ReadonlyMap<string, readonly TypeDescription[]>> {
  const { rows } = await client.query<{ type: string; description: string }>(
    'select type, description::text as description from atoll.declared_type order by type, schema_version desc',
  );
  const byType = Map.groupBy(rows, ({ type }) => type);
  const read = ({ description }: { readonly description: string }): TypeDescription =>
    parseJson(description) as TypeDescription;
  return new Map([...byType].map(([type, declared]) => [type, declared.map(read)]));
}

/** Whether the log has such an event. Reads the whole log where it has none, which only a start that would be refused does. */
async function isStored(client: ClientBase, type: string, wanted: StoredKind): Promise<boolean> {
  const { schema, field, schemaAbove } = wanted;
  const { rows } = await client.query<{ found: boolean }>(
    `select exists (
       select 1 from atoll.event cross join lateral (select convert_from(bytes, 'UTF8')::json as json) as stored
       where type = $1
         and ($2::int is null or (stored.json ->> 'schema')::int = $2)
         and ($3::text is null or exists (
           select 1 from json_array_elements(stored.json -> 'changes') as change where change ->> 0 = $3))
         and ($4::int is null or (stored.json ->> 'schema')::int > $4)
     ) as found`,
    [type, schema ?? null, field ?? null, schemaAbove ?? null],
  );
  return rows[0]?.found === true;
}
