import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { defineAtoll } from '#declare/define-atoll.js';
import { entity } from '#declare/entity.js';
import { lastWriterWins } from '#declare/policies.js';
import { ask, type Answered } from '../../../test/rim/http-client.js';
import { MemoryRims, rimStartMillisMax } from '../../../test/rim/memory-rim.js';

const payment = entity({ fields: { state: lastWriterWins() }, consistency: 'strong' });
const payments = defineAtoll({ entities: { payment } });

let rims: MemoryRims;
const bases: Record<string, string> = {};
beforeAll(async () => {
  rims = await MemoryRims.started([], { us: payments, eu: payments });
  for (const region of ['us', 'eu']) bases[region] = (await rims.listen(region)).base;
}, rimStartMillisMax);
afterAll(() => rims?.stop(), rimStartMillisMax);

const write = (region: string, state: string, headers = {}): Promise<Answered> =>
  ask(bases[region]!, {
    method: 'PATCH',
    url: '/v1/entities/payment/1',
    body: JSON.stringify({ state }),
    headers: { 'atoll-max-wait': '8000', ...headers },
  });
const read = (region: string): Promise<Answered> =>
  ask(bases[region]!, {
    method: 'GET',
    url: '/v1/entities/payment/1',
    headers: { 'atoll-consistency': 'strong', 'atoll-max-wait': '8000' },
  });
const handOver = (shard: number, body: object): Promise<Answered> =>
  ask(bases.us!, { url: `/v1/admin/shards/${shard}/handover`, body: JSON.stringify(body) });

describe('a strong type over HTTP', () => {
  it('is written, read and compared in any region, and its home is moved', async () => {
    const first = await write('us', 'created');
    expect(first.status).toBe(200);
    const found = await read('eu');
    expect(found.body).toMatchObject({ value: { state: 'created' }, version: first.body.version });
    const ifMatch = { 'if-match': `"${String(found.body.version)}"` };
    const second = await write('eu', 'captured', ifMatch);
    expect(second.status).toBe(200);
    expect((await write('us', 'cancelled', ifMatch)).body.code).toBe('precondition_failed');

    const shard = Number(String(second.body.dot).split(':')[1]);
    for (const to of ['eu', 'us', 'eu']) {
      const moved = await handOver(shard, { to });
      expect(moved.body).toMatchObject({ shard, home: to, region: 'us' });
      const { body } = await write('us', `by ${to}`);
      expect(String(body.dot).startsWith(`${to}~`)).toBe(true);
    }
    expect((await read('us')).body.value).toEqual({ state: 'by eu' });
    const { body: told } = await ask(bases.us!, { method: 'GET', url: '/v1/admin/shards' });
    expect(told.shards[shard]).toMatchObject({ home: 'eu', epoch: expect.stringMatching(/\d/) });
    expect((await handOver(shard, { to: 'mars' })).body.code).toBe('invalid_request');
  }, 60_000);

  it('shows who decides, and changes it when it is told to in earnest', async () => {
    const members = (body: object): Promise<Answered> =>
      ask(bases.us!, {
        url: '/v1/admin/members',
        body: JSON.stringify(body),
        headers: { 'atoll-max-wait': '20000' },
      });
    const both = { number: 1, members: ['eu', 'us'].map((region) => ({ region, witness: false })) };
    const planned = await members({ change: 'add', region: 'eu', witness: true });
    expect(planned.body).toMatchObject({ applied: false, before: both, after: { number: 2 } });
    const done = await members({ change: 'add', region: 'eu', witness: true, dryRun: false });
    expect(done.body).toMatchObject({ applied: true, after: { number: 2 } });
    await vi.waitFor(
      async () => {
        const { body } = await ask(bases.us!, { method: 'GET', url: '/v1/admin/members' });
        expect(body).toMatchObject({ region: 'us', number: 2, former: [] });
        const shards = body.shards as readonly { readonly home: string; readonly decided: string }[];
        for (const { home, decided } of shards) expect(`${home} ${decided}`).toMatch(/^us 2\./);
      },
      { timeout: 20_000, interval: 100 },
    );
    expect((await members({ change: 'remove', region: 'us', dryRun: false })).body.code).toBe(
      'invalid_request',
    );
    const senseless = await members({ change: 'add', region: 'eu', stopped: true });
    expect(senseless.body).toMatchObject({ code: 'invalid_request', errors: [{ path: '/stopped' }] });
    expect((await handOver(0, { to: 'eu' })).body.code).toBe('invalid_request');
  }, 60_000);

  it('lists what a new home left out', async () => {
    await vi.waitFor(async () => {
      const { body } = await ask(bases.us!, { method: 'GET', url: '/v1/admin/refused' });
      expect(body).toEqual({ region: 'us', events: [] });
    });
  });
});
