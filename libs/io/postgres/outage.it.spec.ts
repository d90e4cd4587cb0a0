import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CommitUnknown, LogUnavailable } from '#flow/ports/event-log.js';
import {
  cart,
  entityRow,
  longLeaseMillis,
  owned,
  part,
  processA,
  Writer,
} from '#kit/contracts/event-log/fixtures.js';
import { startStack, type OwnedDevStack } from '../devstack/stack.js';
import {
  openPostgresEventLog,
  type PostgresEventLog,
  type PostgresEventLogOptions,
} from './postgres-event-log.js';

/** A condition is waited for this long on a machine that is busy with everything else. */
const patient = { timeout: 60_000 };

let stack: OwnedDevStack;
let sql: pg.Client;
const logs: PostgresEventLog[] = [];

async function open(changes: Partial<PostgresEventLogOptions> = {}): Promise<PostgresEventLog> {
  const log = await openPostgresEventLog({
    url: stack.region('eu').postgresUrl,
    region: 'eu',
    shards: 4,
    ...changes,
  });
  logs.push(log);
  return log;
}

async function administer(): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: stack.region('eu').postgresUrl,
    application_name: 'outage-spec',
  });
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** Waits until this many backends of Atoll wait for a lock, and answers their process ids. */
async function blocked(count: number): Promise<readonly number[]> {
  const waiting = async (): Promise<readonly number[]> =>
    (
      await sql.query(
        `select pid from pg_stat_activity where application_name = 'atoll' and wait_event_type = 'Lock'`,
      )
    ).rows.map(({ pid }) => pid);
  await expect.poll(async () => (await waiting()).length, patient).toBe(count);
  return waiting();
}

beforeAll(async () => {
  const external = { eu: { kafkaBrokers: ['127.0.0.1:1'] } };
  stack = await startStack({ regions: ['eu'], portBase: 0, latency: 'none', external });
});
beforeEach(async () => {
  sql = await administer();
});
afterEach(async () => {
  await Promise.all(logs.splice(0).map((log) => log.close()));
  await sql.end();
  sql = await administer();
  await sql.query('drop schema if exists atoll cascade');
  await sql.end();
});
afterAll(() => stack?.stop());

describe('a fence row that changes while a commit waits for it', () => {
  const changes = [
    ['lets the commit through when only the lease changed', 'lease_until = clock_timestamp()', []],
    ['fences the commit when the epoch changed (INV-1)', 'owner_epoch = owner_epoch + 1', [0]],
  ] as const;

  test.each(changes)('%s', async (_sentence, change, fenced) => {
    const log = await open();
    const fences = [await owned(log, 0), await owned(log, 1)];
    const holder = await administer();
    await holder.query(`begin; update atoll.shard_owner set ${change} where shard = 0`);
    const rows = [cart('0'), cart('1')].map((entity, shard) => entityRow(entity, shard));
    const commit = log.commit(rows.map((row, shard) => part(fences[shard]!, { shard, entities: [row] })));
    await blocked(1);
    await holder.query('commit');
    await holder.end();
    expect(await commit).toEqual({ fenced });
    const { entities } = await log.prepare({ entities: rows.map(({ entity }) => entity), mutations: [] });
    expect(entities).toHaveLength(2 - fenced.length);
  });
});

