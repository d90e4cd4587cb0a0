import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { limitsDefault } from '#flow/limits.js';
import { errorCatalogue } from '#io/wire/error-catalogue.js';
import { grpcStatusNumbers } from '#io/wire/error-entry.js';
import { badRequests } from '../../../test/rim/bad-requests.js';
import { GrpcAsker } from '../../../test/rim/grpc-client.js';
import { ask } from '../../../test/rim/http-client.js';
import { MemoryRims, rimStartMillisMax } from '../../../test/rim/memory-rim.js';
import { overGrpc } from '../../../test/rim/over-grpc.js';

let rims: MemoryRims;
let base: string;
let us: GrpcAsker;
beforeAll(async () => {
  rims = await MemoryRims.started();
  const listening = await rims.listen('us');
  base = listening.base;
  us = new GrpcAsker(listening.grpc);
}, rimStartMillisMax);
afterAll(async () => {
  us.close();
  expect(rims.at('us').reported).toEqual([]);
  await rims.stop();
}, rimStartMillisMax);

const operation = (field: string, op: string, args: object) => ({
  field,
  op,
  argumentsJson: JSON.stringify(args),
});
const get = async (url: string) => (await ask(base, { method: 'GET', url })).body;

describe('gRPC', () => {
  it('says in the rich status what gRPC itself refuses: too large a message', async () => {
    const argumentsJson = 'x'.repeat(1024 * 1024);
    const changes = Array.from({ length: 17 }, (_, at) => ({
      ...{ type: 'cart', id: `${at}` },
      operations: [{ field: 'coupon', op: 'set', argumentsJson }],
    }));
    expect(await us.refused('batch', { changes })).toMatchObject({
      ...{ status: 3, code: 'too_large', detail: expect.stringContaining('larger than max') },
      metadata: { region: 'us', retryable: 'false' },
    });
  });

  it('writes and reads what HTTP reads and writes', async () => {
    const operations = [
      operation('coupon', 'set', { value: 'A' }),
      operation('lines', 'at', { key: 'k', then: { op: 'increment', by: 2 } }),
    ];
    const write = await us.call(
      'changeEntity',
      { type: 'cart', id: 'g-1', operations },
      { 'idempotency-key': 'g-key' },
    );
    expect(write.message).toMatchObject({
      type: 'cart',
      id: 'g-1',
      mutationId: 'g-key',
      replayed: false,
      region: 'us',
    });
    expect(write.metadata).toMatchObject({
      'atoll-region': 'us',
      etag: `"${write.message.version}"`,
      'atoll-session': write.message.session,
    });

    const overHttp = await get('/v1/entities/cart/g-1');
    const { message } = await us.call('getEntity', { type: 'cart', id: 'g-1' });
    const { valueJson, seen, stalenessMs: _age, ...rest } = message;
    const numbers = Object.fromEntries(Object.entries(seen).map(([actor, seq]) => [actor, Number(seq)]));
    const { session: _session, stalenessMs: _ageThere, ...same } = { ...overHttp };
    expect({ ...rest, seen: numbers, value: JSON.parse(valueJson), session: undefined }).toEqual({
      ...same,
      session: undefined,
    });
    expect(Object.values(seen)).toEqual([expect.any(String)]);
    const again = await us.call(
      'changeEntity',
      { type: 'cart', id: 'g-1', operations },
      { 'idempotency-key': 'g-key' },
    );
    expect(again.message).toMatchObject({ replayed: true, dot: write.message.dot });
  });

  it('takes the level from metadata, as HTTP does from its header', async () => {
    const operations = [operation('coupon', 'set', { value: 'A' })];
    // What is everywhere would be left out of tokens.
    rims.cut();
    const causal = { 'atoll-consistency': 'causal' };
    const post = await us.call('changeEntity', { type: 'cart', id: 'g-post', operations }, causal);
    const headers = { ...causal, 'atoll-session': post.message.session };
    await us.call('changeEntity', { type: 'cart', id: 'g-reply', operations }, headers);
    const { session } = (await us.call('getEntity', { type: 'cart', id: 'g-reply' }, causal)).message;
    const overHttp = await ask(base, { method: 'GET', url: '/v1/entities/cart/g-reply', headers: causal });
    expect(session).toBe(overHttp.body.session);
    const [actor, shard, seq] = String(post.message.dot).split(':');
    const { actors, cursors } = JSON.parse(Buffer.from(session.split('.')[0], 'base64url').toString());
    expect(cursors[shard ?? ''][actors.indexOf(actor)]).toBeGreaterThanOrEqual(Number(seq));
    rims.heal();
  });

  it('patches, deletes, lists, batches and tells histories', async () => {
    await us.call('patchEntity', { type: 'record', id: 'g-2', fieldsJson: '{"value":{"a":[1,null]}}' });
    const listed = await us.call('listEntities', { type: 'record', limit: 1 });
    expect(listed.message.entities).toMatchObject([{ id: 'g-2', valueJson: '{"value":{"a":[1,null]}}' }]);
    expect(listed.message.next).toBe('g-2');
    const batch = await us.call('batch', {
      changes: [
        {
          type: 'record',
          id: 'g-3',
          operations: [operation('value', 'set', { value: 1 })],
          mutationId: 'g-b',
        },
        { type: 'record', id: 'g-3', operations: [operation('size', 'set', { value: 1 })] },
        { type: 'record', id: 'g-2', kind: 'delete' },
      ],
    });
    expect(batch.message.outcomes).toMatchObject([
      { ok: true, write: { id: 'g-3', mutationId: 'g-b' } },
      { ok: false, error: { code: 'unknown_field', errors: [{ path: '/changes/1/operations/0/field' }] } },
      { ok: true, write: { id: 'g-2' } },
    ]);
    const many = await us.call('getEntities', { type: 'record', ids: ['g-2', 'g-3'] });
    expect(many.message.entities.map(({ valueJson }: { valueJson: string }) => valueJson)).toEqual([
      'null',
      '{"value":1}',
    ]);
    const history = await us.call('getHistory', { type: 'record', id: 'g-2' });
    expect(history.message.entries.map(({ kind }: { kind: string }) => kind)).toEqual(['delete', 'update']);
    expect(history.message.entries[1].changes).toMatchObject([
      { field: 'value', changeJson: '{"value":{"a":[1,null]}}' },
    ]);
  });

  it('knows writes, barriers and reports', async () => {
    const write = await us.call('deleteEntity', { type: 'record', id: 'g-4' }, { 'idempotency-key': 'g-d' });
    const status = await us.call('getWrite', { mutationId: 'g-d' });
    expect(status.message).toMatchObject({
      type: 'record',
      id: 'g-4',
      copies: [{ dot: write.message.dot, region: 'us' }],
    });
    const barrier = await us.call('createBarrier', {});
    expect((await us.call('awaitBarrier', { token: barrier.message.token })).message).toMatchObject({
      reached: true,
      missing: [],
    });
    for (const [method, path] of Object.entries({
      getTopology: 'topology',
      getLinks: 'links',
      getShards: 'shards',
      getQuarantine: 'quarantine',
      getSlo: 'slo',
      getMembers: 'members',
      getTypes: 'types',
      getRefused: 'refused',
    })) {
      const { message } = await us.call(method, {});
      expect(Object.keys(JSON.parse(message.json))).toEqual(Object.keys(await get(`/v1/admin/${path}`)));
    }
    const change = { change: 'add', region: 'mars', witness: true };
    expect((await us.refused('changeMembers', change)).detail).toMatch(/no configured region/);
    const said = async (method: string, request: object): Promise<object> =>
      JSON.parse((await us.call(method, request)).message.json);
    const move = { type: 'cart', to: 'strong' };
    expect(await said('moveType', move)).toMatchObject({ goal: 'strong', applied: false, done: false });
    expect((await us.refused('moveType', { type: 'stock', to: 'strong' })).code).toBe('level_not_available');
    const dry = { region: 'us', applied: false, found: 0, counters: [] };
    expect(await said('drainRights', { to: 'eu' })).toEqual(dry);
    expect(await said('reclaimRights', { from: 'eu', databaseIsDestroyed: true })).toEqual(dry);
    expect((await us.refused('reclaimRights', { from: 'eu' })).code).toBe('invalid_request');
    expect((await us.refused('handOver', { shard: 0, to: 'mars' })).code).toBe('invalid_request');
    expect(rims.at('us').audited).toMatchObject([
      { action: 'ChangeMembers', dryRun: true, outcome: 'refused', code: 'invalid_request' },
      { action: 'MoveType', target: { type: 'cart', to: 'strong', abort: false }, outcome: 'done' },
      { action: 'MoveType', outcome: 'refused', code: 'level_not_available' },
      { action: 'DrainRights', dryRun: true, outcome: 'done' },
      { action: 'ReclaimRights', target: { from: 'eu' }, outcome: 'done' },
      { action: 'HandOver', target: { shard: 0, to: 'mars', force: false }, outcome: 'refused' },
    ]);
    expect((await us.call('listConflicts', { type: 'cart' })).message).toMatchObject({
      conflicts: [],
      region: 'us',
    });
  });

  it.each([
    ['getEntity', { type: 'cart', id: 'none' }, 'not_found'],
    ['getConflict', { id: 'none' }, 'conflict_not_found'],
    ['getWrite', { mutationId: 'none' }, 'write_not_found'],
    ['awaitBarrier', { token: 'none' }, 'barrier_not_found'],
  ] as const)('answers %s of what is not there with a rich status', async (method, request, code) => {
    const problem = await us.refused(method, request);
    expect(problem).toMatchObject({
      code,
      status: grpcStatusNumbers[errorCatalogue[code].grpcStatus],
      metadata: { retryable: 'false', requestId: expect.any(String), region: 'us' },
    });
    if (code === 'not_found') expect(problem.metadata).toMatchObject({ seen: '{}', version: '-' });
  });

  it.each(
    badRequests.flatMap((bad) => {
      const request = overGrpc(bad);
      return request === undefined ? [] : [{ ...bad, ...request }];
    }),
  )('refuses as HTTP does: $name ($code)', async ({ method, request, headers, code, path }) => {
    const problem = await us.refused(method, request, headers);
    expect([problem.code, problem.status]).toEqual([
      code,
      grpcStatusNumbers[errorCatalogue[code].grpcStatus],
    ]);
    if (path !== undefined) expect(problem.errors[0]?.path).toBe(path);
  });

  it.each([
    ['a value with U+0000', '{"value":"a\\u0000"}', 'invalid_value', '/operations/0/value'],
    ['arguments that are no object', '[1]', 'invalid_request', '/operations/0'],
    ['arguments that rename the operation', '{"op":"clear"}', 'invalid_request', '/operations/0/op'],
    ['100 000 levels', '['.repeat(100_000), 'too_deep', undefined],
    ['more than 1 MiB', `"${'x'.repeat(1_100_000)}"`, 'too_large', undefined],
  ])('refuses arguments with %s', async (_name, argumentsJson, code, path) => {
    const operations = [{ field: 'coupon', op: 'set', argumentsJson }];
    const problem = await us.refused('changeEntity', { type: 'cart', id: '1', operations });
    expect([problem.code, problem.errors[0]?.path]).toEqual([code, path]);
  });

  it('streams changes, resumable', async () => {
    const stream = us.stream('followChanges', {});
    await once(stream, 'metadata');
    await us.call('patchEntity', { type: 'cart', id: 'g-s', fieldsJson: '{"coupon":"A"}' });
    const [first] = await once(stream, 'data');
    expect(first).toMatchObject({
      type: 'cart',
      id: 'g-s',
      cause: 'local',
      valueJson: expect.stringContaining('"coupon":"A"'),
    });
    stream.on('error', () => undefined).cancel();
    await us.call('patchEntity', { type: 'cart', id: 'g-s', fieldsJson: '{"coupon":"B"}' });
    const resumed = us.stream('followChanges', { after: first.position });
    const [second] = await once(resumed, 'data');
    expect(second.valueJson).toContain('"coupon":"B"');
    resumed.on('error', () => undefined).cancel();
    const refused = us.stream('followChanges', { after: 'nonsense' });
    const [error] = await once(
      refused.on('data', () => undefined),
      'error',
    ).catch((thrown: unknown) => [thrown]);
    expect(error).toMatchObject({ code: grpcStatusNumbers.INVALID_ARGUMENT });
  });

  it('answers health and reflection', async () => {
    const check = (service: string) =>
      new Promise((resolve) =>
        us.health.check!({ service }, (error: unknown, answer: unknown) => resolve(error ?? answer)),
      );
    expect(await check('')).toEqual({ status: 'SERVING' });
    expect(await check('atoll.v1.Atoll')).toEqual({ status: 'SERVING' });
    expect(await check('nothing')).toMatchObject({ code: grpcStatusNumbers.NOT_FOUND });
    expect(await us.reflectedServices()).toEqual(
      expect.arrayContaining(['atoll.v1.Atoll', 'grpc.health.v1.Health']),
    );
  });
});

