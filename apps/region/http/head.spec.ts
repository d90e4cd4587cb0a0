import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../../../test/rim/http-client.js';
import { MemoryRims, rimStartMillisMax } from '../../../test/rim/memory-rim.js';

const token = 'the-token-of-a-mere-reader';
const [reader, writer] = [
  { authorization: `Bearer ${token}` },
  { authorization: 'Bearer the-token-of-a-writer' },
];
let rims: MemoryRims;
let base: string;
beforeAll(async () => {
  rims = await MemoryRims.started([
    { role: 'read', name: 'a reader', token },
    { role: 'write', name: 'a writer', token: 'the-token-of-a-writer' },
  ]);
  await rims.at('us').app.listen(0, '127.0.0.1');
  base = await rims.at('us').app.getUrl();
  await ask(base, {
    method: 'PATCH',
    url: '/v1/entities/cart/1',
    body: '{"coupon":"A"}',
    headers: writer,
  });
}, rimStartMillisMax);
afterAll(() => rims?.stop(), rimStartMillisMax);

const head = (url: string, headers: Readonly<Record<string, string>> = reader): Promise<Response> =>
  fetch(`${base}${url}`, { method: 'HEAD', headers });

describe('HEAD', () => {
  it.each([
    '/v1/entities/cart/1',
    '/v1/entities/cart/none',
    '/v1/entities/basket/1',
    '/v1/entities/cart?limit=0',
    '/v1/conflicts',
    '/v1/writes/none',
    '/v1/admin/topology',
    '/livez',
    '/openapi.json',
    '/docs/start.js',
    '/docs/favicon-32x32.png',
    '/nowhere',
  ])('answers %s as GET does, without the body', async (url) => {
    const [got, headed] = [await fetch(`${base}${url}`, { headers: reader }), await head(url)];
    expect(headed.status).toBe(got.status);
    expect(await headed.text()).toBe('');
    for (const name of ['content-type', 'etag', 'atoll-region'])
      expect(headed.headers.get(name), name).toBe(got.headers.get(name));
  });

  it('asks for the role that GET asks for', async () => {
    expect((await head('/v1/entities/cart/1', {})).status).toBe(401);
    expect((await head('/v1/admin/slo')).status).toBe(403);
  });

  it('begins no feed: that has no end', async () => {
    expect((await head('/v1/changes')).status).toBe(404);
  });
});
