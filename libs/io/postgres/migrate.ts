import type { ClientBase } from 'pg';
import { DatabaseRefused } from './failures.js';
import { migrations, type Migration } from './migrations.js';

/** Any constant does: every process of Atoll takes this advisory lock before it changes the schema. */
const schemaLock = 4_705_228_113;

/** Held until the transaction ends by whoever changes what the database is made of. */
export async function lockSchema(client: ClientBase): Promise<void> {
  await client.query('select pg_advisory_xact_lock($1)', [schemaLock]);
}

/**
 * Brings the schema to this code's version. To be called inside a transaction: all steps happen or none, and of
 * several processes that start at once one does them while the others wait.
 *
 * @throws DatabaseRefused when the database was migrated by newer code.
 */
export async function migrate(client: ClientBase, steps: readonly Migration[] = migrations): Promise<void> {
  await lockSchema(client);
  await client.query(`
    create schema if not exists atoll;
    create table if not exists atoll.migration (
      number integer primary key, name text not null, applied_at timestamptz not null default clock_timestamp())`);
  const { rows } = await client.query<{ number: number }>(
    'select number from atoll.migration order by number',
  );
  const done = new Set(rows.map((row) => row.number));
  const newest = Math.max(0, ...done);
  const known = Math.max(0, ...steps.map((step) => step.number));
  if (newest > known) {
    throw new DatabaseRefused(
      `the database's schema is at version ${newest}, this program knows versions up to ${known}: use a newer program`,
    );
  }
  for (const step of steps) {
    if (done.has(step.number)) continue;
    await client.query(step.sql);
    await client.query('insert into atoll.migration (number, name) values ($1, $2)', [
      step.number,
      step.name,
    ]);
  }
}
