import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemoryRims, rimStartMillisMax } from '../../../test/rim/memory-rim.js';

let rims: MemoryRims;
beforeAll(async () => {
  rims = await MemoryRims.started();
  for (const region of ['us', 'eu']) await rims.at(region).app.init();
}, rimStartMillisMax);
afterAll(() => rims?.stop(), rimStartMillisMax);

interface Asked {
  readonly region?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

async function ask(
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
  url: string,
  { region = 'us', body, headers = {} }: Asked = {},
) {
  const { app, reported } = rims.at(region);
  const response = await app.inject({
    method,
    url,
    headers,
    ...(body === undefined ? {} : { payload: body as object }),
  });
  expect(reported).toEqual([]);
  return { status: response.statusCode, headers: response.headers, body: response.json() };
}

const set = (field: string, value: unknown) => ({ field, op: 'set', value });
const change = (id: string, ...operations: object[]) =>
  ask('POST', `/v1/entities/cart/${id}/changes`, { body: { operations } });

describe('an entity over HTTP', () => {
  it('is changed, read, patched and deleted', async () => {
    const changed = await change('a', set('coupon', 'TEN'), {
      field: 'lines',
      op: 'at',
      key: 'sku',
      then: { op: 'increment', by: 2 },
    });
    expect(changed.status).toBe(200);
    expect(changed.body).toMatchObject({
      type: 'cart',
      id: 'a',
      replayed: false,
      region: 'us',
      dot: expect.stringMatching(/^us~1:\d:\d+$/),
    });
    expect(changed.headers.etag).toBe(`"${changed.body.version}"`);
    expect(changed.headers['atoll-session']).toBe(changed.body.session);
    expect(changed.headers['atoll-region']).toBe('us');

    const read = await ask('GET', '/v1/entities/cart/a');
    expect(read.body).toMatchObject({
      value: { coupon: 'TEN', lines: { sku: 2 }, views: 0, best: null, state: 'open' },
      conflicts: [],
      quarantined: false,
    });
    expect(read.headers.etag).toBe(changed.headers.etag);
    expect(read.headers['atoll-staleness-ms']).toBeUndefined();

    const patched = await ask('PATCH', '/v1/entities/cart/a', { body: { coupon: 'SIX' } });
    expect(patched.status).toBe(200);
    expect((await ask('GET', '/v1/entities/cart/a')).body.value).toMatchObject({
      coupon: 'SIX',
      lines: { sku: 2 },
    });

    expect((await ask('DELETE', '/v1/entities/cart/a')).status).toBe(200);
    const gone = await ask('GET', '/v1/entities/cart/a');
    expect(gone.status).toBe(404);
    expect(gone.body).toMatchObject({ code: 'not_found', retryable: false, region: 'us', errors: [] });
    expect(Object.keys(gone.body.seen)).toEqual(['us~1']);
    expect(gone.headers['content-type']).toMatch(/^application\/problem\+json/);
  });

  it('that was never written is not found, with nothing seen', async () => {
    const { status, body, headers } = await ask('GET', '/v1/entities/cart/never');
    expect(status).toBe(404);
    expect(body).toMatchObject({
      code: 'not_found',
      seen: {},
      version: '-',
      requestId: headers['atoll-request-id'],
    });
    expect(headers.etag).toBe('"-"');
  });

  it('takes an id with any character', async () => {
    const id = 'a/b ü😀%?#';
    const url = `/v1/entities/cart/${encodeURIComponent(id)}`;
    expect((await ask('PATCH', url, { body: { coupon: 'X' } })).status).toBe(200);
    expect((await ask('GET', url)).body.id).toBe(id);
  });

  it('is written only by who knows its version, where If-Match says so', async () => {
    const created = await ask('PATCH', '/v1/entities/cart/match', {
      body: { coupon: 'A' },
      headers: { 'if-match': '"-"' },
    });
    expect(created.status).toBe(200);
    const refused = await ask('PATCH', '/v1/entities/cart/match', {
      body: { coupon: 'B' },
      headers: { 'if-match': '"-"' },
    });
    expect(refused.status).toBe(412);
    expect(refused.body.code).toBe('precondition_failed');
    const { etag } = created.headers;
    const matching = await ask('PATCH', '/v1/entities/cart/match', {
      body: { coupon: 'B' },
      headers: { 'if-match': String(etag) },
    });
    expect(matching.status).toBe(200);
  });

  it('is written once for one mutation id, and the retry has the first outcome', async () => {
    const headers = { 'idempotency-key': 'us.0199a000-0000-7000-8000-000000000001' };
    const fresh = { 'idempotency-key': `key-${Date.now()}` };
    const body = { operations: [{ field: 'views', op: 'increment', by: 1 }] };
    const first = await ask('POST', '/v1/entities/cart/once/changes', { body, headers: fresh });
    const again = await ask('POST', '/v1/entities/cart/once/changes', { body, headers: fresh });
    expect(again.body).toMatchObject({ dot: first.body.dot, version: first.body.version, replayed: true });
    const other = await ask('POST', '/v1/entities/cart/once/changes', {
      body: { operations: [{ field: 'views', op: 'increment', by: 2 }] },
      headers: fresh,
    });
    expect(other.body.code).toBe('mutation_reused');
    const old = await ask('POST', '/v1/entities/cart/once/changes', { body, headers });
    expect(old.body.code).toBe('mutation_expired');
    const write = await ask('GET', `/v1/writes/${fresh['idempotency-key']}`);
    expect(write.body).toMatchObject({
      type: 'cart',
      id: 'once',
      copies: [{ dot: first.body.dot, region: 'us' }],
    });
    expect(write.body.state).not.toBe('superseded');
    expect((await ask('GET', '/v1/writes/nobody')).body.code).toBe('write_not_found');
  });

  it('tells of a write that another one took the place of', async () => {
    const headers = { 'idempotency-key': `key-${Date.now()}` };
    await ask('PATCH', '/v1/entities/cart/lost', { body: { coupon: 'A' }, headers });
    const stateOf = async (): Promise<unknown> =>
      (await ask('GET', `/v1/writes/${headers['idempotency-key']}`)).body.state;
    expect(await stateOf()).not.toBe('superseded');
    await ask('PATCH', '/v1/entities/cart/lost', { body: { coupon: 'B' } });
    expect(await stateOf()).toBe('superseded');
  });

  it('is listed in pages, and read together with others', async () => {
    for (const id of ['l-3', 'l-1', 'l-2']) {
      await ask('PATCH', `/v1/entities/record/${id}`, { body: { value: id } });
    }
    const first = await ask('GET', '/v1/entities/record?limit=2');
    expect(first.body.entities.map((one: { id: string }) => one.id)).toEqual(['l-1', 'l-2']);
    const second = await ask('GET', `/v1/entities/record?limit=2&after=${first.body.next}`);
    expect(second.body.entities.map((one: { id: string }) => one.id)).toEqual(['l-3']);
    expect(second.body.next).toBeNull();
    const many = await ask('POST', '/v1/entities/record/get', { body: { ids: ['l-3', 'none', 'l-1'] } });
    expect(many.body.entities.map((one: { value: unknown }) => one.value)).toEqual([
      { value: 'l-3' },
      null,
      { value: 'l-1' },
    ]);
  });

  it('has a history of its events', async () => {
    await change('h', set('coupon', 'A'));
    await change('h', set('coupon', 'B'), set('slot', 'noon'));
    const { body } = await ask('GET', '/v1/entities/cart/h/history?limit=2');
    expect(body.entries).toHaveLength(2);
    expect(body.entries[0]).toMatchObject({
      origin: 'us',
      kind: 'update',
      merged: 'folded',
      changes: [
        { field: 'coupon', change: { value: 'B' } },
        { field: 'slot', change: { value: 'noon' } },
      ],
    });
    expect(body.next).toBe(2);
    expect((await ask('GET', '/v1/entities/cart/h/history?offset=2')).body).toMatchObject({
      entries: [],
      next: null,
    });
  });

  it('is read in another region with the session token of its write', async () => {
    const written = await change('s', set('coupon', 'A'));
    const headers = { 'atoll-session': String(written.headers['atoll-session']) };
    const read = await ask('GET', '/v1/entities/cart/s', { region: 'eu', headers });
    expect(read.body.value.coupon).toBe('A');
    expect(read.body.region).toBe('eu');
    const forged = await ask('GET', '/v1/entities/cart/s', { headers: { 'atoll-session': 'nonsense' } });
    expect(forged.body.code).toBe('invalid_session');
  });

  it('takes over, read at level causal, what the one who wrote it had seen', async () => {
    rims.cut();
    const post = await change('post', set('coupon', 'A'));
    const after = (session: string, level: string) => ({
      'atoll-session': session,
      'atoll-consistency': level,
      'atoll-max-wait': '100',
    });
    await ask('POST', '/v1/entities/cart/reply/changes', {
      body: { operations: [set('coupon', 'B')] },
      headers: after(post.body.session, 'causal'),
    });
    const inUs = async (level: string): Promise<string> =>
      (await ask('GET', '/v1/entities/cart/reply', { headers: { 'atoll-consistency': level } })).body.session;
    const inEu = async (session: string) =>
      (await ask('GET', '/v1/entities/cart/post', { region: 'eu', headers: after(session, 'causal') })).body;
    expect(await inEu(await inUs('causal'))).toMatchObject({ code: 'not_covered_yet', retryable: true });
    rims.heal();
    const there = {
      region: 'eu',
      headers: { ...after(await inUs('causal'), 'causal'), 'atoll-max-wait': '9000' },
    };
    expect((await ask('GET', '/v1/entities/cart/post', there)).body.value.coupon).toBe('A');
  });

  it('changed at level causal in a batch, is what the other changes of its session come before', async () => {
    rims.cut();
    const first = await change('b-post', set('coupon', 'A'));
    const changes = ['b-1', 'b-2'].map((id) => ({ type: 'cart', id, operations: [set('coupon', 'B')] }));
    const headers = { 'atoll-session': first.body.session, 'atoll-consistency': 'causal' };
    await ask('POST', '/v1/batch', { body: { changes }, headers });
    const causal = { 'atoll-consistency': 'causal' };
    const read = await ask('POST', '/v1/entities/cart/get', {
      body: { ids: ['b-1', 'b-2'] },
      headers: causal,
    });
    const elsewhere = await ask('GET', '/v1/entities/cart/b-post', {
      region: 'eu',
      headers: { ...causal, 'atoll-session': read.body.session, 'atoll-max-wait': '50' },
    });
    expect(elsewhere.body.code).toBe('not_covered_yet');
    rims.heal();
  });
});

describe('a batch over HTTP', () => {
  it('has an outcome for each change, in order, and is not atomic', async () => {
    const changes = [
      { type: 'cart', id: 'b-1', operations: [set('coupon', 'A')], mutationId: 'batch-1' },
      { type: 'cart', id: 'b-1', operations: [set('coupon', 'far too long')] },
      { type: 'nothing', id: 'x', operations: [set('a', 1)] },
      { type: 'cart', id: 'b-1', operations: [set('coupon', 'B')] },
      { type: 'cart', id: 'b-2', kind: 'delete' },
      { type: 'cart', id: 'b-3', operations: [] },
      { type: 'cart', id: 'b-4', operations: [set('coupon', 'A')], observed: '?' },
    ];
    const { status, body } = await ask('POST', '/v1/batch', { body: { changes } });
    expect(status).toBe(200);
    expect(
      body.outcomes.map((one: { ok: boolean; error?: { code: string } }) => one.error?.code ?? one.ok),
    ).toEqual([true, 'invalid_value', 'unknown_type', true, true, 'invalid_request', 'invalid_request']);
    expect(body.outcomes[0].write.mutationId).toBe('batch-1');
    expect(body.outcomes[1].error.errors).toMatchObject([
      { path: '/changes/1/operations/0/value', code: 'invalid_value' },
    ]);
    expect(body.outcomes[6].error.errors).toMatchObject([{ path: '/changes/6/observed' }]);
    expect((await ask('GET', '/v1/entities/cart/b-1')).body.value.coupon).toBe('B');
    const headers = { 'idempotency-key': 'one-for-all' };
    expect(
      (await ask('POST', '/v1/batch', { body: { changes: changes.slice(0, 1) }, headers })).body.code,
    ).toBe('invalid_request');
  });
});

describe('a conflict over HTTP', () => {
  it('is listed, shown, refuses who observed nothing, and is resolved by a person', async () => {
    rims.cut();
    await ask('PATCH', '/v1/entities/cart/c', { body: { slot: 'noon' } });
    await ask('PATCH', '/v1/entities/cart/c', { region: 'eu', body: { slot: 'one' } });
    rims.heal();
    const barrier = await ask('POST', '/v1/barriers', { region: 'eu' });
    const reached = await ask('GET', `/v1/barriers/${barrier.body.token}`, {
      headers: { 'atoll-max-wait': '8000' },
    });
    expect(reached.body).toMatchObject({ reached: true, missing: [] });

    const read = await ask('GET', '/v1/entities/cart/c');
    expect(read.body.value.slot).toEqual({ siblings: ['noon', 'one'] });
    const { body: listed } = await ask('GET', '/v1/conflicts?type=cart&id=c&unresolved=true');
    expect(listed.conflicts).toMatchObject([
      { type: 'cart', entityId: 'c', field: 'slot', policy: 'multi-value', resolvedBy: null },
    ]);
    const [{ id }] = listed.conflicts;
    expect(read.body.conflicts).toEqual([id]);

    const blind = await ask('PATCH', '/v1/entities/cart/c', { body: { slot: 'two' } });
    expect((await ask('GET', `/v1/conflicts?after=${id}`)).body).toMatchObject({
      ...{ code: 'invalid_request', errors: [{ path: '/query/after' }] },
    });
    expect(blind).toMatchObject({
      status: 428,
      body: { code: 'observed_required', errors: [{ path: '/slot' }] },
    });

    const resolved = await ask('POST', `/v1/conflicts/${id}/resolve`, {
      body: { operations: [set('slot', 'one')], observed: String(read.headers.etag) },
    });
    expect(resolved.status).toBe(200);
    expect((await ask('GET', '/v1/entities/cart/c')).body).toMatchObject({
      value: { slot: 'one' },
      conflicts: [],
    });
    expect((await ask('GET', `/v1/conflicts/${id}`)).body.resolvedBy).toBe(resolved.body.dot);
    expect((await ask('GET', '/v1/conflicts/none')).body.code).toBe('conflict_not_found');
    expect((await ask('GET', '/v1/barriers/none')).body.code).toBe('barrier_not_found');
  });
});