describe('a backend that ends', () => {
  test('between two calls is not noticed by the next', async () => {
    const log = await open();
    const writer = await Writer.of(log);
    await sql.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'atoll'`,
    );
    await expect
      .poll(
        async () =>
          (await sql.query(`select pid from pg_stat_activity where application_name = 'atoll'`)).rowCount,
        patient,
      )
      .toBe(0);
    await writer.write({ entities: [entityRow(cart('1'))] });
    expect((await log.prepare({ entities: [cart('1')], mutations: [] })).entities).toHaveLength(1);
  });

  test('and is followed by one of another database is not written to (INV-8)', async () => {
    const log = await open({ patienceMillis: 1_000 });
    const fence = await owned(log);
    await sql.query(`update atoll.region_identity set actor = 'eu~another'`);
    await sql.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'atoll'`,
    );
    const refused = expect.poll(() => log.commit([part(fence)]).catch((error: unknown) => error), patient);
    await refused.toMatchObject({ name: 'LogUnavailable', message: expect.stringContaining('eu~another') });
  });

  test('while a commit is under way leaves its outcome unknown; a reclaim settles it', async () => {
    const log = await open();
    const fence = await owned(log);
    const holder = await administer();
    await holder.query('begin; select from atoll.shard_owner where shard = 0 for update');
    const commit = log.commit([part(fence, { entities: [entityRow(cart('1'))], lastSeq: 1 })]);
    const outcome = expect(commit).rejects.toBeInstanceOf(CommitUnknown);
    const [pid] = await blocked(1);
    await sql.query('select pg_terminate_backend($1)', [pid]);
    await outcome;
    await holder.query('rollback');
    await holder.end();

    expect(await log.reclaim(0, 1)).toEqual({ kind: 'kept', fence: { ownerEpoch: 2, batch: 0, lastSeq: 0 } });
    expect(await log.commit([part(fence)])).toEqual({ fenced: [0] });
    expect((await log.prepare({ entities: [cart('1')], mutations: [] })).entities).toEqual([]);
  });

  test('during a read or a takeover is an outage that may be tried again', async () => {
    const log = await open();
    const holder = await administer();
    await holder.query(
      'begin; lock table atoll.entity; select from atoll.shard_owner where shard = 1 for update',
    );
    const calls = [log.listEntities('cart', undefined, 1), log.takeOver(1, processA, longLeaseMillis)];
    const outcomes = calls.map((call) => expect(call).rejects.toBeInstanceOf(LogUnavailable));
    for (const pid of await blocked(2)) await sql.query('select pg_terminate_backend($1)', [pid]);
    await Promise.all(outcomes);
    await holder.query('rollback');
    await holder.end();
    expect(await log.listEntities('cart', undefined, 1)).toEqual([]);
    expect(await log.takeOver(1, processA, longLeaseMillis)).toMatchObject({ kind: 'taken' });
  });
});

describe('reads that take all the time there is', () => {
  test('hold up neither leases nor commits', async () => {
    const log = await open({ readConnections: 2 });
    const fence = await owned(log);
    const holder = await administer();
    await holder.query('begin; lock table atoll.conflict');
    const reads = [1, 2, 3, 4].map(() => log.conflicts({ limit: 1 }));
    await blocked(2);
    expect(await log.renew(processA, [{ shard: 0, ownerEpoch: 1 }], longLeaseMillis)).toEqual([]);
    expect(await log.commit([part(fence)])).toEqual({ fenced: [] });
    await holder.query('rollback');
    await holder.end();
    expect(await Promise.all(reads)).toEqual([[], [], [], []]);
  });
});

describe('a statement that takes too long', () => {
  test('is given up by Postgres, and surely did not commit', async () => {
    const log = await open({ statementMillisMax: 1_000 });
    const fence = await owned(log);
    const holder = await administer();
    await holder.query('begin; select from atoll.shard_owner where shard = 0 for update');
    await expect(log.commit([part(fence)])).rejects.toBeInstanceOf(LogUnavailable);
    await holder.query('rollback');
    await holder.end();
    expect(await log.commit([part(fence)])).toEqual({ fenced: [] });
  });
});

