import { once } from 'node:events';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { limitsDefault } from '#flow/limits.js';
import { handlingGraceMillis, maxWaitMillisDefault } from '#io/http/limits.js';
import { errorCatalogue } from '#io/wire/error-catalogue.js';
import { openFeed } from '../rim/feed-client.js';
import { GrpcAsker } from '../rim/grpc-client.js';
import { ask } from '../rim/http-client.js';
import { flood } from './flood.js';
import { RunningRegions } from './running-regions.js';
import { until } from './until.js';

/** Two regions and all clients share one process here: its timers are late by so much. */
const scheduleMillisMax = 3_000;

let regions: RunningRegions;
let us: string;
let eu: string;
let grpcUs: GrpcAsker;
let grpcEu: GrpcAsker;

beforeAll(async () => {
  regions = await RunningRegions.started(inject('devStack'), ['us', 'eu']);
  us = regions.at('us').http;
  eu = regions.at('eu').http;
  grpcUs = new GrpcAsker(regions.at('us').grpc);
  grpcEu = new GrpcAsker(regions.at('eu').grpc);
});
afterAll(async () => {
  grpcUs?.close();
  grpcEu?.close();
  await regions?.stop();
});

const get = async (base: string, url: string, headers = {}) =>
  (await ask(base, { method: 'GET', url, headers })).body;
const post = async (base: string, url: string, body: object, headers = {}) =>
  (await ask(base, { url, body: JSON.stringify(body), headers })).body;

/** Waits until `base` has everything that `of` has now. */
async function caughtUp(base: string, of: string): Promise<void> {
  const { token } = await post(of, '/v1/barriers', {});
  const state = await get(base, `/v1/barriers/${token}`, { 'atoll-max-wait': '30000' });
  expect(state).toMatchObject({ reached: true, missing: [] });
}

const operations = [
  { field: 'lines', op: 'at', key: 'tea', then: { op: 'increment', by: 2 } },
  { field: 'coupon', op: 'set', value: 'TEN' },
  { field: 'tags', op: 'add', element: 'new' },
  { field: 'gift', op: 'enable' },
  { field: 'best', op: 'raise', value: 7 },
  { field: 'state', op: 'advance', to: 'paid' },
];
const messages = operations.map(({ field, op, ...args }) => ({
  field,
  op,
  argumentsJson: JSON.stringify(args),
}));
const value = {
  lines: { tea: 2 },
  coupon: 'TEN',
  address: null,
  slot: null,
  tags: ['new'],
  gift: true,
  views: 0,
  best: 7,
  state: 'paid',
};

