import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { flowBytesMax } from './flow.js';
import { startRegionLink, type RegionLink } from './region-link.js';

const opened: { close: () => unknown }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

/** Polls until the condition holds; the test's own time limit ends a wait in vain. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await pause(2);
}

interface Peer {
  readonly socket: Socket;
  /** All bytes that have arrived, as text. */
  text(): string;
  ended: boolean;
  error: string | undefined;
}

function watch(socket: Socket): Peer {
  let text = '';
  const peer: Peer = { socket, text: () => text, ended: false, error: undefined };
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  socket.once('end', () => (peer.ended = true));
  socket.on('error', (error: NodeJS.ErrnoException) => (peer.error = error.code));
  opened.push({ close: () => socket.destroy() });
  return peer;
}

interface World {
  readonly link: RegionLink;
  /** Connections as the far end accepted them. */
  readonly accepted: Socket[];
  readonly port: number;
}

/** A link whose gRPC port leads to a server that only collects its connections. */
async function linkTo(onConnection: (socket: Socket) => void = () => undefined, delay = 0): Promise<World> {
  const accepted: Socket[] = [];
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    accepted.push(socket);
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push({
    close: () => {
      for (const socket of accepted) socket.destroy();
      server.close();
    },
  });
  const target = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  const port = await freePort();
  const kafka = { port: await freePort(), target };
  const link = await startRegionLink({
    from: 'us',
    to: 'eu',
    kafka,
    grpc: { port, target },
    delay: { oneWayMillis: delay },
  });
  opened.push(link);
  return { link, accepted, port };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

const echo = (socket: Socket): void => void socket.pipe(socket);

async function dial(port: number): Promise<Peer> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  const peer = watch(socket);
  await once(socket, 'connect');
  return peer;
}

/** A client and the far end of its connection. */
async function pair(world: World): Promise<{ near: Peer; far: Peer }> {
  const before = world.accepted.length;
  const near = await dial(world.port);
  await until(() => world.accepted.length > before);
  const socket = world.accepted.at(-1);
  if (socket === undefined) throw new Error('no connection arrived');
  return { near, far: watch(socket) };
}

describe('a link without delay', () => {
  it('carries bytes and the end of the stream in both directions', async () => {
    const { near, far } = await pair(await linkTo());
    near.socket.end('question');
    await until(() => far.ended);
    expect(far.text()).toBe('question');
    far.socket.end('answer');
    await until(() => near.ended);
    expect(near.text()).toBe('answer');
  });

  it('hands on a reset', async () => {
    const { near, far } = await pair(await linkTo());
    far.socket.resetAndDestroy();
    await until(() => near.error !== undefined);
    expect(near.error).toBe('ECONNRESET');
  });

  it('resets a client whose target does not listen', async () => {
    const { link, port } = await linkTo();
    link.setGrpcTarget({ host: '127.0.0.1', port: await freePort() });
    const near = await dial(port);
    await until(() => near.error !== undefined);
    expect(near.error).toBe('ECONNRESET');
    expect((await link.status()).connections).toBe(0);
  });

  it('forgets a connection that both sides have closed', async () => {
    const world = await linkTo(echo);
    const near = await dial(world.port);
    near.socket.end('bye');
    await until(() => near.ended);
    await until(async () => (await world.link.status()).connections === 0);
    expect((await world.link.status()).bytes).toEqual({ forward: 3, back: 3 });
  });
});

