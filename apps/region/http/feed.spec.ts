import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MemoryRims, rimStartMillisMax } from '../../../test/rim/memory-rim.js';
import { ask } from '../../../test/rim/http-client.js';
import { openFeed } from '../../../test/rim/feed-client.js';

let rims: MemoryRims;
const base: Record<string, string> = {};
beforeAll(async () => {
  rims = await MemoryRims.started();
  for (const region of ['us', 'eu']) {
    await rims.at(region).app.listen(0, '127.0.0.1');
    base[region] = await rims.at(region).app.getUrl();
  }
}, rimStartMillisMax);
afterAll(() => rims?.stop(), rimStartMillisMax);

const patch = (region: string, id: string, body: object) =>
  ask(base[region]!, { method: 'PATCH', url: `/v1/entities/cart/${id}`, body: JSON.stringify(body) });

describe('the changes feed over HTTP', () => {
  it('tells every change with its after-image, and where it came from', async () => {
    const feed = await openFeed(`${base.us}/v1/changes`);
    expect(feed.response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(feed.response.headers.get('atoll-region')).toBe('us');
    const { body: local } = await patch('us', 'f-1', { coupon: 'A' });
    expect(await feed.next()).toMatchObject({
      event: 'change',
      data: { type: 'cart', id: 'f-1', value: { coupon: 'A' }, cause: 'local', dot: local.dot },
    });
    const { body: remote } = await patch('eu', 'f-2', { coupon: 'B' });
    expect(await feed.next()).toMatchObject({ data: { id: 'f-2', cause: 'merged', dot: remote.dot } });
    await ask(base.us!, { method: 'DELETE', url: '/v1/entities/cart/f-1' });
    expect(await feed.next()).toMatchObject({ data: { id: 'f-1', cause: 'deleted', value: null } });
    feed.close();
  });

  it('resumes in another region, by query or as event sources do', async () => {
    const feed = await openFeed(`${base.us}/v1/changes`);
    await patch('us', 'r-1', { coupon: 'A' });
    const { id: position } = await feed.next();
    feed.close();
    await patch('us', 'r-2', { coupon: 'B' });
    for (const [url, headers] of [
      [`${base.eu}/v1/changes?after=${encodeURIComponent(position)}`, {}],
      [`${base.eu}/v1/changes`, { 'last-event-id': position }],
    ] as const) {
      const resumed = await openFeed(url, headers);
      expect(await resumed.next()).toMatchObject({ data: { id: 'r-2', cause: 'merged' } });
      resumed.close();
    }
  });

  it('begins with now for an event source that has heard nothing yet', async () => {
    const feed = await openFeed(`${base.us}/v1/changes`, { 'last-event-id': '' });
    await patch('us', 'e-1', { coupon: 'A' });
    expect(await feed.next()).toMatchObject({ data: { id: 'e-1' } });
    feed.close();
  });

  it('tells of one type only, where that is asked', async () => {
    const feed = await openFeed(`${base.us}/v1/changes?type=record`);
    await patch('us', 't-1', { coupon: 'A' });
    await ask(base.us!, { method: 'PATCH', url: '/v1/entities/record/t-2', body: '{"value":1}' });
    expect(await feed.next()).toMatchObject({ data: { type: 'record', id: 't-2' } });
    feed.close();
  });

  it.each([
    ['?after=nonsense', 'invalid_session'],
    ['?type=basket', 'unknown_type'],
    ['?typ=cart', 'invalid_request'],
  ])('refuses %s before it begins', async (query, code) => {
    const { body } = await ask(base.us!, { method: 'GET', url: `/v1/changes${query}` });
    expect(body.code).toBe(code);
  });

  it('ends when the service stops its feeds', async () => {
    const feed = await openFeed(`${base.us}/v1/changes`);
    rims.at('us').api.stopFeeds();
    expect(await feed.next().catch((error: unknown) => String(error))).toMatch(/ended/);
  });
});
