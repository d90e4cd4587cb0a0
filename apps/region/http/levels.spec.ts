import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRegionClient, type RegionClient } from '#client/region-client.js';
import { incompleteWrite } from '#client/errors.js';
import { GrpcAsker } from '../../../test/rim/grpc-client.js';
import { ask } from '../../../test/rim/http-client.js';
import { MemoryRims, rimStartMillisMax } from '../../../test/rim/memory-rim.js';

let rims: MemoryRims;
let base: string;
let grpc: GrpcAsker;
let client: RegionClient;
beforeAll(async () => {
  rims = await MemoryRims.started();
  const listening = await rims.listen('us');
  base = listening.base;
  grpc = new GrpcAsker(listening.grpc);
  client = createRegionClient({ region: 'us', url: base });
}, rimStartMillisMax);
afterAll(async () => {
  grpc?.close();
  client?.close();
  await rims?.stop();
}, rimStartMillisMax);

const entity = { type: 'cart', id: 'levels' };
const url = '/v1/entities/cart/levels';
const setCoupon = { operations: [{ field: 'coupon', op: 'set', value: 'A' }] };
const messages = [{ field: 'coupon', op: 'set', argumentsJson: '{"value":"A"}' }];
let mutations = 0;
const mutationId = (): string => `levels-${++mutations}`;

describe('levels over HTTP, gRPC and the client', () => {
  it('tell how old an answer can be, once that is known', async () => {
    await client.change(entity, setCoupon, { mutationId: mutationId() });
    await expect
      .poll(async () => (await client.read(entity)).stalenessMs, { timeout: 10_000 })
      .toEqual(expect.any(Number));
    const read = await ask(base, { method: 'GET', url });
    expect(read.headers.get('atoll-staleness-ms')).toBe(String(read.body.stalenessMs));
    const { message, metadata } = await grpc.call('getEntity', entity);
    expect(metadata['atoll-staleness-ms']).toBe(message.stalenessMs);
    const missing = await ask(base, { method: 'GET', url: '/v1/entities/cart/none' });
    expect(missing.headers.get('atoll-staleness-ms')).toBe(String(missing.body.stalenessMs));
    const listed = await ask(base, { method: 'GET', url: '/v1/entities/cart' });
    expect(Number(listed.headers.get('atoll-staleness-ms'))).toBeGreaterThanOrEqual(0);
  });

  it('keep a bound, and read a quorum', async () => {
    const read = await client.read(entity, { consistency: 'bounded;max=1000ms' });
    expect(read.stalenessMs).toBeLessThanOrEqual(1_000);
    expect((await client.read(entity, { consistency: 'quorum' })).value).toMatchObject({ coupon: 'A' });
    for (const level of ['quorum', 'bounded;max=1000ms;else=fetch'])
      expect((await grpc.call('getEntity', entity, { 'atoll-consistency': level })).message.id).toBe(
        'levels',
      );
  });

  it('say where a write is stored that asked for acks', async () => {
    const write = await client.change(entity, setCoupon, { mutationId: mutationId(), acks: 'all' });
    expect(write.confirmed).toEqual(['eu']);
    const request = { ...entity, operations: messages };
    const { message } = await grpc.call('changeEntity', request, { 'atoll-acks': 'majority' });
    expect(message.confirmed).toEqual(['eu']);
    const changes = [{ ...entity, mutationId: mutationId(), ...setCoupon }];
    const { outcomes } = await client.batch(changes, { acks: '1' });
    expect(outcomes).toMatchObject([{ ok: true, write: { confirmed: ['eu'] } }]);
  });

  it('say what is known of a write whose acks did not come, within its wait', async () => {
    rims.cut();
    const from = performance.now();
    const options = { mutationId: mutationId(), acks: '1', maxWaitMillis: 300 } as const;
    const refused = await client.change(entity, setCoupon, options).catch((error: unknown) => error);
    expect(performance.now() - from).toBeLessThan(300 + 200);
    const known = incompleteWrite(refused);
    expect(known).toMatchObject({ confirmed: [], unconfirmed: ['eu'], mutationId: options.mutationId });
    const { code, metadata } = await grpc.refused(
      'changeEntity',
      { ...entity, operations: messages },
      {
        'atoll-acks': '1',
        'atoll-max-wait': '100',
      },
    );
    expect([code, metadata.unconfirmed, metadata.confirmed]).toEqual(['acks_incomplete', '["eu"]', '[]']);
    const changes = [{ ...entity, mutationId: mutationId(), ...setCoupon }];
    const { outcomes } = await client.batch(changes, { acks: '1', maxWaitMillis: 100 });
    expect(outcomes).toMatchObject([{ ok: false, error: { code: 'acks_incomplete', confirmed: [] } }]);
    rims.heal();
    const retried = await client.change(entity, setCoupon, { ...options, maxWaitMillis: 20_000 });
    expect(retried).toMatchObject({ replayed: true, dot: known?.dot, confirmed: ['eu'] });
  });
});
