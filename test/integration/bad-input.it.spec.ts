import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { errorCatalogue } from '#io/wire/error-catalogue.js';
import { grpcStatusNumbers } from '#io/wire/error-entry.js';
import { badRequests } from '../rim/bad-requests.js';
import { GrpcAsker } from '../rim/grpc-client.js';
import { ask, stateOf } from '../rim/http-client.js';
import { overGrpc } from '../rim/over-grpc.js';
import { RunningRegions } from './running-regions.js';
import { until } from './until.js';

const types = ['cart', 'record'];

let regions: RunningRegions;
let us: string;
let eu: string;
let grpc: GrpcAsker;
let before: readonly string[];

const patch = (base: string, url: string, body: object, headers = {}) =>
  ask(base, { method: 'PATCH', url, body: JSON.stringify(body), headers });

/** Entities and cursors of both regions: a refused request takes no dot anywhere. */
const stateEverywhere = async (): Promise<readonly string[]> => [
  await stateOf(us, types),
  await stateOf(eu, types),
];

beforeAll(async () => {
  regions = await RunningRegions.started(inject('devStack'), ['us', 'eu']);
  us = regions.at('us').http;
  eu = regions.at('eu').http;
  grpc = new GrpcAsker(regions.at('us').grpc);
  const { body } = await patch(us, '/v1/entities/cart/bad', { coupon: 'START' });
  const headers = { 'atoll-session': body.session };
  await ask(eu, { method: 'GET', url: '/v1/entities/cart/bad', headers });
});
afterAll(async () => {
  grpc?.close();
  await regions?.stop();
});
beforeEach(async () => {
  before = await stateEverywhere();
});

describe('bad input gets a typed error and changes nothing, on real Postgres and Kafka:', () => {
  afterEach(async () => {
    expect(await stateEverywhere()).toEqual(before);
    expect(regions.logged.filter((line) => line.includes('"level":"error"'))).toEqual([]);
  });

  it.each(badRequests)('$name ($code)', async (bad) => {
    const { code, path } = bad;
    const { status, body } = await ask(us, bad);
    expect(body).toMatchObject({ code, region: 'us', requestId: expect.any(String) });
    expect(status).toBe(errorCatalogue[code].httpStatus);
    if (path !== undefined) expect(body.errors[0]?.path).toBe(path);
    const twin = overGrpc(bad);
    if (twin === undefined) return;
    const problem = await grpc.refused(twin.method, twin.request, twin.headers);
    expect([problem.code, problem.status]).toEqual([
      code,
      grpcStatusNumbers[errorCatalogue[code].grpcStatus],
    ]);
    if (path !== undefined) expect(problem.errors[0]?.path).toBe(path);
  });

  it('a session token of another system', async () => {
    const { body } = await ask(us, { method: 'GET', url: '/v1/entities/cart/bad' });
    const [cursors = '', mac = ''] = String(body.session).split('.');
    const region = JSON.parse(Buffer.from(cursors, 'base64url').toString()) as { region: string };
    const foreign = Buffer.from(JSON.stringify({ ...region, region: 'mars' })).toString('base64url');
    const flipped = `${mac.startsWith('A') ? 'B' : 'A'}${mac.slice(1)}`;
    for (const token of [`${foreign}.${mac}`, `${cursors}.${flipped}`, `${cursors}.`, cursors]) {
      const refused = await patch(us, '/v1/entities/cart/bad', { coupon: 'A' }, { 'atoll-session': token });
      expect(refused.body.code).toBe('invalid_session');
    }
  });
});

describe('what is refused only because of what was there before', () => {
  it('a mutation id that was used for another body', async () => {
    const headers = { 'idempotency-key': 'reused' };
    await patch(us, '/v1/entities/cart/again', { coupon: 'A' }, headers);
    const standing = await stateOf(us, types);
    const { body, status } = await patch(us, '/v1/entities/cart/again', { coupon: 'B' }, headers);
    expect([status, body.code]).toEqual([422, 'mutation_reused']);
    const elsewhere = await patch(us, '/v1/entities/cart/elsewhere', { coupon: 'A' }, headers);
    expect(elsewhere.body.code).toBe('mutation_reused');
    expect(await stateOf(us, types)).toBe(standing);
  });

  it('a write to a field with siblings that observed nothing', async () => {
    const [out, back] = [regions.stack.link('us', 'eu'), regions.stack.link('eu', 'us')];
    await Promise.all([out.cut('both'), back.cut('both')]);
    await patch(us, '/v1/entities/cart/siblings', { slot: 'noon' });
    await patch(eu, '/v1/entities/cart/siblings', { slot: 'one' });
    await Promise.all([out.heal(), back.heal()]);
    const read = async (base: string) =>
      (await ask(base, { method: 'GET', url: '/v1/entities/cart/siblings' })).body;
    for (const base of [us, eu]) {
      await until(async () => typeof (await read(base)).value.slot === 'object');
      const standing = await stateOf(base, types);
      const { status, body } = await patch(base, '/v1/entities/cart/siblings', { slot: 'two' });
      expect([status, body.code, body.errors[0].path]).toEqual([428, 'observed_required', '/slot']);
      expect(await stateOf(base, types)).toBe(standing);
    }
  });
});
