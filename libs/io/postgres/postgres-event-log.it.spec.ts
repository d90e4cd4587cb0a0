import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll } from 'vitest';
import { eventLogContract } from '#kit/contracts/event-log.contract.js';
import { openPostgresEventLog, type PostgresEventLog } from './postgres-event-log.js';

const server = process.env.ATOLL_TEST_POSTGRES ?? 'postgres://atoll@127.0.0.1:55999/postgres';
const database = `contract_${randomUUID().replaceAll('-', '')}`;
const url = server.replace(/\/[^/]*$/, `/${database}`);

beforeAll(() => run(server, `create database ${database}`));
afterAll(() => run(server, `drop database ${database} with (force)`));

eventLogContract('on Postgres', async (shards) => {
  const logs: PostgresEventLog[] = [];
  return {
    async open() {
      const log = await openPostgresEventLog({ url, region: 'eu', shards });
      logs.push(log);
      return log;
    },
    async dispose() {
      await Promise.all(logs.map((log) => log.close()));
      await run(url, 'drop schema atoll cascade');
    },
  };
});

async function run(connectionString: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
