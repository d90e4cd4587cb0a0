import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StackDescriptor } from './dev-stack.js';
import { leftovers, processesOf } from './leftovers.js';
import { descendants, identify, isAlive } from './processes.js';
import { attachStack, findStack, startStack, type OwnedDevStack } from './stack.js';

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
    const metadata = kafkaAt(kafkaBrokersFrom('us')).admin();
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
