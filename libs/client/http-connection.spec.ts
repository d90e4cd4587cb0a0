import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NoAnswer, RequestRefused } from './errors.js';
import { connectHttp } from './http-connection.js';

const server = createServer((request, response) => response.end(request.url));
let port: number;
beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => server.close());

const call = { method: 'GET', path: '/v1/entities/cart/42', timeoutMillis: 5_000 } as const;

describe('a connection', () => {
  it.each([
    ['', '/v1/entities/cart/42'],
    ['/', '/v1/entities/cart/42'],
    ['/prefix', '/prefix/v1/entities/cart/42'],
    ['/two/parts/', '/two/parts/v1/entities/cart/42'],
  ])('asks beneath the path of its address: "%s"', async (prefix, asked) => {
    const connection = connectHttp(`http://127.0.0.1:${port}${prefix}`);
    expect((await connection.call(call)).text).toBe(asked);
    connection.close();
  });

  it('takes an address of IPv6, which is between brackets', async () => {
    const failed = connectHttp('http://[::1]:1').call(call);
    await expect(failed).rejects.toThrow(NoAnswer);
    await expect(failed).rejects.not.toThrow('ENOTFOUND');
  });

  it.each([
    ['atoll-session', 'invalid_session'],
    ['idempotency-key', 'invalid_mutation_id'],
    ['if-match', 'invalid_request'],
  ])('refuses what cannot be sent as %s, and does not send it', async (name, code) => {
    const connection = connectHttp(`http://127.0.0.1:${port}`);
    for (const value of ['€', 'a\nb']) {
      const headers = { [name]: value };
      const refused = connection.call({ ...call, headers });
      await expect(refused).rejects.toThrow(RequestRefused);
      await expect(refused).rejects.toMatchObject({ code, retryable: false });
      await expect(connection.open({ ...call, headers })).rejects.toMatchObject({ code });
    }
    connection.close();
  });

  it('refuses a token that cannot be sent, without repeating it', async () => {
    const refused = connectHttp(`http://127.0.0.1:${port}`, 'sécret€').call(call);
    await expect(refused).rejects.toThrow(/^invalid_request: the bearer token has characters/);
    await expect(refused).rejects.not.toThrow('sécret');
  });
});