describe('a link with delay', () => {
  it('takes a round trip to open and a round trip to answer', async () => {
    const { port } = await linkTo(echo, 40);
    const begun = performance.now();
    const near = await dial(port);
    near.socket.write('1');
    await until(() => near.text() === '1');
    const firstAnswer = performance.now() - begun;
    expect(firstAnswer).toBeGreaterThanOrEqual(4 * 40 - 2);

    const secondBegun = performance.now();
    near.socket.write('2');
    await until(() => near.text() === '12');
    const secondAnswer = performance.now() - secondBegun;
    expect(secondAnswer).toBeGreaterThanOrEqual(2 * 40 - 2);
    expect(secondAnswer).toBeLessThan(firstAnswer);
  });

  it('delays one direction alone when told so', async () => {
    const world = await linkTo();
    const { near, far } = await pair(world);
    await world.link.setDelay({ oneWayMillis: 80, direction: 'to-from' });
    const begun = performance.now();
    near.socket.write('x');
    await until(() => far.text() === 'x');
    const there = performance.now() - begun;
    far.socket.write('y');
    await until(() => near.text() === 'y');
    const back = performance.now() - begun - there;
    expect(back).toBeGreaterThanOrEqual(78);
    expect(there).toBeLessThan(back);
  });

  it('keeps the order of a connection under jitter', async () => {
    const world = await linkTo();
    await world.link.setDelay({ oneWayMillis: 5, jitterMillis: 30 });
    const { near, far } = await pair(world);
    const lines = Array.from({ length: 200 }, (_, index) => `${index}\n`);
    for (const line of lines) {
      near.socket.write(line);
      await pause(0);
    }
    await until(() => far.text().endsWith('199\n'));
    expect(far.text()).toBe(lines.join(''));
  });

  it('moves many bytes at once in spite of the delay', async () => {
    const world = await linkTo(undefined, 40);
    const near = await dial(world.port);
    await until(() => world.accepted.length === 1);
    const sent = randomBytes(32 * 1024 * 1024);
    const hash = createHash('sha256');
    let received = 0;
    world.accepted[0]?.on('data', (chunk: Buffer) => {
      hash.update(chunk);
      received += chunk.length;
    });
    const begun = performance.now();
    near.socket.write(sent);
    await until(() => received === sent.length);
    expect(hash.digest('hex')).toBe(createHash('sha256').update(sent).digest('hex'));
    // Stop-and-wait by 64 KiB would take 40 s.
    expect(performance.now() - begun).toBeLessThan(10_000);
  });
});

describe('a cut link', () => {
  it('holds the bytes of the cut direction while the other goes on, and hands them over after the heal', async () => {
    const world = await linkTo();
    const { near, far } = await pair(world);
    await world.link.cut('from-to');
    near.socket.write('held');
    await until(async () => (await world.link.status()).queuedBytes === 4);
    far.socket.write('free');
    await until(() => near.text() === 'free');
    expect(far.text()).toBe('');

    await world.link.heal();
    near.socket.write(', then more');
    await until(() => far.text() === 'held, then more');
    expect(near.error).toBeUndefined();
  });

  it('holds answers while requests arrive when it is cut the other way', async () => {
    const world = await linkTo();
    const { near, far } = await pair(world);
    await world.link.cut('to-from');
    near.socket.write('request');
    await until(() => far.text() === 'request');
    far.socket.write('answer');
    await until(async () => (await world.link.status()).queuedBytes === 6);
    expect(near.text()).toBe('');
    await world.link.heal();
    await until(() => near.text() === 'answer');
  });

  it('holds also what was under way when it was cut', async () => {
    const world = await linkTo(undefined, 30);
    const { near, far } = await pair(world);
    near.socket.write('first');
    await until(() => far.text() === 'first');
    near.socket.write('second');
    await until(async () => (await world.link.status()).queuedBytes === 6);
    await world.link.cut('both');
    const later = await world.link.status();
    // A round trip over another link of the same delay takes twice as long as the bytes would have needed.
    const clock = await dial((await linkTo(echo, 30)).port);
    clock.socket.write('tick');
    await until(() => clock.text() === 'tick');
    expect({ text: far.text(), queued: later.queuedBytes }).toEqual({ text: 'first', queued: 6 });
    await world.link.heal();
    await until(() => far.text() === 'firstsecond');
  });

  it.each(['from-to', 'to-from', 'both'] as const)(
    'lets a new connection wait until the heal when cut %s',
    async (direction) => {
      const world = await linkTo(echo);
      await world.link.cut(direction);
      const near = await dial(world.port);
      near.socket.write('hello');
      await until(async () => (await world.link.status()).queuedBytes === 5);
      expect(world.accepted).toHaveLength(0);
      await world.link.heal();
      await until(() => near.text() === 'hello');
    },
  );

  it('lets a client give up waiting', async () => {
    const world = await linkTo();
    await world.link.cut('both');
    const near = await dial(world.port);
    near.socket.resetAndDestroy();
    await world.link.heal();
    await until(async () => (await world.link.status()).connections === 0);
  });

  it('resets after the heal a connection that lost bytes, and no other', async () => {
    const world = await linkTo();
    const unlucky = await pair(world);
    const lucky = await pair(world);
    await world.link.cut('from-to', { mode: 'drop' });
    unlucky.near.socket.write('lost');
    unlucky.far.socket.write('seen');
    await until(() => unlucky.near.text() === 'seen');
    expect((await world.link.status()).queuedBytes).toBe(0);

    await world.link.heal();
    await until(() => unlucky.near.error !== undefined && unlucky.far.error !== undefined);
    expect(unlucky.far.text()).toBe('');
    lucky.near.socket.write('fine');
    await until(() => lucky.far.text() === 'fine');
  });

  it('does not heal a lossy connection by a second cut', async () => {
    const world = await linkTo();
    const { near, far } = await pair(world);
    await world.link.cut('from-to', { mode: 'drop' });
    near.socket.write('lost');
    far.socket.write('seen');
    await until(() => near.text() === 'seen');
    await world.link.cut('both');
    near.socket.write('held');
    await until(async () => (await world.link.status()).queuedBytes === 4);
    expect(near.error).toBeUndefined();
    await world.link.heal();
    await until(() => near.error === 'ECONNRESET');
    expect(far.text()).toBe('');
  });

  it('resets present and new connections in reset mode, until it is healed', async () => {
    const world = await linkTo(echo);
    const present = await dial(world.port);
    present.socket.write('a');
    await until(() => present.text() === 'a');
    await world.link.cut('both', { mode: 'reset' });
    await until(() => present.error === 'ECONNRESET');
    const refused = watch(connect({ port: world.port, host: '127.0.0.1' }));
    await until(() => refused.error !== undefined);
    await world.link.heal();
    const later = await dial(world.port);
    later.socket.write('b');
    await until(() => later.text() === 'b');
  });

  it('reports its cut, delay and traffic', async () => {
    const { link } = await linkTo();
    await link.setDelay({ oneWayMillis: 7, jitterMillis: 2 });
    await link.cut('to-from', { mode: 'drop' });
    const delay = { oneWayMillis: 7, jitterMillis: 2 };
    expect(await link.status()).toEqual({
      from: 'us',
      to: 'eu',
      cut: { direction: 'to-from', mode: 'drop' },
      delayMillis: { 'from-to': delay, 'to-from': delay },
      bytesPerSecond: undefined,
      connections: 0,
      queuedBytes: 0,
      bytes: { forward: 0, back: 0 },
    });
  });
});

