import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAtoll } from '#declare/define-atoll.js';
import { entity } from '#declare/entity.js';
import { lastWriterWins } from '#declare/policies.js';
import { openFeed } from '../../../test/rim/feed-client.js';
import { GrpcAsker } from '../../../test/rim/grpc-client.js';
import { ask, type Answered } from '../../../test/rim/http-client.js';
import { MemoryRims, rimStartMillisMax } from '../../../test/rim/memory-rim.js';

const regions = ['us', 'eu'] as const;
type Region = (typeof regions)[number];
const address = z.strictObject({ town: z.string(), street: z.string() });
const declared = defineAtoll({
  entities: {
    payment: entity({
      fields: { cents: lastWriterWins(z.int()), capturedBy: lastWriterWins(z.string()) },
      consistency: 'strong',
    }),
    person: entity({ fields: { home: lastWriterWins(address), any: lastWriterWins() } }),
  },
});

let rims: MemoryRims;
const base: Record<string, string> = {};
const grpc: Record<string, GrpcAsker> = {};
beforeAll(async () => {
  rims = await MemoryRims.started([], { us: declared, eu: declared });
  for (const region of regions) {
    const listening = await rims.listen(region);
    base[region] = listening.base;
    grpc[region] = new GrpcAsker(listening.grpc);
  }
}, rimStartMillisMax);
afterAll(async () => {
  for (const asker of Object.values(grpc)) asker.close();
  await rims?.stop();
}, rimStartMillisMax);

const patch = (region: Region, entityPath: string, value: object, headers = {}): Promise<Answered> =>
  ask(base[region]!, {
    method: 'PATCH',
    url: `/v1/entities/${entityPath}`,
    body: JSON.stringify(value),
    headers: { 'atoll-max-wait': '8000', ...headers },
  });
const read = (region: Region, entityPath: string, headers: object): Promise<Answered> =>
  ask(base[region]!, {
    method: 'GET',
    url: `/v1/entities/${entityPath}`,
    headers: { 'atoll-max-wait': '8000', ...headers },
  });

describe('regions that hold the same show the same bytes', () => {
  it('of a strong value, wherever its home is', async () => {
    expect((await patch('us', 'payment/p1', { cents: 100, capturedBy: 'us' })).status).toBe(200);
    for (const region of regions) {
      const { body } = await read(region, 'payment/p1', { 'atoll-consistency': 'strong' });
      expect(JSON.stringify(body.value), region).toBe('{"capturedBy":"us","cents":100}');
    }
  });

  it('of an eventual value, whoever wrote it, read, listed and followed, over HTTP and gRPC', async () => {
    const feeds = await Promise.all(
      regions.map((region) => openFeed(`${base[region]}/v1/changes?type=person`)),
    );
    const written = { home: { town: 'x', street: 'y' }, any: [{ b: { d: 1, c: 2 }, a: null, 10: 0, 9: 0 }] };
    const { body: write } = await patch('us', 'person/1', written);
    const session = { 'atoll-session': write.session };
    const told = '{"any":[{"9":0,"10":0,"a":null,"b":{"c":2,"d":1}}],"home":{"street":"y","town":"x"}}';
    for (const region of regions) {
      const one = await read(region, 'person/1', session);
      const listed = await read(region, 'person', {});
      const { message } = await grpc[region]!.call('getEntity', { type: 'person', id: '1' }, session);
      expect(JSON.stringify(one.body.value), region).toBe(told);
      expect(JSON.stringify(listed.body.entities[0].value), region).toBe(told);
      expect(message.valueJson, region).toBe(told);
      const { body: history } = await read(region, 'person/1/history', {});
      const [{ change }] = history.entries[0].changes;
      expect(JSON.stringify(change), region).toBe('{"value":{"street":"y","town":"x"}}');
    }
    for (const feed of feeds) {
      const { data } = await feed.next();
      expect(JSON.stringify((data as { readonly value: unknown }).value)).toBe(told);
      feed.close();
    }
  });

  it('of what they have seen, whoever was first', async () => {
    let headers = {};
    for (const region of ['us', 'eu'] as const) {
      const { body } = await patch(region, 'person/2', { any: region }, headers);
      headers = { 'atoll-session': body.session };
      expect(Object.keys(body.seen)).toEqual(Object.keys(body.seen).toSorted());
    }
    const seen = await Promise.all(
      regions.map(async (region) => JSON.stringify((await read(region, 'person/2', headers)).body.seen)),
    );
    expect(seen[0]).toMatch(/^{"eu~1":\d+,"us~1":\d+}$/);
    expect(seen[1]).toBe(seen[0]);
  });
});
