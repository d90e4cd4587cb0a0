import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { cart, entityRow, Writer } from '#kit/contracts/event-log/fixtures.js';
import { ScratchDatabase } from '../../../test/integration/scratch-database.js';
import { openPostgresEventLog, type PostgresEventLog } from './postgres-event-log.js';

const folder = fileURLToPath(new URL('../../../test/rim/certificates/', import.meta.url));
const certificate = `${folder}localhost.pem`;
const files = { 'server.crt': certificate, 'server.key': `${folder}localhost-key.pem` };

let database: ScratchDatabase;
let log: PostgresEventLog | undefined;
beforeAll(async () => {
  database = await ScratchDatabase.create();
  const { sql } = database;
  for (const [name, file] of Object.entries(files)) {
    const base64 = readFileSync(file).toString('base64');
    // In its data directory, and readable by the server alone, as it insists.
    await sql.query(`copy (select '${base64}') to program 'umask 077; base64 -d > ${name}'`);
  }
  await sql.query('alter system set ssl = on');
  await sql.query('select pg_reload_conf()');
  await vi.waitFor(async () => expect((await sql.query('show ssl')).rows).toEqual([{ ssl: 'on' }]));
});
afterAll(async () => {
  await log?.close();
  await database?.sql.query('alter system reset ssl');
  await database?.sql.query('select pg_reload_conf()');
  await database?.drop();
});

test('an event log is written and read over TLS, to a server that proves who it is', async () => {
  const url = new URL(database.url);
  url.hostname = 'localhost';
  url.searchParams.set('sslmode', 'verify-full');
  url.searchParams.set('sslrootcert', certificate);
  log = await openPostgresEventLog({ url: url.href, region: 'eu', shards: 4 });
  const writer = await Writer.of(log);
  const row = entityRow(cart('1'));
  await writer.write({ entities: [row] });
  const { entities } = await log.prepare({ entities: [cart('1')], mutations: [] });
  expect(entities).toHaveLength(1);
  const { rows } = await database.sql.query(
    `select distinct ssl from pg_stat_ssl join pg_stat_activity using (pid)
     where datname = current_database() and pid <> pg_backend_pid()`,
  );
  expect(rows).toEqual([{ ssl: true }]);
});