describe('HTTP and gRPC say the same,', () => {
  it('of one entity written over either and read over either, here and in the other region', async () => {
    const overHttp = await post(us, '/v1/entities/cart/h/changes', { operations });
    const overGrpc = (await grpcUs.call('changeEntity', { type: 'cart', id: 'g', operations: messages }))
      .message;
    expect(Object.keys(overGrpc).sort()).toEqual(Object.keys(overHttp).sort());
    for (const [id, { session }] of Object.entries({ h: overHttp, g: overGrpc })) {
      for (const [base, grpc] of [
        [us, grpcUs],
        [eu, grpcEu],
      ] as const) {
        const headers = { 'atoll-session': session };
        const { region, ...http } = await get(base, `/v1/entities/cart/${id}`, headers);
        const { message } = await grpc.call('getEntity', { type: 'cart', id }, headers);
        expect(http.value).toEqual(value);
        expect(JSON.parse(message.valueJson)).toEqual(value);
        expect([message.region, message.version, message.conflicts, message.quarantined]).toEqual([
          region,
          http.version,
          http.conflicts,
          http.quarantined,
        ]);
      }
    }
  });

  it('of a retried command, whichever way it is retried', async () => {
    const headers = { 'idempotency-key': 'retried' };
    const views = { field: 'views', op: 'increment', by: 1 };
    const first = await post(us, '/v1/entities/cart/r/changes', { operations: [views] }, headers);
    const request = {
      type: 'cart',
      id: 'r',
      operations: [{ field: 'views', op: 'increment', argumentsJson: '{"by":1}' }],
    };
    const { message } = await grpcUs.call('changeEntity', request, headers);
    expect(message).toMatchObject({ dot: first.dot, version: first.version, replayed: true });
    const write = await get(us, '/v1/writes/retried');
    expect((await grpcUs.call('getWrite', { mutationId: 'retried' })).message).toMatchObject({
      ...write,
      state: expect.any(String),
      copies: [{ dot: first.dot }],
    });
    expect((await get(us, '/v1/entities/cart/r')).value.views).toBe(1);
  });

  it('of lists, several entities, batches and histories', async () => {
    const changes = ['l-1', 'l-2', 'l-3'].map((id) => ({
      type: 'record',
      id,
      operations: [{ field: 'value', op: 'set', value: { id } }],
    }));
    const batch = await post(us, '/v1/batch', { changes });
    expect(batch.outcomes.map(({ ok }: { ok: boolean }) => ok)).toEqual([true, true, true]);
    const listed = await get(us, '/v1/entities/record?limit=2');
    const { message } = await grpcUs.call('listEntities', { type: 'record', limit: 2 });
    const shown = message.entities.map(
      ({ id, version, valueJson }: { id: string; version: string; valueJson: string }) => [
        id,
        version,
        JSON.parse(valueJson),
      ],
    );
    expect(shown).toEqual(
      listed.entities.map((one: { id: string; version: string; value: unknown }) => [
        one.id,
        one.version,
        one.value,
      ]),
    );
    expect([message.next, listed.next]).toEqual(['l-2', 'l-2']);
    const history = await get(us, '/v1/entities/record/l-1/history');
    const entries = (await grpcUs.call('getHistory', { type: 'record', id: 'l-1' })).message.entries;
    expect(entries.map(({ dot, hash }: { dot: string; hash: string }) => [dot, hash])).toEqual(
      history.entries.map(({ dot, hash }: { dot: string; hash: string }) => [dot, hash]),
    );
  });

  it('of conflicts, which are the same in both regions, and of their resolution', async () => {
    const [out, back] = [regions.stack.link('us', 'eu'), regions.stack.link('eu', 'us')];
    await Promise.all([out.cut(), back.cut()]);
    await ask(us, { method: 'PATCH', url: '/v1/entities/cart/c', body: '{"slot":"noon","coupon":"A"}' });
    await ask(eu, { method: 'PATCH', url: '/v1/entities/cart/c', body: '{"slot":"one","coupon":"B"}' });
    await Promise.all([out.heal(), back.heal()]);
    await caughtUp(us, eu);
    await caughtUp(eu, us);
    const inUs = await get(us, '/v1/conflicts?type=cart&id=c');
    const inEu = (await grpcEu.call('listConflicts', { type: 'cart', id: 'c' })).message;
    const told = (rows: readonly { readonly id: string; readonly field: string }[]) =>
      rows.map(({ id, field }) => `${field} ${id}`).sort();
    expect(told(inEu.conflicts)).toEqual(told(inUs.conflicts));
    expect(inUs.conflicts.map(({ field }: { field: string }) => field).sort()).toEqual(['coupon', 'slot']);
    const [newest, older] = inUs.conflicts;
    const first = await get(us, '/v1/conflicts?limit=1');
    expect(first.conflicts).toEqual([newest]);
    const { message: second } = await grpcUs.call('listConflicts', { limit: 1, after: first.next });
    expect(second.conflicts).toMatchObject([{ id: older.id }]);
    const { id } = inUs.conflicts.find(({ field }: { field: string }) => field === 'slot');
    const resolved = await grpcEu.call('resolveConflict', {
      id,
      operations: [{ field: 'slot', op: 'set', argumentsJson: '{"value":"one"}' }],
    });
    await caughtUp(us, eu);
    expect((await get(us, '/v1/entities/cart/c')).value.slot).toBe('one');
    expect((await get(us, `/v1/conflicts/${id}`)).resolvedBy).toBe(resolved.message.dot);
  });

  it('of the changes feed, resumed in the other region over the other surface', async () => {
    const feed = await openFeed(`${us}/v1/changes?type=record`);
    const written = await post(us, '/v1/entities/record/f-1/changes', {
      operations: [{ field: 'value', op: 'set', value: 1 }],
    });
    const first = await feed.next();
    expect(first.data).toMatchObject({ id: 'f-1', value: { value: 1 }, cause: 'local', dot: written.dot });
    feed.close();
    await post(us, '/v1/entities/record/f-2/changes', {
      operations: [{ field: 'value', op: 'set', value: 2 }],
    });
    const stream = grpcEu.stream('followChanges', { type: 'record', after: first.id });
    const [notice] = await once(stream, 'data');
    expect(notice).toMatchObject({ id: 'f-2', valueJson: '{"value":2}', cause: 'merged' });
    stream.on('error', () => undefined).cancel();
  });

  it('of the region itself', async () => {
    for (const [method, path] of [
      ['getTopology', 'topology'],
      ['getLinks', 'links'],
      ['getShards', 'shards'],
      ['getQuarantine', 'quarantine'],
      ['getSlo', 'slo'],
    ] as const) {
      const { message } = await grpcUs.call(method, {});
      expect(Object.keys(JSON.parse(message.json))).toEqual(Object.keys(await get(us, `/v1/admin/${path}`)));
    }
    const topology = await get(us, '/v1/admin/topology');
    expect(topology).toMatchObject({
      region: 'us',
      members: ['us', 'eu'],
      shards: 16,
      ready: true,
      isolated: false,
      clock: { isTrusted: true, disagreements: [] },
      pending: 0,
      parked: 0,
    });
    const { links } = await get(us, '/v1/admin/links');
    expect(links).toMatchObject([
      { region: 'eu', lastHeartbeatMillisAgo: expect.any(Number), refusedTypes: [] },
    ]);
    expect((await get(us, '/v1/admin/quarantine')).events).toEqual([]);
  });
});

