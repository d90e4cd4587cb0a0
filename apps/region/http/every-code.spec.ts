import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ErrorCode } from '#core/errors.js';
import { newMutationId } from '#client/mutation-id.js';
import { shardOf } from '#core/event/shard-of.js';
import { defineAtoll } from '#declare/define-atoll.js';
import { entity } from '#declare/entity.js';
import { boundedCounter, counter } from '#declare/policies.js';
import { feedClientsMax, pageSizeMax } from '#io/http/limits.js';
import { errorCatalogue } from '#io/wire/error-catalogue.js';
import type { BadRequest } from '../../../test/rim/bad-request.js';
import { badRequests } from '../../../test/rim/bad-requests.js';
import { openFeed } from '../../../test/rim/feed-client.js';
import { ask as askOnce, type Answered } from '../../../test/rim/http-client.js';
import rimDeclaration from '../../../test/rim/rim-declaration.js';
import { MemoryRims, rimStartMillisMax } from '../../../test/rim/memory-rim.js';

const tokens = [{ role: 'read', name: 'a reader', token: 'the-token-of-a-mere-reader' }] as const;
/** What eu calls a cart is something else: us parks its events. */
const payment = entity({ fields: { state: counter() }, consistency: 'strong' });
const ticket = entity({ fields: { left: boundedCounter({ min: 0, rightsLease: { millis: 1_000 } }) } });
const pool = entity({ fields: { left: boundedCounter({ min: 0 }) } });
const account = entity({
  fields: { balance: counter() },
  consistency: 'strong',
  partitionBy: { idBefore: ':' },
});
const bench = entity({ fields: { left: counter() } });
const carts = defineAtoll({
  entities: { ...rimDeclaration.entities, payment, ticket, pool, account, bench },
});
const otherCarts = defineAtoll({
  entities: {
    cart: entity({ fields: { views: counter() } }),
    payment,
    ticket,
    pool,
    account,
  },
});

let rims: MemoryRims;
let guarded: MemoryRims;
const base = { us: '', eu: '', guarded: '' };
beforeAll(async () => {
  rims = await MemoryRims.started([], { us: carts, eu: otherCarts });
  guarded = await MemoryRims.started(tokens);
  for (const region of ['us', 'eu'] as const) base[region] = (await rims.listen(region)).base;
  base.guarded = (await guarded.listen('us')).base;
  // What the regions call a cart is compared when they first hear of each other.
  await vi.waitFor(
    async () =>
      expect((await rims.at('us').process.status()).links).toMatchObject([{ refusedTypes: ['cart'] }]),
    { timeout: rimStartMillisMax, interval: 20 },
  );
}, rimStartMillisMax);
afterAll(async () => {
  await rims.stop();
  await guarded.stop();
}, rimStartMillisMax);

type Asked = Parameters<typeof askOnce>[1];
/** Everything that was asked here, with its answer. */
const answers: (readonly [Asked, Answered])[] = [];
async function ask(from: string, asked: Asked): Promise<Answered> {
  const answered = await askOnce(from, asked);
  answers.push([asked, answered]);
  return answered;
}

const get = (url: string, headers = {}) => ask(base.us, { method: 'GET', url, headers });
const patch = (id: string, value: object, headers = {}) =>
  ask(base.us, { method: 'PATCH', url: `/v1/entities/cart/${id}`, body: JSON.stringify(value), headers });

/** In a shard of its own: what us writes there would be parked in eu too. */
const parked = ((): string => {
  const written = ['reused', 'late', 'siblings', 'alone', 'early'].map((id) =>
    shardOf({ type: 'cart', id }, 4),
  );
  for (let count = 0; ; count += 1) {
    if (!written.includes(shardOf({ type: 'cart', id: `parked-${count}` }, 4))) return `parked-${count}`;
  }
})();
const stock = (id: string, operation: object, headers = {}) =>
  ask(base.us, {
    url: `/v1/entities/stock/${id}/changes`,
    body: JSON.stringify({ operations: [{ field: 'units', ...operation }] }),
    headers,
  });

const counted = (from: string, type: string, operation: object, headers: Record<string, string>) =>
  ask(from, {
    url: `/v1/entities/${type}/one/changes`,
    body: JSON.stringify({ operations: [{ field: 'left', ...operation }] }),
    headers,
  });

