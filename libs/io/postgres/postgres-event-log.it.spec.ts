import { afterAll, beforeAll } from 'vitest';
import { eventLogContract } from '#kit/contracts/event-log.contract.js';
import { ScratchDatabase } from '../../../test/integration/scratch-database.js';
import { openPostgresEventLog, type PostgresEventLog } from './postgres-event-log.js';

let database: ScratchDatabase;

beforeAll(async () => {
  database = await ScratchDatabase.create();
});
afterAll(() => database?.drop());

eventLogContract('on Postgres', async (shards) => {
  const logs: PostgresEventLog[] = [];
  return {
    async open() {
      const log = await openPostgresEventLog({ url: database.url, region: 'eu', shards });
      logs.push(log);
      return log;
    },
    async dispose() {
      await Promise.all(logs.map((log) => log.close()));
      await database.sql.query('drop schema atoll cascade');
    },
  };
});