describe('a region under several times what it can take', () => {
  it('answers everything in time, by a code where it refuses, and keeps all that it acknowledged', async () => {
    const ids = Array.from({ length: 20 }, (_, at) => `flooded-${at}`);
    const { requestBytesMax, commandsMax, commandQueueMax } = limitsDefault;
    const limits = new Map([
      ['request_bytes_in_flight', requestBytesMax],
      ['commands_in_flight', commandsMax],
      ['command_queue', commandQueueMax],
    ]);
    const { done, refused, millisMax, highest } = await flood({
      ...{ base: us, grpc: grpcUs, type: 'cart', field: 'views', ids },
      ...{ batches: 50, batchChanges: 500, singles: 100 },
      ...{ gauges: [...limits.keys()], lookMillis: 100 },
    });
    expect([...refused.keys()].filter((code) => !Object.hasOwn(errorCatalogue, code))).toEqual([]);
    expect(refused.get('overloaded')).toBeGreaterThan(1_000);
    expect(millisMax).toBeLessThan(maxWaitMillisDefault + handlingGraceMillis + scheduleMillisMax);
    for (const [name, limit] of limits) {
      expect(highest.get(name), name).toBeGreaterThan(0);
      expect(highest.get(name), name).toBeLessThanOrEqual(limit);
    }
    // What nobody could tell may have been done.
    const open = [...refused].reduce((sum, [code, count]) => sum + (code === 'overloaded' ? 0 : count), 0);
    let extra = 0;
    for (const id of ids) {
      const { value } = await get(us, `/v1/entities/cart/${id}`);
      expect(value.views).toBeGreaterThanOrEqual(done.get(id) ?? 0);
      extra += value.views - (done.get(id) ?? 0);
    }
    expect(extra).toBeLessThanOrEqual(open);
    expect((await ask(us, { method: 'GET', url: '/readyz' })).status).toBe(200);
    await until(async () => (await get(us, '/metrics')).includes('atoll_commands_in_flight 0\n'));
    await caughtUp(us, eu);
    await caughtUp(eu, us);
  });
});

describe('a region beside its API', () => {
  it('shows its state to SQL', async () => {
    await ask(us, { method: 'PATCH', url: '/v1/entities/record/sql', body: '{"value":{"seen":"by SQL"}}' });
    const client = new pg.Client({ connectionString: regions.databaseUrl('us') });
    await client.connect();
    const { rows } = await client.query('select id, value from atoll_data.record where id = $1', ['sql']);
    await client.end();
    expect(rows).toEqual([{ id: 'sql', value: { value: { seen: 'by SQL' } } }]);
  });

  it('tells its lag per link, and what it merged, as metrics', async () => {
    await post(eu, '/v1/entities/record/m/changes', {
      operations: [{ field: 'value', op: 'set', value: 1 }],
    });
    await caughtUp(us, eu);
    const text = await get(us, '/metrics');
    expect(text).toMatch(/^atoll_lag_millis_bucket\{le="\d+",from="eu",to="us"\} \d+$/m);
    expect(text).toMatch(/^atoll_conflicts_total\{type="cart",policy="multi-value"\} 1$/m);
    expect(text).toMatch(/^atoll_owned_shards 16$/m);
    const { lagMillis } = await get(us, '/v1/admin/slo');
    expect(lagMillis).toMatchObject([
      { from: 'eu', to: 'us', count: expect.any(Number), p50: expect.any(Number) },
    ]);
  });

  it('serves on while its Kafka is down, and says that it is isolated', async () => {
    await regions.stack.kill('us', 'kafka');
    try {
      await until(async () => (await get(us, '/v1/admin/topology')).isolated === true);
      expect((await ask(us, { method: 'GET', url: '/readyz' })).status).toBe(200);
      const written = await post(us, '/v1/entities/record/k/changes', {
        operations: [{ field: 'value', op: 'set', value: 1 }],
      });
      expect(written.dot).toMatch(/^us~/);
    } finally {
      await regions.stack.start('us', 'kafka');
    }
    await until(async () => (await get(us, '/v1/admin/topology')).isolated === false);
  });

  it('answers unavailable while its database is down, and serves again when it is back', async () => {
    await regions.stack.kill('us', 'postgres');
    try {
      await until(async () => (await ask(us, { method: 'GET', url: '/readyz' })).body.code === 'unavailable');
      const { status, body } = await ask(us, { method: 'GET', url: '/v1/entities/record?limit=1' });
      expect([status, body.code, body.retryable]).toEqual([503, 'unavailable', true]);
    } finally {
      await regions.stack.start('us', 'postgres');
    }
    await until(async () => (await ask(us, { method: 'GET', url: '/readyz' })).status === 200);
    await until(
      async () =>
        (
          await ask(us, {
            url: '/v1/entities/record/p/changes',
            body: '{"operations":[{"field":"value","op":"set","value":1}]}',
          })
        ).status === 200,
    );
  });
});
