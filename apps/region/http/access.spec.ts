import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../../../test/rim/http-client.js';
import { MemoryRims, rimStartMillisMax } from '../../../test/rim/memory-rim.js';

const roles = ['read', 'write', 'admin', 'peer'] as const;
const tokenOf = (role: string) => ({ authorization: `Bearer the-${role}-token-of-this-suite` });

let rims: MemoryRims;
let base: string;
beforeAll(async () => {
  rims = await MemoryRims.started(
    roles.map((role) => ({ role, name: role, token: `the-${role}-token-of-this-suite` })),
  );
  await rims.at('us').app.listen(0, '127.0.0.1');
  base = await rims.at('us').app.getUrl();
}, rimStartMillisMax);
afterAll(() => rims?.stop(), rimStartMillisMax);

describe('access', () => {
  it.each([
    ['/livez', 200],
    ['/readyz', 200],
    ['/openapi.json', 200],
    ['/docs', 200],
    ['/docs/swagger-ui.css', 200],
    ['/docs/start.js', 200],
    ['/docs/package.json', 404],
    ['/docs/..%2Fpackage.json', 404],
    ['/metrics', 401],
    ['/v1/entities/cart', 401],
    ['/v1/changes', 401],
    ['/v1/admin/topology', 401],
    ['/nowhere', 404],
  ])('without a token: GET %s answers %i', async (url, status) => {
    const answered = await ask(base, { method: 'GET', url });
    expect(answered.status).toBe(status);
    if (status === 401) expect(answered.headers.get('www-authenticate')).toBe('Bearer realm="atoll"');
    if (status >= 400)
      expect(answered.body.code).toBe(status === 401 ? 'unauthenticated' : 'route_not_found');
  });

  it.each([
    ['GET', '/v1/entities/cart', undefined, ['read', 'write', 'admin']],
    ['POST', '/v1/entities/cart/get', '{"ids":["1"]}', ['read', 'write', 'admin']],
    ['GET', '/v1/conflicts', undefined, ['read', 'write', 'admin']],
    ['POST', '/v1/barriers', undefined, ['read', 'write', 'admin']],
    ['GET', '/metrics', undefined, ['read', 'write', 'admin']],
    ['PATCH', '/v1/entities/cart/1', '{"coupon":"A"}', ['write', 'admin']],
    ['POST', '/v1/batch', '{"changes":[{"type":"cart","id":"1","kind":"delete"}]}', ['write', 'admin']],
    ['DELETE', '/v1/entities/cart/1', undefined, ['write', 'admin']],
    ['GET', '/v1/admin/topology', undefined, ['admin']],
    ['GET', '/v1/admin/links', undefined, ['admin']],
    ['GET', '/v1/admin/shards', undefined, ['admin']],
    ['GET', '/v1/admin/quarantine', undefined, ['admin']],
    ['GET', '/v1/admin/slo', undefined, ['admin']],
    ['POST', '/v1/admin/rights/drain', '{"to":"eu"}', ['admin']],
    ['POST', '/v1/admin/rights/reclaim', '{"from":"eu","databaseIsDestroyed":true}', ['admin']],
  ] as const)('%s %s is for %4$j', async (method, url, body, allowed) => {
    for (const role of roles) {
      const { status, body: answer } = await ask(base, { method, url, body, headers: tokenOf(role) });
      if ((allowed as readonly string[]).includes(role)) expect([role, status]).toEqual([role, 200]);
      else expect([role, status, answer.code]).toEqual([role, 403, 'permission_denied']);
    }
  });

  it('names in the audit whose token an operator used', async () => {
    const { audited } = rims.at('us');
    audited.splice(0);
    const drain = { url: '/v1/admin/rights/drain', body: '{"to":"eu","dryRun":false}' };
    const { headers } = await ask(base, { ...drain, headers: tokenOf('admin') });
    const requestId = headers.get('atoll-request-id');
    const line = { action: 'DrainRights', target: { to: 'eu' }, who: 'admin', role: 'admin', requestId };
    expect(audited).toMatchObject([
      { ...line, dryRun: false, outcome: 'asked' },
      { ...line, dryRun: false, outcome: 'done' },
    ]);
  });

  it('refuses an unknown token before it reads the body', async () => {
    const headers = { authorization: 'Bearer nobody-has-this-token' };
    const { body } = await ask(base, { url: '/v1/batch', body: '{"changes":', headers });
    expect(body.code).toBe('unauthenticated');
  });
});
