import { afterAll, beforeAll, expect, test } from 'vitest';
import { mutationRow, Writer } from '#kit/contracts/event-log/fixtures.js';
import { ScratchDatabase } from '../../../test/integration/scratch-database.js';
import { openPostgresEventLog, type PostgresEventLog } from './postgres-event-log.js';

let database: ScratchDatabase;

beforeAll(async () => {
  database = await ScratchDatabase.create();
});
afterAll(() => database?.drop());

/** What its sessions read is told to the server at the latest when they end. */
async function withLog<T>(work: (log: PostgresEventLog) => Promise<T>): Promise<T> {
  const log = await openPostgresEventLog({ url: database.url, region: 'eu', shards: 16 });
  try {
    return await work(log);
  } finally {
    await log.close();
  }
}

interface Reads {
  readonly scans: number;
  readonly rows: number;
}

/** What has been read of the mutation records by sessions that ended. */
async function reads(): Promise<Reads> {
  const { rows } = await database.sql.query<{ scans: string; rows: string }>(`
    select (seq_scan + idx_scan)::text as scans,
      (seq_tup_read + (select sum(idx_tup_read) from pg_stat_user_indexes of_table where of_table.relid = whole.relid))::text as rows
    from pg_stat_user_tables whole where relid = 'atoll.mutation'::regclass`);
  return { scans: Number(rows[0]?.scans), rows: Number(rows[0]?.rows) };
}

test('sweeping mutation records reads those that are beyond the retention, not all of a day', async () => {
  const dayMillis = 24 * 3_600_000;
  const horizonMillis = 1_700_000_000_000;
  const [young, old] = [20_000, 5];
  const seqs = Array.from({ length: young + old }, (_, at) => at + 1);
  const actor = await withLog(async (log) => {
    const { actor } = log.identity;
    const rows = seqs.map((seq) =>
      mutationRow({ actor, seq }, { bornMillis: horizonMillis + (seq <= old ? -seq : dayMillis + seq) }),
    );
    const writer = await Writer.of(log);
    for (let at = 0; at < rows.length; at += 5_000)
      await writer.write({ mutations: rows.slice(at, at + 5_000) });
    return actor;
  });
  const before = await reads();
  const stable = new Map(Array.from({ length: 16 }, (_, shard) => [shard, new Map([[actor, seqs.length]])]));
  expect(await withLog((log) => log.dropMutations(horizonMillis, stable))).toBe(old);
  await expect.poll(async () => (await reads()).scans, { timeout: 20_000 }).toBeGreaterThan(before.scans);
  expect((await reads()).rows - before.rows).toBeLessThan(100);
});
