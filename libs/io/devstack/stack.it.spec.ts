import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StackDescriptor } from './dev-stack.js';
import { lockPaths } from './ports.js';
import { descendants, identify, isAlive, type ProcessIdentity } from './processes.js';
import { attachStack, DevStackError, findStack, startStack, type OwnedDevStack } from './stack.js';

/** Polls until the condition holds; the test's own time limit ends a wait in vain. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await pause(10);
}

async function query<T>(url: string, sql: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows as T[];
  } finally {
    await client.end();
  }
}

function kafkaAt(brokers: readonly string[]): Kafka {
  return new Kafka({ clientId: 'stack-spec', brokers: [...brokers], logLevel: logLevel.NOTHING });
}

async function produce(brokers: readonly string[], topic: string, value: string): Promise<void> {
  const producer = kafkaAt(brokers).producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  await producer.send({ topic, messages: [{ value }] });
  await producer.disconnect();
}

/** The values of a topic from its start, once there are so many. */
async function consume(brokers: readonly string[], topic: string, count: number): Promise<string[]> {
  const consumer = kafkaAt(brokers).consumer({ groupId: `spec-${Math.random()}` });
  const values: string[] = [];
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ message }) => void values.push(message.value?.toString() ?? ''),
  });
  await until(() => values.length >= count);
  await consumer.disconnect();
  return values;
}

async function isListening(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ port, host: '127.0.0.1' });
  socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  const answer = await promise;
  socket.destroy();
  return answer;
}

function portsOf({ regions }: StackDescriptor): number[] {
  const links = regions.flatMap(({ kafkaBrokersFrom, grpcFrom }) =>
    [...Object.values(kafkaBrokersFrom).flat(), ...Object.values(grpcFrom)].map((address) =>
      Number(address.split(':')[1]),
    ),
  );
  const servers = regions.flatMap(({ ports }) => [
    ports.postgres,
    ports.kafka,
    ports.kafkaController,
    ...Object.values(ports.kafkaFromPeer),
  ]);
  return [...servers, ...links];
}

/** What a stack has left behind: nothing, if all is well. */
async function leftovers(
  descriptor: StackDescriptor,
  processes: readonly ProcessIdentity[],
): Promise<string[]> {
  const living = processes.filter(isAlive).map(({ pid }) => `process ${pid}`);
  const open: string[] = [];
  for (const port of portsOf(descriptor)) if (await isListening(port)) open.push(`port ${port}`);
  const locks = lockPaths(descriptor.portBase).filter((path) => existsSync(path));
  const directory = dirname(descriptor.controlSocket);
  return [...living, ...open, ...locks, ...(existsSync(directory) ? [directory] : [])];
}

/** Every process of a stack: its servers and all that is below them. */
async function processesOf(stack: {
  regions: OwnedDevStack['regions'];
  pid: OwnedDevStack['pid'];
}): Promise<ProcessIdentity[]> {
  const pids = await Promise.all(
    stack.regions.flatMap(({ region }) => [stack.pid(region, 'postgres'), stack.pid(region, 'kafka')]),
  );
  const servers = pids.flatMap((pid) => (pid === undefined ? [] : (identify(pid) ?? [])));
  return [...servers, ...descendants(servers)];
}

