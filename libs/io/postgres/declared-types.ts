import type { ClientBase } from 'pg';
import { canonicalText } from '#core/event/canonical-json.js';
import type { EntityTypes } from '#core/merge/entity-type.js';
import { misfits, type StoredKind } from '#core/merge/type-change.js';
import { describeType, type TypeDescription } from '#core/merge/type-description.js';
import { parseJson } from '#core/parse-json.js';
import { DatabaseRefused } from './failures.js';

/**
 * Holds the declared types against those that the stored events were written under, and remembers them. Types that are not
 * declared any more stay remembered. To be called in the transaction that migrates: one process at a time is here.
 *
 * @throws DatabaseRefused naming every difference that a stored event does not survive.
 */
export async function declareTypes(client: ClientBase, types: EntityTypes): Promise<void> {
  const { rows } = await client.query<{ type: string; description: string }>(
    'select type, description::text as description from atoll.declared_type',
  );
  const remembered = new Map(rows.map(({ type, description }) => [type, description]));
  const changed: TypeDescription[] = [];
  const refused: string[] = [];
  for (const type of types.values()) {
    const now = describeType(type);
    const before = remembered.get(type.name);
    if (before === canonicalText(now)) continue;
    changed.push(now);
    if (before === undefined) continue;
    for (const { needsNone, detail } of misfits(parseJson(before) as unknown as TypeDescription, now))
      if (await isStored(client, type.name, needsNone)) refused.push(detail);
  }
  if (refused.length > 0) {
    throw new DatabaseRefused(
      `the declaration cannot read events that this region stores:\n${refused.map((detail) => `  ${detail}`).join('\n')}`,
    );
  }
  for (const description of changed) {
    await client.query(
      `insert into atoll.declared_type (type, description) values ($1, $2)
       on conflict (type) do update set description = excluded.description, declared_at = clock_timestamp()`,
      [description.name, canonicalText(description)],
    );
  }
}

/** Whether the log has such an event. Reads the whole log where it has none, which only a start that would be refused does. */
async function isStored(client: ClientBase, type: string, wanted: StoredKind): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>(
    `select exists (
       select 1 from atoll.event cross join lateral (select convert_from(bytes, 'UTF8')::json as json) as stored
       where type = $1
         and ($2::int is null or (stored.json ->> 'schema')::int > $2)
         and ($3::text is null or exists (
           select 1 from json_array_elements(stored.json -> 'changes') as change where change ->> 0 = $3))
     ) as found`,
    [
      type,
      wanted.kind === 'any' ? null : (wanted.schemaAbove ?? null),
      wanted.kind === 'field' ? wanted.field : null,
    ],
  );
  return rows[0]?.found === true;
}