/** How each code that is not a matter of the request alone is met, by real stations on in-memory ports. */
const ways: Partial<Record<ErrorCode, () => Promise<Answered>>> = {
  not_found: () => get('/v1/entities/cart/none'),
  conflict_not_found: () => get('/v1/conflicts/none'),
  write_not_found: () => get('/v1/writes/none'),
  barrier_not_found: () => get('/v1/barriers/none'),
  unauthenticated: () => ask(base.guarded, { method: 'GET', url: '/v1/entities/cart' }),
  permission_denied: () =>
    ask(base.guarded, {
      method: 'DELETE',
      url: '/v1/entities/cart/1',
      headers: { authorization: `Bearer ${tokens[0].token}` },
    }),
  async mutation_reused() {
    await patch('reused', { coupon: 'A' }, { 'idempotency-key': 'one' });
    return patch('reused', { coupon: 'B' }, { 'idempotency-key': 'one' });
  },
  deadline_exceeded: () => patch('late', { coupon: 'A' }, { 'atoll-max-wait': '0' }),
  async observed_required() {
    const operations = [{ field: 'slot', op: 'set', value: 'noon' }];
    const blind = JSON.stringify({ operations, observed: '-' });
    await patch('siblings', { slot: 'one' });
    await ask(base.us, { url: '/v1/entities/cart/siblings/changes', body: blind });
    return patch('siblings', { slot: 'two' });
  },
  async entity_quarantined() {
    const operations = [{ field: 'views', op: 'increment', by: 1 }];
    const { body } = await ask(base.eu, {
      url: `/v1/entities/cart/${parked}/changes`,
      body: JSON.stringify({ operations }),
    });
    return get(`/v1/entities/cart/${parked}`, { 'atoll-session': body.session, 'atoll-max-wait': '8000' });
  },
  async acks_incomplete() {
    rims.cut();
    const answered = await patch('alone', { coupon: 'A' }, { 'atoll-acks': '1', 'atoll-max-wait': '100' });
    rims.heal();
    expect(answered.body).toMatchObject({ confirmed: [], unconfirmed: ['eu'], retryable: true });
    expect((await get('/v1/entities/cart/alone')).body.version).toBe(answered.body.version);
    return answered;
  },
  async no_quorum() {
    rims.cut();
    const headers = { 'atoll-consistency': 'quorum', 'atoll-max-wait': '100' };
    const answered = await get('/v1/entities/cart/alone', headers);
    rims.heal();
    return answered;
  },
  too_stale: () => staleRead('refuse', 'too_stale'),
  async read_elsewhere() {
    const answered = await staleRead('redirect', 'read_elsewhere');
    expect(answered.body.regions).toEqual(['eu']);
    return answered;
  },
  duplicate_entity() {
    const twice = { type: 'account', id: 'k:a', operations: [{ field: 'balance', op: 'increment', by: 1 }] };
    return ask(base.us, { url: '/v1/transactions', body: JSON.stringify({ changes: [twice, twice] }) });
  },
  not_home: () => cutStrongRead('not_home'),
  no_majority: () => cutStrongRead('no_majority'),
  async type_moving() {
    // eu does not know the type, so it never closes it.
    const admin = (url: string, body: object): Promise<Answered> =>
      ask(base.us, { url: `/v1/admin/${url}`, body: JSON.stringify(body) });
    const shard = shardOf({ type: 'bench', id: 'one' }, 4);
    await admin(`shards/${shard}/handover`, { to: 'us', dryRun: false });
    await admin('types/bench/move', { to: 'strong', dryRun: false });
    return vi.waitFor(
      async () => {
        const answered = await counted(
          base.us,
          'bench',
          { op: 'increment', by: 1 },
          { 'atoll-max-wait': '50' },
        );
        expect(answered.status).toBe(503);
        return answered;
      },
      { timeout: rimStartMillisMax },
    );
  },
  async insufficient_rights() {
    await stock('sold-out', { op: 'increment', by: 2 });
    return stock('sold-out', { op: 'spend', by: 3 });
  },
  async not_yet_stable() {
    // eu does not know what a stock is: it never says that it has seen the delete.
    await stock('deleted', { op: 'increment', by: 2 });
    await ask(base.us, { method: 'DELETE', url: '/v1/entities/stock/deleted' });
    return stock('deleted', { op: 'increment', by: 2 }, { 'atoll-max-wait': '100' });
  },
  async reservation_not_found() {
    const { body } = await stock('reserved', { op: 'increment', by: 2 });
    return stock('reserved', { op: 'confirm', reservation: body.dot });
  },
  reservation_elsewhere: () => stock('reserved', { op: 'cancel', reservation: 'eu~1:0:1' }),
  async rights_lapsed() {
    rims.cut();
    const answered = await counted(
      base.us,
      'ticket',
      { op: 'increment', by: 1 },
      { 'atoll-max-wait': '300' },
    );
    rims.heal();
    return answered;
  },
  born_elsewhere: () =>
    counted(base.us, 'ticket', { op: 'increment', by: 1 }, { 'idempotency-key': newMutationId('eu') }),
  async rights_reclaimed() {
    // eu is not destroyed, but cut off, and what it sells then never counts.
    await counted(
      base.eu,
      'pool',
      { op: 'increment', by: 5 },
      { 'atoll-acks': 'all', 'atoll-max-wait': '8000' },
    );
    rims.cut();
    const key = { 'idempotency-key': newMutationId('eu') };
    expect((await counted(base.eu, 'pool', { op: 'spend', by: 2 }, key)).status).toBe(200);
    const asked = { from: 'eu', databaseIsDestroyed: true, dryRun: false };
    const taken = await ask(base.us, { url: '/v1/admin/rights/reclaim', body: JSON.stringify(asked) });
    expect(taken.body).toMatchObject({ applied: true, counters: [{ id: 'one', spend: 5, done: true }] });
    rims.heal();
    return vi.waitFor(
      async () => {
        const answered = await counted(base.eu, 'pool', { op: 'spend', by: 2 }, key);
        expect(answered.status).toBe(409);
        return answered;
      },
      { timeout: rimStartMillisMax },
    );
  },
  async clock_out_of_bounds() {
    rims.wallAheadMillis = 3_600_000;
    const answered = await patch('early', { coupon: 'A' });
    rims.wallAheadMillis = 0;
    expect((await patch('early', { coupon: 'A' })).status).toBe(200);
    return answered;
  },
  async overloaded() {
    const feeds = await Promise.all(
      Array.from({ length: feedClientsMax }, () => openFeed(`${base.us}/v1/changes`)),
    );
    const refused = await get('/v1/changes');
    for (const feed of feeds) feed.close();
    return refused;
  },
  async internal() {
    const { process, reported } = rims.at('us');
    const { owners } = process;
    process.owners = () => Promise.reject(new TypeError('a secret of ours'));
    const answered = await get('/v1/admin/shards');
    process.owners = owners;
    expect(reported.splice(0)).toMatchObject([{ message: 'a secret of ours' }]);
    expect(JSON.stringify(answered.body)).not.toContain('secret');
    return answered;
  },
};

