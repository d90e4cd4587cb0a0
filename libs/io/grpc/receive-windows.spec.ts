import { once } from 'node:events';
import { connect, createServer, type ClientHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { connectionWindowBytes, streamWindowBytes, widenReceiveWindows } from './receive-windows.js';

const server = createServer();
let session: ClientHttp2Session;
beforeAll(async () => {
  widenReceiveWindows();
  // As a process does that has other things to do: nothing of a body is read.
  server.on('stream', (stream) => stream.pause());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  session = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
afterAll(() => {
  session.destroy();
  server.close();
});

describe('a connection that is served', () => {
  it('lets a client send ahead of what is read, as far as the windows go', async () => {
    const one = session.request({ ':method': 'POST' });
    one.write(Buffer.alloc(16));
    await vi.waitFor(() => {
      expect(session.remoteSettings.initialWindowSize).toBe(streamWindowBytes);
      expect(session.state.remoteWindowSize).toBeGreaterThan(connectionWindowBytes - 1_024);
    });
  });
});
