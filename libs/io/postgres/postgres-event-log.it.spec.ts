import pg from 'pg';
import { afterAll, beforeAll } from 'vitest';
import { eventLogContract } from '#kit/contracts/event-log.contract.js';
import { startStack, type OwnedDevStack } from '../devstack/stack.js';
import { openPostgresEventLog, type PostgresEventLog } from './postgres-event-log.js';

let stack: OwnedDevStack;

beforeAll(async () => {
  const external = { eu: { kafkaBrokers: ['127.0.0.1:1'] } };
  stack = await startStack({ regions: ['eu'], portBase: 0, latency: 'none', external });
});
afterAll(() => stack?.stop());

eventLogContract('on Postgres', async (shards) => {
  const url = stack.region('eu').postgresUrl;
  const logs: PostgresEventLog[] = [];
  return {
    async open() {
      const log = await openPostgresEventLog({ url, region: 'eu', shards });
      logs.push(log);
      return log;
    },
    async dispose() {
      await Promise.all(logs.map((log) => log.close()));
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await client.query('drop schema atoll cascade');
      await client.end();
    },
  };
});