describe('a link under load', () => {
  it('resets present connections once on demand', async () => {
    const world = await linkTo(echo);
    const present = await dial(world.port);
    await until(() => world.accepted.length === 1);
    await world.link.reset();
    await until(() => present.error === 'ECONNRESET');
    const later = await dial(world.port);
    later.socket.write('b');
    await until(() => later.text() === 'b');
  });

  it.each(['a receiver that does not read', 'a cut'] as const)(
    'makes the sender wait and bounds what it holds behind %s',
    async (obstacle) => {
      const world = await linkTo((socket) => void socket.pause());
      const near = await dial(world.port);
      await until(() => world.accepted.length === 1);
      if (obstacle === 'a cut') await world.link.cut('from-to');
      const sent = randomBytes(64 * 1024 * 1024);
      near.socket.write(sent);
      await until(async () => (await world.link.status()).queuedBytes >= flowBytesMax);
      const held = (await world.link.status()).queuedBytes;
      expect(held).toBeLessThanOrEqual(flowBytesMax + 64 * 1024);
      expect(near.socket.writableLength).toBeGreaterThan(0);

      await world.link.heal();
      const hash = createHash('sha256');
      let received = 0;
      world.accepted[0]?.on('data', (chunk: Buffer) => {
        hash.update(chunk);
        received += chunk.length;
      });
      world.accepted[0]?.resume();
      await until(() => received === sent.length);
      expect(hash.digest('hex')).toBe(createHash('sha256').update(sent).digest('hex'));
    },
  );

  it('shares its bandwidth between connections', async () => {
    const world = await linkTo();
    const [one, two] = [await pair(world), await pair(world)];
    await world.link.setBandwidth(2 * 1024 * 1024);
    const half = 'x'.repeat(256 * 1024);
    const begun = performance.now();
    one.near.socket.write(half);
    two.near.socket.write(half);
    await until(() => one.far.text().length === half.length && two.far.text().length === half.length);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(245);
    await world.link.setBandwidth(undefined);
    expect((await world.link.status()).bytesPerSecond).toBeUndefined();
  });
});