describe('a region that takes no more', () => {
  /** Holds so many requests of so many bytes, as clients would. */
  function held(kind: 'read' | 'write', count: number, bytes = 0): () => void {
    const { admission } = rims.at('us').process;
    const tickets = Array.from({ length: count }, () => admission.enter(kind, bytes));
    return () => {
      for (const ticket of tickets) ticket.leave();
    };
  }
  const operations = [operation('coupon', 'set', { value: 'A' })];
  const batch = { changes: [{ type: 'cart', id: 'g-full', operations }] };
  const overHttp = (url: string) => ask(base, { method: 'GET', url });

  it('says so with a code and when to come back, the same over HTTP, and goes on answering operators', async () => {
    const release = held('read', limitsDefault.requestsMax);
    for (const [method, request] of Object.entries({ batch, getEntity: { type: 'cart', id: 'g-1' } })) {
      const problem = await us.refused(method, request);
      expect(problem).toMatchObject({
        code: 'overloaded',
        status: grpcStatusNumbers.RESOURCE_EXHAUSTED,
        metadata: { retryable: 'true', region: 'us', requestId: expect.any(String) },
        trailers: { 'retry-after': '1' },
      });
    }
    const refused = await overHttp('/v1/entities/cart/g-1');
    expect([refused.status, refused.body.code, refused.headers.get('retry-after')]).toEqual([
      429,
      'overloaded',
      '1',
    ]);
    expect((await overHttp('/v1/admin/shards')).status).toBe(200);
    expect((await us.call('getShards', {})).message.json).toContain('shards');
    expect(await overHttp('/metrics')).toMatchObject({
      body: expect.stringContaining(`atoll_requests_in_flight ${limitsDefault.requestsMax}`),
    });
    release();
    await us.call('batch', batch);
  });

  it('reads no more of a body than there is room for, and keeps nothing of a request that is over', async () => {
    const { admission } = rims.at('us').process;
    const room = 100_000;
    const release = held('read', 1, limitsDefault.requestBytesMax - room);
    const large = [operation('coupon', 'set', { value: 'x'.repeat(2 * room) })];
    expect((await us.refused('changeEntity', { type: 'cart', id: 'g-full', operations: large })).code).toBe(
      'overloaded',
    );
    await us.call('changeEntity', { type: 'cart', id: 'g-full', operations });
    const body = JSON.stringify({ coupon: 'x'.repeat(2 * room) });
    const overHttps = await ask(base, { method: 'PATCH', url: '/v1/entities/cart/g-full', body });
    expect(overHttps.body.code).toBe('overloaded');
    release();
    await vi.waitFor(() => expect(admission.underWay).toEqual({ requests: 0, bytes: 0, commands: 0 }));
  });

  it('refuses a message that is too large by its code, before it is whole', async () => {
    const large = [operation('coupon', 'set', { value: 'x'.repeat(10_000_000) })];
    const changes = [{ type: 'cart', id: 'g-full', operations: large }];
    expect((await us.refused('batch', { changes })).code).toBe('too_large');
  });

  it('answers by its code before the deadline of the call', async () => {
    rims.cut();
    const acks = { 'atoll-acks': 'all' };
    const answered = us.refused('changeEntity', { type: 'cart', id: 'g-late', operations }, acks, 1_000);
    expect((await answered).code).toBe('acks_incomplete');
    rims.heal();
  });
});