/** Of two regions that do not hear each other, one is the home of a shard and has no majority, the other finds no home. */
async function cutStrongRead(code: ErrorCode): Promise<Answered> {
  const read = (from: string, millis: number): Promise<Answered> =>
    ask(from, {
      method: 'GET',
      url: '/v1/entities/payment/1',
      headers: { 'atoll-consistency': 'strong', 'atoll-max-wait': String(millis) },
    });
  await vi.waitFor(async () => expect((await read(base.us, 5_000)).body.code).toBe('not_found'), {
    timeout: rimStartMillisMax,
  });
  rims.cut();
  const answered = await Promise.all([read(base.us, 300), read(base.eu, 300)]);
  rims.heal();
  const found = answered.find(({ body }) => body.code === code);
  expect(found, answered.map(({ body }) => String(body.code)).join()).toBeDefined();
  return found!;
}

/**
 * Of what a parked event holds back: that is as old as the event, here. Where it was born it is not, unless the machine is so
 * busy that heartbeats are late: then it is asked again.
 */
async function staleRead(otherwise: string, code: ErrorCode): Promise<Answered> {
  await ways.entity_quarantined?.();
  const headers = { 'atoll-consistency': `bounded;max=1500ms;else=${otherwise}` };
  for (;;) {
    const answered = await get(`/v1/entities/cart/${parked}`, headers);
    if (answered.body.code === code) return answered;
  }
}

describe('every code of the catalogue can be met', () => {
  it.each(Object.entries(ways) as [ErrorCode, () => Promise<Answered>][])('%s', async (code, meet) => {
    const { status, body } = await meet();
    expect([status, body.code]).toEqual([errorCatalogue[code].httpStatus, code]);
  });

  it('owner_moved and unavailable, while the shards have no owner and the database does not answer', async () => {
    await guarded.at('us').process.stop();
    const { process } = guarded.at('us');
    const submitted = process.submit(
      { entity: { type: 'cart', id: '1' }, kind: 'delete', operations: [] },
      { maxWaitMillis: 100 },
    );
    await expect(submitted).rejects.toMatchObject({ code: 'owner_moved' });
    process.isReady = () => Promise.resolve(false);
    const { body } = await ask(base.guarded, { method: 'GET', url: '/readyz' });
    expect(body.code).toBe('unavailable');
  });

  it('and none is missing here', () => {
    const met = [...badRequests.map(({ code }) => code), ...Object.keys(ways), 'owner_moved', 'unavailable'];
    expect(Object.keys(errorCatalogue).filter((code) => !met.includes(code))).toEqual([]);
  });
});