describe('a Postgres that is killed and started again', () => {
  test('is found again by itself, with everything that was committed', async () => {
    const log = await open({ patienceMillis: 60_000 });
    const impatient = await open({ patienceMillis: 100 });
    const writer = await Writer.of(log);
    const dying = Array.from({ length: 50 }, (_, index) => entityRow(cart(String(index))));
    for (const row of dying.slice(0, 25)) await writer.write({ entities: [row] });
    await stack.kill('eu', 'postgres');
    await expect(impatient.cursors()).rejects.toBeInstanceOf(LogUnavailable);

    const waiting = log.prepare({ entities: dying.map(({ entity }) => entity), mutations: [] });
    await stack.start('eu', 'postgres');
    expect((await waiting).entities).toHaveLength(25);
    for (const row of dying.slice(25)) await writer.write({ entities: [row] });
    expect(await log.listEntities('cart', undefined, 100)).toHaveLength(50);
  });

  test('leaves every commit under way either whole or not there', async () => {
    const log = await open({ patienceMillis: 60_000 });
    let fence = await owned(log);
    let acknowledged = 0;
    let stopping = false;
    const storm = async (): Promise<void> => {
      while (!stopping) {
        const next = part(fence, {
          entities: [entityRow(cart(String(fence.batch)))],
          lastSeq: fence.lastSeq + 1,
        });
        await log.commit([next]);
        fence = { ...fence, batch: fence.batch + 1, lastSeq: next.lastSeq };
        acknowledged = fence.batch;
      }
    };
    const ended = storm().catch((error: unknown) => error);
    await expect.poll(() => acknowledged, patient).toBeGreaterThan(20);
    await stack.kill('eu', 'postgres');
    await stack.start('eu', 'postgres');
    stopping = true;
    const error = await ended;
    if (error !== undefined) expect(error).toBeInstanceOf(CommitUnknown);

    const outcome = await log.reclaim(0, fence.ownerEpoch);
    if (outcome.kind !== 'kept') throw new Error('the shard was lost');
    const { batch, lastSeq } = outcome.fence;
    expect([acknowledged, acknowledged + (error === undefined ? 0 : 1)]).toContain(batch);
    expect(lastSeq).toBe(batch);
    expect(await log.listEntities('cart', undefined, 1_000_000)).toHaveLength(batch);
  });
});

describe('a network that swallows everything', () => {
  let relay: Relay;

  beforeEach(async () => {
    relay = await Relay.to(Number(new URL(stack.region('eu').postgresUrl).port));
  });
  afterEach(() => relay.close());

  function through(): string {
    const url = new URL(stack.region('eu').postgresUrl);
    url.port = String(relay.port);
    return url.href;
  }

  test('leaves a commit unknown within its time limit, and calls go on afterwards', async () => {
    const log = await open({
      url: through(),
      statementMillisMax: 1_500,
      silenceMillisMax: 500,
      patienceMillis: 500,
    });
    const fence = await owned(log);
    relay.freeze();
    await expect(log.commit([part(fence)])).rejects.toBeInstanceOf(CommitUnknown);
    relay.thaw();
    expect(await log.reclaim(0, 1)).toMatchObject({ kind: 'kept' });
    expect(await log.stillOwned([{ shard: 0, ownerEpoch: 2 }])).toEqual([0]);
  });

  test('is an outage for who has no connection yet, and is told as one', async () => {
    const log = await open({ url: through(), patienceMillis: 500 });
    const fence = await owned(log);
    relay.cut();
    await expect
      .poll(() => log.commit([part(fence)]).catch((error: unknown) => error), patient)
      .toBeInstanceOf(LogUnavailable);
    await expect(log.owners()).rejects.toBeInstanceOf(LogUnavailable);
    relay.thaw();
    expect(await log.owners()).toHaveLength(4);
  });
});

/** A way to Postgres that can be cut, or that goes silent without a word. */
class Relay {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private state: 'open' | 'frozen' | 'cut' = 'open';

  private constructor(target: number) {
    this.server = createServer((near) => {
      if (this.state === 'cut') return void near.destroy();
      const far = connect(target, '127.0.0.1');
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.sockets.add(from);
        from.on('data', (data) => this.state === 'open' && to.write(data));
        from.on('error', () => {});
        from.on('close', () => to.destroy());
      }
    });
  }

  static async to(target: number): Promise<Relay> {
    const relay = new Relay(target);
    relay.server.listen(0, '127.0.0.1');
    await once(relay.server, 'listening');
    return relay;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  freeze(): void {
    this.state = 'frozen';
  }

  cut(): void {
    this.state = 'cut';
    for (const socket of this.sockets) socket.destroy();
  }

  thaw(): void {
    this.state = 'open';
  }

  close(): void {
    this.cut();
    this.server.close();
  }
}