describe('a stack of two regions', () => {
  let stack: OwnedDevStack;
  const steps: string[] = [];

  beforeAll(async () => {
    stack = await startStack({
      regions: ['us', 'eu'],
      portBase: 0,
      latency: { default: { oneWayMillis: 25, jitterMillis: 0 }, links: {} },
      onProgress: (step) => steps.push(step),
    });
    for (const { kafkaBrokers } of stack.regions) {
      const admin = kafkaAt(kafkaBrokers).admin();
      await admin.connect();
      await admin.createTopics({ topics: [{ topic: 'spec', numPartitions: 1 }], waitForLeaders: true });
      await admin.disconnect();
    }
  });

  afterAll(async () => {
    await stack?.stop();
  });

  it('tells what it started', () => {
    expect(steps).toEqual(
      expect.arrayContaining([
        'start Postgres of us',
        'start Postgres of eu',
        'start Kafka of us',
        'start Kafka of eu',
      ]),
    );
  });

  it('gives each region a durable Postgres of its own, fit for logical decoding', async () => {
    const names = [
      'fsync',
      'synchronous_commit',
      'wal_level',
      'max_connections',
      'shared_buffers',
      'server_encoding',
    ];
    const shown = names.map((name) => `current_setting('${name}') as ${name}`).join();
    const rows = await query(stack.region('us').postgresUrl, `select ${shown}`);
    expect(rows).toEqual([
      {
        fsync: 'on',
        synchronous_commit: 'on',
        wal_level: 'logical',
        max_connections: '100',
        shared_buffers: '128MB',
        server_encoding: 'UTF8',
      },
    ]);
    await query(stack.region('us').postgresUrl, 'create table only_here (id int)');
    const found = "select to_regclass('only_here') is not null as here";
    expect(await query(stack.region('us').postgresUrl, found)).toEqual([{ here: true }]);
    expect(await query(stack.region('eu').postgresUrl, found)).toEqual([{ here: false }]);
  });

  it('carries records of a peer through the link', async () => {
    const { kafkaBrokersFrom } = stack.region('eu');
    await produce(kafkaBrokersFrom('us'), 'spec', 'from us');
    expect(await consume(kafkaBrokersFrom('eu'), 'spec', 1)).toEqual(['from us']);
    const through = await stack.link('us', 'eu').status();
    expect(through.bytes.forward).toBeGreaterThan(0);
    const metadata = await kafkaAt(kafkaBrokersFrom('us')).admin();
    await metadata.connect();
    const { brokers } = await metadata.describeCluster();
    await metadata.disconnect();
    expect(brokers.map(({ host, port }) => `${host}:${port}`)).toEqual(kafkaBrokersFrom('us'));
  });

  it('does not carry records across a cut, and does after the heal', async () => {
    const link = stack.link('us', 'eu');
    await link.cut();
    let sent = false;
    const sending = produce(stack.region('eu').kafkaBrokersFrom('us'), 'spec', 'late').then(
      () => (sent = true),
    );
    await until(async () => (await link.status()).queuedBytes > 0);
    await produce(stack.region('eu').kafkaBrokers, 'spec', 'local');
    expect(sent).toBe(false);
    await link.heal();
    await sending;
    expect(await consume(stack.region('eu').kafkaBrokers, 'spec', 3)).toEqual(['from us', 'local', 'late']);
  });

  it('leads gRPC to the port that was set', async () => {
    const server = createServer((socket) => socket.end('here')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
    await stack.grpcTarget('eu', address.port);
    const [host, port] = stack.region('eu').grpcFrom('us').split(':');
    const socket = connect({ host, port: Number(port) });
    const [text] = (await once(socket.setEncoding('utf8'), 'data')) as [string];
    socket.destroy();
    server.close();
    expect(text).toBe('here');
  });

  it('kills Postgres with all its processes and starts it on the same data', async () => {
    const url = stack.region('us').postgresUrl;
    await query(url, 'create table kept as select 42 as answer');
    const victim = identify((await stack.pid('us', 'postgres')) ?? 0);
    if (victim === undefined) throw new Error('Postgres is not running');
    const doomed = [victim, ...descendants([victim])];
    expect(doomed.length).toBeGreaterThan(3);

    await stack.kill('us', 'postgres');
    expect(doomed.filter(isAlive)).toEqual([]);
    expect(await stack.pid('us', 'postgres')).toBeUndefined();
    await expect(query(url, 'select 1')).rejects.toThrow('ECONNREFUSED');

    await stack.start('us', 'postgres');
    expect(await query(url, 'select answer from kept')).toEqual([{ answer: 42 }]);
    expect(await stack.pid('us', 'postgres')).not.toBe(victim.pid);
  });

  it('kills a broker and starts it on the same records', async () => {
    const { kafkaBrokers } = stack.region('us');
    await produce(kafkaBrokers, 'spec', 'before the kill');
    const victim = await stack.pid('us', 'kafka');
    await stack.kill('us', 'kafka');
    expect(await stack.pid('us', 'kafka')).toBeUndefined();
    expect(identify(victim ?? 0)).toBeUndefined();
    await stack.start('us', 'kafka');
    await produce(kafkaBrokers, 'spec', 'after the start');
    expect(await consume(kafkaBrokers, 'spec', 2)).toEqual(['before the kill', 'after the start']);
  });

  it('lets another process find it and use its controls', async () => {
    const attached = attachStack(JSON.parse(JSON.stringify(stack.descriptor)) as StackDescriptor);
    expect(await attached.pid('eu', 'kafka')).toBe(await stack.pid('eu', 'kafka'));
    await attached.link('us', 'eu').cut('from-to');
    expect((await stack.link('us', 'eu').status()).cut).toEqual({ direction: 'from-to', mode: 'blackhole' });
    await attached.link('us', 'eu').setBandwidth(undefined);
    await attached.link('us', 'eu').heal();
    expect(await attached.link('us', 'eu').status()).toEqual(await stack.link('us', 'eu').status());
    await expect(attached.kill('mars', 'kafka')).rejects.toMatchObject({ code: 'not_found' });
    expect(findStack(stack.descriptor.portBase).descriptor).toEqual(stack.descriptor);
  });

  it('does not share its ports with a second stack, which says so and leaves nothing', async () => {
    const { portBase } = stack.descriptor;
    const second = startStack({ regions: ['us'], portBase: portBase + 100 });
    await expect(second).rejects.toMatchObject({ code: 'port_in_use' });
    expect(await query(stack.region('us').postgresUrl, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('leaves nothing behind when it is stopped', async () => {
    const processes = await processesOf(stack);
    const client = new pg.Client({ connectionString: stack.region('eu').postgresUrl });
    client.on('error', () => undefined);
    await client.connect();
    const begun = performance.now();
    await stack.stop();
    expect(performance.now() - begun).toBeLessThan(4_000);
    expect(await leftovers(stack.descriptor, processes)).toEqual([]);
  });
});

describe('a stack in a process of its own', () => {
  /** Runs source files with plain node, which knows types but not that a `.js` import may be a `.ts` file. */
  const hooks = `import { registerHooks } from 'node:module';
    registerHooks({ resolve(name, context, next) {
      try { return next(name, context); } catch (error) {
        if (!name.endsWith('.js')) throw error;
        return next(name.slice(0, -3) + '.ts', context);
      } } });`;

  async function startChild(options: object): Promise<{ child: ChildProcess; descriptor: StackDescriptor }> {
    const script = `
      const { startStack } = await import(${JSON.stringify(new URL('./stack.ts', import.meta.url).href)});
      const stack = await startStack(${JSON.stringify(options)});
      process.stdout.write(JSON.stringify(stack.descriptor) + '\\n');`;
    const args = [
      '--conditions=atoll-source',
      `--import=data:text/javascript,${encodeURIComponent(hooks)}`,
      ...['--input-type=module', '-e', script],
    ];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    await until(() => output.includes('\n') || child.exitCode !== null);
    return { child, descriptor: JSON.parse(output) as StackDescriptor };
  }

  it.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)('leaves nothing behind after %s', async (name) => {
    const handleSignals = name !== 'SIGKILL';
    const { child, descriptor } = await startChild({ regions: ['us'], portBase: 0, handleSignals });
    const processes = await processesOf(attachStack(descriptor));
    expect(processes.length).toBeGreaterThan(4);
    const exited = once(child, 'exit');
    child.kill(name);
    expect(await exited).toEqual([null, name]);
    await until(async () => (await leftovers(descriptor, processes)).length === 0);
  });

  it('is cleaned up after by the next one that wants its ports when its watcher was killed too', async () => {
    const { child, descriptor } = await startChild({ regions: ['us'], portBase: 0 });
    const processes = await processesOf(attachStack(descriptor));
    const me = identify(child.pid ?? 0);
    const servers = new Set(processes.map(({ pid }) => pid));
    const watcher = descendants(me === undefined ? [] : [me]).filter(({ pid }) => !servers.has(pid));
    expect(watcher).toHaveLength(1);
    for (const { pid } of watcher) process.kill(pid, 'SIGKILL');
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    expect(processes.filter(isAlive).length).toBe(processes.length);

    const next = await startStack({ regions: ['us'], portBase: descriptor.portBase });
    expect(processes.filter(isAlive)).toEqual([]);
    await next.stop();
    expect(await leftovers(descriptor, processes)).toEqual([]);
  });
});

describe('a stack whose data is kept', () => {
  it('finds its rows and records again, and does not share its directory', async () => {
    const persist = mkdtempSync(join(tmpdir(), 'atoll-keep-'));
    rmSync(persist, { recursive: true });
    const options = { regions: ['us'], portBase: 0, persist };
    try {
      const first = await startStack(options);
      await query(first.region('us').postgresUrl, 'create table kept as select 7 as answer');
      const admin = kafkaAt(first.region('us').kafkaBrokers).admin();
      await admin.connect();
      await admin.createTopics({ topics: [{ topic: 'kept' }] });
      await admin.disconnect();
      await expect(startStack(options)).rejects.toMatchObject({ code: 'directory_unusable' });
      const begun = performance.now();
      await first.stop();
      expect(performance.now() - begun).toBeLessThan(4_000);

      const second = await startStack(options);
      expect(await query(second.region('us').postgresUrl, 'select answer from kept')).toEqual([
        { answer: 7 },
      ]);
      const again = kafkaAt(second.region('us').kafkaBrokers).admin();
      await again.connect();
      expect(await again.listTopics()).toContain('kept');
      await again.disconnect();
      await second.stop();
    } finally {
      rmSync(persist, { recursive: true, force: true });
    }
  });
});

describe('a stack that cannot start', () => {
  const environment = { ...process.env };
  const externalKafka = { us: { kafkaBrokers: ['127.0.0.1:9'] } };

  async function failure(options: Parameters<typeof startStack>[0]): Promise<DevStackError> {
    try {
      const stack = await startStack({ regions: ['us'], portBase: 0, ...options });
      await stack.stop();
    } catch (error) {
      if (error instanceof DevStackError) return error;
      throw error;
    } finally {
      process.env = { ...environment };
    }
    throw new Error('the stack has started');
  }

  it('says what to install when there is no Java', async () => {
    process.env['JAVA_HOME'] = '';
    process.env['PATH'] = '/nowhere';
    const { code, message } = await failure({ external: { us: { postgresUrl: 'postgres://elsewhere' } } });
    expect({ code, message }).toEqual({
      code: 'java_missing',
      message: expect.stringContaining('openjdk-17'),
    });
  });

  it('names the port and the program part when a port is taken', async () => {
    const blocker = createServer();
    // A block whose Postgres port is the blocker's: 40 above its base.
    await until(async () => {
      const base = 40_000 + Math.floor(Math.random() * 80) * 300;
      blocker.listen(base + 40, '127.0.0.1');
      await Promise.race([once(blocker, 'listening'), once(blocker, 'error')]);
      return blocker.listening;
    });
    const address = blocker.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    const { code, message } = await failure({ portBase: port - 40 });
    expect({ code, message }).toEqual({
      code: 'port_in_use',
      message: expect.stringContaining(`port ${port} (Postgres of us)`),
    });
    blocker.close();
  });

  it.each([
    [{ regions: [] }, 'not 0'],
    [{ regions: ['US'] }, '"US" is no region name'],
    [{ regions: ['us', 'us'] }, 'named twice'],
    [{ portBase: 80 }, 'port base'],
    [{ latency: '/nowhere/delays.json' }, '/nowhere/delays.json'],
    [{ latency: { default: { oneWayMillis: -1, jitterMillis: 0 }, links: {} } }, 'oneWayMillis'],
  ])('refuses the options %j', async (options, words) => {
    expect(await failure(options)).toMatchObject({
      code: 'bad_option',
      message: expect.stringContaining(words),
    });
  });

  it('takes servers from elsewhere by option and by environment', async () => {
    process.env['ATOLL_DEV_POSTGRES_US'] = 'postgres://elsewhere/db';
    const stack = await startStack({ regions: ['us'], portBase: 0, external: externalKafka });
    process.env = { ...environment };
    try {
      expect(stack.region('us').postgresUrl).toBe('postgres://elsewhere/db');
      expect(stack.region('us').kafkaBrokers).toEqual(['127.0.0.1:9']);
      expect(await processesOf(stack)).toEqual([]);
      await expect(stack.kill('us', 'kafka')).rejects.toMatchObject({ code: 'bad_option' });
    } finally {
      await stack.stop();
    }
  });
});