const long = 'x'.repeat(513);
const read = (name: string, url: string, code: ErrorCode): BadRequest => ({ name, method: 'GET', url, code });
const nulInIds = JSON.stringify({ ids: ['a\u0000b'] });
const nulInBatch = JSON.stringify({ changes: [{ type: 'cart', id: 'a\u0000b', kind: 'delete' }] });
const nearlyNothing = '{"operations":[{"field":"views","op":"increment","by":1e-400}]}';
const wrongForms: readonly BadRequest[] = [
  {
    name: 'a number read as 0',
    url: '/v1/entities/cart/1/changes',
    body: nearlyNothing,
    code: 'out_of_range',
  },
  read('too long a page', `/v1/entities/cart?limit=${pageSizeMax + 1}`, 'out_of_range'),
  read('too long a history', `/v1/entities/cart/1/history?limit=${pageSizeMax + 1}`, 'out_of_range'),
  read('too long a list of conflicts', `/v1/conflicts?limit=${pageSizeMax + 1}`, 'out_of_range'),
  read('too long a quarantine', `/v1/admin/quarantine?limit=${pageSizeMax + 1}`, 'out_of_range'),
  read('too long an id', `/v1/entities/cart/${long}`, 'too_large'),
  read('too long a place in a list', `/v1/entities/cart?after=${long}`, 'too_large'),
  read('too long an id of a conflict', `/v1/conflicts/${long}`, 'too_large'),
  read('too long an id of a write', `/v1/writes/${long}`, 'too_large'),
  read('too long a token of a barrier', `/v1/barriers/${'x'.repeat(49_153)}`, 'too_large'),
  {
    name: 'U+0000 in one of several ids',
    url: '/v1/entities/cart/get',
    body: nulInIds,
    code: 'invalid_value',
  },
  { name: 'U+0000 in an id of a batch', url: '/v1/batch', body: nulInBatch, code: 'invalid_value' },
  {
    name: 'too large a body where none is needed',
    url: '/v1/barriers',
    body: `"${'x'.repeat(1024 * 1024)}"`,
    code: 'too_large',
  },
  {
    ...read('acks of what stores nothing', '/v1/entities/cart/1/history', 'acks_not_available'),
    headers: { 'atoll-acks': 'all' },
  },
  {
    name: 'a shard beyond all shards',
    url: '/v1/admin/shards/1024/handover',
    body: '{"to":"eu"}',
    code: 'out_of_range',
  },
];

type Described = Readonly<
  Record<string, { readonly responses: Readonly<Record<string, { description: string }>> }>
>;

describe('what is answered is what the OpenAPI description says:', () => {
  it.each(wrongForms)('$name ($code)', async ({ code, ...request }) => {
    const { status, body } = await ask(base.us, request);
    expect([status, body.code]).toEqual([errorCatalogue[code].httpStatus, code]);
  });

  it('its status and its code, of every bad request and of whatever else was asked here', async () => {
    for (const { code: _code, path: _path, ...request } of badRequests) await ask(base.us, request);
    const { body } = await get('/openapi.json');
    const paths = Object.entries(body.paths as Readonly<Record<string, Described>>);
    const matching = paths.map(
      ([path, methods]) => [new RegExp(`^${path.replaceAll(/{\w+}/g, '[^/]+')}$`), methods] as const,
    );
    const undeclared = new Set<string>();
    for (const [{ method = 'POST', url }, { status, body: answer }] of answers) {
      const [place = ''] = url.split('?');
      const asked = method.toLowerCase();
      const found = matching.find(([pattern, methods]) => pattern.test(place) && methods[asked]);
      const said = found?.[1][asked]?.responses[status]?.description ?? '';
      const isSaid = status < 400 ? said !== '' : said.includes(`\`${answer.code}\``);
      if (!isSaid) undeclared.add(`${method} ${place.slice(0, 60)}: ${status} ${answer.code ?? ''}`);
    }
    expect(answers.length).toBeGreaterThan(badRequests.length + wrongForms.length);
    expect([...undeclared]).toEqual(['GET /v2/entities: 404 route_not_found', 'GET /openapi.json: 200 ']);
  });
});
