import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { errorCatalogue } from '#io/wire/error-catalogue.js';
import { badRequests } from '../../../test/rim/bad-requests.js';
import { ask, stateOf } from '../../../test/rim/http-client.js';
import { MemoryRims, rimStartMillisMax } from '../../../test/rim/memory-rim.js';

let rims: MemoryRims;
let base: string;
let before: string;

beforeAll(async () => {
  rims = await MemoryRims.started();
  await rims.at('us').app.listen(0, '127.0.0.1');
  base = await rims.at('us').app.getUrl();
  await ask(base, { method: 'PATCH', url: '/v1/entities/cart/bad', body: '{"coupon":"START"}' });
}, rimStartMillisMax);
afterAll(() => rims?.stop(), rimStartMillisMax);
beforeEach(async () => {
  before = await stateOf(base, ['cart', 'record']);
});
afterEach(async () => {
  expect(await stateOf(base, ['cart', 'record'])).toBe(before);
  expect(rims.at('us').reported).toEqual([]);
});

describe('bad input gets a typed error and changes nothing:', () => {
  it.each(badRequests)('$name ($code)', async ({ code, path, ...request }) => {
    const { status, headers, body } = await ask(base, request);
    expect(body).toMatchObject({
      code,
      status: errorCatalogue[code].httpStatus,
      title: errorCatalogue[code].title,
      region: 'us',
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(status).toBe(errorCatalogue[code].httpStatus);
    expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
    if (path !== undefined) expect(body.errors[0]?.path).toBe(path);
  });

  it.each([
    [
      'headers over their limit',
      `GET /livez HTTP/1.1\r\nhost: x\r\na: ${'x'.repeat(70_000)}\r\n\r\n`,
      413,
      'too_large',
    ],
    ['a tunnel', 'CONNECT x:80 HTTP/1.1\r\nhost: x\r\n\r\n', 404, 'route_not_found'],
    [
      'an expectation',
      'GET /livez HTTP/1.1\r\nhost: x\r\nexpect: wonders\r\nconnection: close\r\n\r\n',
      400,
      'invalid_request',
    ],
    [
      'a request without a host',
      'GET /v1/entities/none/1 HTTP/1.1\r\nconnection: close\r\n\r\n',
      404,
      'unknown_type',
    ],
    [
      'a method that is none',
      'FOO /livez HTTP/1.1\r\nhost: x\r\n\r\n',
      400,
      'invalid_request',
      'A request begins with GET, HEAD, POST, PATCH or DELETE.',
    ],
    ['another HTTP', 'GET /livez HTTP/7.1\r\n\r\n', 400, 'invalid_request', 'This is not HTTP/1.1.'],
    ['what is no HTTP', 'hello\r\n\r\n', 400, 'invalid_request'],
  ])('%s', async (_name, text, status, code, detail = '') => {
    const answer = await new Promise<string>((resolve, reject) => {
      let received = '';
      const socket = connect(Number(new URL(base).port), '127.0.0.1', () => socket.write(text));
      socket.setEncoding('utf8').on('data', (chunk: string) => (received += chunk));
      socket.on('close', () => resolve(received)).on('error', reject);
    });
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(JSON.parse(body)).toMatchObject({ code, region: 'us', detail: expect.stringContaining(detail) });
  });
});
