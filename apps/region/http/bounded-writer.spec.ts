import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BoundedWriter } from './bounded-writer.js';

let server: Server;
let client: Socket;
let response: ServerResponse;

beforeEach(async () => {
  server = createServer();
  const asked = new Promise<void>((resolve) => {
    server.once('request', (_request, answer: ServerResponse) => {
      response = answer;
      resolve();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  client.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  await asked;
});
afterEach(() => {
  client.destroy();
  server.closeAllConnections();
  server.close();
});

const megabyte = 'x'.repeat(1024 * 1024);

describe('a feed to one client', () => {
  it('holds no more than what the client has not taken of one notice', async () => {
    const writer = new BoundedWriter(response, 60_000);
    writer.open({});
    client.pause();
    let written = 0;
    const feeding = (async () => {
      for (let at = 0; at < 100; at += 1) {
        await writer.write(megabyte);
        written += 1;
      }
    })();
    await expect.poll(() => response.writableNeedDrain).toBe(true);
    expect(written).toBeLessThan(50);
    expect(response.writableLength).toBeLessThanOrEqual(2 * megabyte.length);
    client.resume();
    await feeding;
    expect(written).toBe(100);
  });

  it('drops a client that takes nothing for too long', async () => {
    const writer = new BoundedWriter(response, 200);
    writer.open({});
    client.pause();
    for (let at = 0; at < 100 && !response.destroyed; at += 1) await writer.write(megabyte);
    expect(response.destroyed).toBe(true);
    await writer.write('to nobody');
  });

  it('waits for its head, and queues no comment behind what is not taken', async () => {
    const writer = new BoundedWriter(response, 60_000);
    const early = writer.write('first');
    writer.open({ 'x-head': 'sent' });
    await early;
    const received = new Promise<string>((resolve) => client.once('data', (chunk) => resolve(String(chunk))));
    expect(await received).toMatch(/x-head: sent[^]*first/);
    client.pause();
    const feeding = (async () => {
      for (let at = 0; at < 20 && !response.destroyed; at += 1) await writer.write(megabyte);
    })();
    await expect.poll(() => response.writableNeedDrain).toBe(true);
    const held = response.writableLength;
    writer.writeIfIdle(': still here\n\n');
    expect(response.writableLength).toBe(held);
    client.destroy();
    await feeding;
  });
});
