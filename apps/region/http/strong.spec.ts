import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { defineAtoll } from '#declare/define-atoll.js';
import { entity } from '#declare/entity.js';
import { counter, lastWriterWins } from '#declare/policies.js';
import { GrpcAsker } from '../../../test/rim/grpc-client.js';
import { ask, type Answered } from '../../../test/rim/http-client.js';
import { MemoryRims, rimStartMillisMax } from '../../../test/rim/memory-rim.js';

const payment = entity({ fields: { state: lastWriterWins() }, consistency: 'strong' });
const account = entity({
  fields: { balance: counter() },
  consistency: 'strong',
  partitionBy: { idBefore: ':' },
});
const payments = defineAtoll({ entities: { payment, account } });

let rims: MemoryRims;
const bases: Record<string, string> = {};
const grpc: Record<string, string> = {};
beforeAll(async () => {
  rims = await MemoryRims.started([], { us: payments, eu: payments });
  for (const region of ['us', 'eu']) {
    const listening = await rims.listen(region);
    bases[region] = listening.base;
    grpc[region] = listening.grpc;
  }
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
  ask(bases.us!, {
    url: `/v1/admin/shards/${shard}/handover`,
    body: JSON.stringify({ dryRun: false, ...body }),
  });

describe('a strong type over HTTP', () => {
  it('is written, read and compared in any region, and its home is moved', async () => {
    const first = await write('us', 'created');
    expect(first.status).toBe(200);
    const found = await read('eu');
    expect(found.body).toMatchObject({ value: { state: 'created' }, version: first.body.version });
    const { epoch } = first.body;
    expect(epoch).toMatch(/^1\.\d+$/);
    expect(found.body.epoch).toBe(epoch);
    const none = { method: 'GET', url: '/v1/entities/payment/none' } as const;
    const strongly = { 'atoll-consistency': 'strong', 'atoll-max-wait': '8000' };
    expect((await ask(bases.eu!, { ...none, headers: strongly })).body).toMatchObject({
      code: 'not_found',
      epoch: expect.stringMatching(/^1\./),
    });
    expect((await ask(bases.eu!, none)).body).not.toHaveProperty('epoch');
    const ifMatch = { 'if-match': `"${String(found.body.version)}"` };
    const second = await write('eu', 'captured', ifMatch);
    expect(second.status).toBe(200);
    for (const region of ['us', 'eu'])
      expect((await write(region, 'cancelled', ifMatch)).body).toMatchObject({
        code: 'precondition_failed',
        detail: 'If-Match names another version than the entity has at its home',
      });

    const shard = Number(String(second.body.dot).split(':')[1]);
    const { audited } = rims.at('us');
    audited.splice(0);
    const planned = await handOver(shard, { to: 'eu', dryRun: undefined });
    expect(planned.body).toMatchObject({ shard, applied: false, home: expect.any(String) });
    const asked = { action: 'HandOver', target: { shard, to: 'eu', force: false }, role: 'admin' };
    expect(audited.splice(0)).toMatchObject([{ ...asked, dryRun: true, outcome: 'done' }]);
    for (const to of ['eu', 'us', 'eu']) {
      const moved = await handOver(shard, { to });
      expect(moved.body).toMatchObject({ shard, applied: true, home: to, region: 'us' });
      expect(audited.splice(0)).toMatchObject([
        { ...asked, target: { shard, to }, dryRun: false, outcome: 'asked' },
        { ...asked, target: { shard, to }, dryRun: false, outcome: 'done', millis: expect.any(Number) },
      ]);
      const { body } = await write('us', `by ${to}`);
      expect(String(body.dot).startsWith(`${to}~`)).toBe(true);
    }
    expect((await read('us')).body.value).toEqual({ state: 'by eu' });
    const { body: told } = await ask(bases.us!, { method: 'GET', url: '/v1/admin/shards' });
    expect(told.shards[shard]).toMatchObject({ home: 'eu', epoch: expect.stringMatching(/\d/) });
    for (const dryRun of [true, false])
      expect((await handOver(shard, { to: 'mars', dryRun })).body.code).toBe('invalid_request');
    expect(audited.at(-1)).toMatchObject({ outcome: 'refused', code: 'invalid_request' });
    expect((await handOver(999, { to: 'eu', dryRun: true })).body.code).toBe('invalid_request');
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

const add = (id: string, by: number, more = {}): object => ({
  ...{ type: 'account', id, ...more },
  operations: [{ field: 'balance', op: 'increment', by }],
});
const transact = (region: string, changes: readonly object[], headers = {}): Promise<Answered> =>
  ask(bases[region]!, {
    url: '/v1/transactions',
    body: JSON.stringify({ changes }),
    headers: { 'atoll-max-wait': '8000', ...headers },
  });
const balances = async (region: string, ...ids: string[]): Promise<unknown[]> => {
  const { body } = await ask(bases[region]!, {
    url: '/v1/entities/account/get',
    body: JSON.stringify({ ids }),
    headers: { 'atoll-consistency': 'strong', 'atoll-max-wait': '8000' },
  });
  return body.entities.map(
    ({ value }: { readonly value: { readonly balance: number } | null }) => value?.balance,
  );
};

describe('an atomic change over HTTP and gRPC', () => {
  it('changes all its entities or none, and a retry is answered as the first try was', async () => {
    const key = { 'idempotency-key': 'us.first' };
    const { status, body } = await transact('us', [add('acme:a', -5), add('acme:b', 5)], key);
    expect(status).toBe(200);
    const epoch = expect.stringMatching(/^\d+\.\d+$/);
    expect(body).toMatchObject({ mutationId: 'us.first', replayed: false, epoch, region: 'us' });
    expect(body.changes).toMatchObject([{ id: 'acme:a' }, { id: 'acme:b' }]);
    const again = await transact('eu', [add('acme:a', -5), add('acme:b', 5)], key);
    expect(again.body).toMatchObject({ replayed: true, changes: body.changes });
    expect(await balances('eu', 'acme:a', 'acme:b')).toEqual([-5, 5]);

    const [a, b] = body.changes as readonly { readonly version: string }[];
    const both = [add('acme:a', 1, { ifMatch: a!.version }), add('acme:b', -1, { ifMatch: a!.version })];
    const refused = await transact('eu', both);
    expect(refused.body).toMatchObject({ code: 'precondition_failed', errors: [{ path: '/changes/1' }] });
    both[1] = add('acme:b', -1, { ifMatch: b!.version });
    expect((await transact('eu', both)).status).toBe(200);
    expect(await balances('us', 'acme:a', 'acme:b')).toEqual([-4, 4]);

    const { body: told } = await ask(bases.us!, { method: 'GET', url: '/v1/writes/us.first' });
    expect(told).toMatchObject({ type: 'account', id: 'acme:a' });
    expect(told.copies).toHaveLength(1);
  }, 60_000);

  it('is asked for over gRPC with the same outcome and the same refusals', async () => {
    const us = new GrpcAsker(grpc.us!);
    const change = (id: string, by: number): object => ({
      ...{ type: 'account', id },
      operations: [{ field: 'balance', op: 'increment', argumentsJson: JSON.stringify({ by }) }],
    });
    const headers = { 'idempotency-key': 'us.grpc', 'atoll-max-wait': '8000', 'atoll-acks': 'majority' };
    const { message } = await us.call(
      'transact',
      { changes: [change('g:a', 2), change('g:b', -2)] },
      headers,
    );
    const epoch = expect.stringMatching(/^\d+\.\d+$/);
    expect(message).toMatchObject({ mutationId: 'us.grpc', epoch, changes: [{ id: 'g:a' }, { id: 'g:b' }] });
    const asked = { type: 'account', id: 'g:a' };
    const strongly = { 'atoll-consistency': 'strong', 'atoll-max-wait': '8000' };
    expect((await us.call('getEntity', asked, strongly)).message).toMatchObject({ epoch });
    expect((await us.call('getEntity', asked)).message).not.toHaveProperty('epoch');
    expect(await balances('us', 'g:a', 'g:b')).toEqual([2, -2]);
    const removed = await us.call('deleteEntity', asked, { 'atoll-max-wait': '8000' });
    expect(removed.message).toMatchObject({ epoch });
    const apart = await us.refused('transact', { changes: [change('g:a', 2), change('h:b', -2)] });
    expect(apart).toMatchObject({ code: 'not_one_partition', errors: [{ path: '/changes/1' }] });
    us.close();
  }, 60_000);
});
