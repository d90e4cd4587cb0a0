import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Kafka, logLevel, Partitioners, type Admin } from 'kafkajs';
import { afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { topicOf, TransportUnavailable, type OutgoingRecord, type Transport } from '#flow/ports/transport.js';
import { transportContract, type TransportLab } from '#kit/contracts/transport.contract.js';
import { Receiver, Writer } from '#kit/contracts/transport-lab.js';
import type {} from '../../../test/integration/global-setup.js';
import { attachStack, type DevStack } from '../devstack/stack.js';
import { KafkaTransport } from './kafka-transport.js';
import { limits, type KafkaDriverName, type KafkaSettings } from './settings.js';
import { PartitionMismatch } from './topics.js';

let stack: DevStack;
beforeAll(() => void (stack = attachStack(inject('devStack'))));

const shards = 4;

/** Polls until the condition holds; the test's own time limit ends a wait in vain. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(5);
}

interface KafkaLab extends TransportLab {
  settings(region: string): KafkaSettings;
}

/** Regions with new names, so that every test has topics of its own; all of them use the one broker. */
function openLab(driver: KafkaDriverName): KafkaLab {
  const run = randomBytes(4).toString('hex');
  const reader = `eu-${run}`;
  const writers = [`us-${run}`, `ap-${run}`] as const;
  const transports: KafkaTransport[] = [];
  const settings = (region: string): KafkaSettings => ({
    driver,
    region,
    brokers: Object.fromEntries([reader, ...writers].map((name) => [name, stack.region('eu').kafkaBrokers])),
    shards,
    clientId: `spec-${region}`,
  });
  return {
    settings,
    shards,
    reader,
    writers,
    publishMillisMax: limits.publishMillisMax + 500,
    transport(region) {
      const transport = new KafkaTransport(settings(region));
      transports.push(transport);
      return transport;
    },
    run: (work) => work,
    until,
    aWhile: () => pause(50),
    elapsedMillis: () => performance.now(),
    crash: () => stack.kill('eu', 'kafka'),
    restart: () => stack.start('eu', 'kafka'),
    inject: injectRecord,
    buffered: (transport) => ({
      bytes: transport instanceof KafkaTransport ? transport.bufferedBytes : Infinity,
      bytesMax: limits.bufferedBytesMax + limits.fetchBytesMax,
    }),
    async close() {
      await stack.start('eu', 'kafka'); // a test that failed in between must not fail all others
      await Promise.all(transports.map((transport) => transport.close()));
    },
  };
}

/** A reader that reads from the end, and a writer. */
async function pairIn(lab: KafkaLab): Promise<{ receiver: Receiver; writer: Writer; reading: Transport }> {
  const receiver = new Receiver();
  const reading = lab.transport(lab.reader);
  await reading.subscribe([], receiver.deliver);
  return { receiver, writer: new Writer(lab, lab.writers[0]), reading };
}

async function untilPublished(writer: Writer, records: readonly OutgoingRecord[]): Promise<void> {
  for (;;) {
    try {
      return await writer.publish(records);
    } catch (error) {
      if (!(error instanceof TransportUnavailable)) throw error;
      await pause(50);
    }
  }
}

async function asAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = stranger().admin();
  await admin.connect();
  return work(admin).finally(() => admin.disconnect());
}

/** Somebody who is no process of ours. */
function stranger(): Kafka {
  return new Kafka({
    clientId: 'stranger',
    brokers: [...stack.region('eu').kafkaBrokers],
    logLevel: logLevel.NOTHING,
  });
}

async function injectRecord(origin: string, shard: number, value: Uint8Array): Promise<void> {
  const producer = stranger().producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  await producer.send({
    topic: `atoll.events.${origin}`,
    messages: [{ partition: shard, key: 'x', value: Buffer.from(value) }],
  });
  await producer.disconnect();
}

const driverNames = ['kafkajs', 'platformatic'] as const;

for (const driver of driverNames) {
  transportContract(`Kafka by ${driver}`, () => Promise.resolve(openLab(driver)));
}

describe.each(driverNames)('topics by %s', (driver) => {
  let lab: KafkaLab;
  beforeEach(() => void (lab = openLab(driver)));
  afterEach(() => lab.close());

  it('are created with one partition per shard, and refused with both numbers when they have another count', async () => {
    const first = new KafkaTransport(lab.settings(lab.reader));
    await first.open();
    await first.open();
    const other = new KafkaTransport({ ...lab.settings(lab.reader), shards: 5 });
    await expect(other.open()).rejects.toThrow(/has 4 partitions, but there are 5 shards/);
    await expect(other.open()).rejects.toBeInstanceOf(PartitionMismatch);
    const publishing = other.publish(lab.reader, 0, [new Writer(lab, lab.reader).record(0)]);
    await expect(publishing).rejects.toThrow(TransportUnavailable);
    await expect(publishing).rejects.toThrow(/4 partitions, but there are 5 shards/);
    await Promise.all([first.close(), other.close()]);
  });

  it('are created by whoever needs them first, however many do at once', async () => {
    const writers = Array.from({ length: 3 }, () => new Writer(lab, lab.writers[0]));
    await Promise.all(writers.map((writer) => writer.publish(writer.make(4))));
  });

  it('may be deleted and created anew while they are read', async () => {
    const { receiver, writer } = await pairIn(lab);
    await writer.publish(writer.make(40));
    await until(() => receiver.hasAllOf(writer));
    await asAdmin((admin) => admin.deleteTopics({ topics: [topicOf(writer.region)] }));
    await untilPublished(writer, writer.make(4));
    await until(() => receiver.hasAllOf(writer));
  });

  it('are read from what is left when retention took the position', async () => {
    const writer = new Writer(lab, lab.writers[0]);
    await writer.publish(Array.from({ length: 10 }, () => writer.record(0)));
    const topic = topicOf(writer.region);
    await asAdmin(async (admin) => {
      await admin.fetchTopicOffsets(topic); // or it does not know the leader
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '6' }] });
    });
    const receiver = new Receiver();
    await lab.transport(lab.reader).subscribe([{ topic, partition: 0, offset: '2' }], receiver.deliver);
    await until(() => receiver.records.length === 4);
    expect(receiver.firstSeen(writer.region, 0)).toEqual(writer.written.get(0)?.slice(6));
  });

  it('of the own region are read where that is asked for', async () => {
    const transport = new KafkaTransport({ ...lab.settings(lab.reader), readsOwnTopic: true });
    const receiver = new Receiver();
    await transport.subscribe([], receiver.deliver);
    const own = new Writer(lab, lab.reader);
    await own.publish(own.make(8));
    await until(() => receiver.hasAllOf(own));
    await transport.close();
  });

  it('have a sibling for announcements', async () => {
    const transport = new KafkaTransport(lab.settings(lab.reader));
    const end = await asAdmin(async (admin) => {
      await transport.open();
      const [partition] = await admin.fetchTopicOffsets('atoll.control');
      return BigInt(partition?.high ?? 0);
    });
    await transport.announce('eu', Uint8Array.of(1, 2), Uint8Array.of(3));
    const [after] = await asAdmin((admin) => admin.fetchTopicOffsets('atoll.control'));
    expect(BigInt(after?.high ?? 0)).toBe(end + 1n);
    await transport.close();
  });
});

/** Both drivers meet the same broker at once: it takes seconds until one is given up. */
describe('a broker under each driver', () => {
  let labs: readonly KafkaLab[];
  const withEach = <T>(work: (lab: KafkaLab) => Promise<T>): Promise<T[]> => Promise.all(labs.map(work));
  beforeEach(() => void (labs = driverNames.map(openLab)));
  afterEach(() => withEach((lab) => lab.close()));

  it('that stops answering without closing anything is given up in time, and used again when it answers', async () => {
    const pairs = await withEach(async (lab) => ({ lab, ...(await pairIn(lab)) }));
    for (const { writer } of pairs) await writer.publish(writer.make(4));
    const pid = await stack.pid('eu', 'kafka');
    process.kill(pid!, 'SIGSTOP');
    const giveUp = async ({ lab, writer, reading }: (typeof pairs)[number]): Promise<void> => {
      const from = performance.now();
      const published = writer.transport.publish(lab.reader, 0, writer.make(1));
      await expect(published).rejects.toBeInstanceOf(TransportUnavailable);
      expect(performance.now() - from).toBeLessThan(lab.publishMillisMax);
      await until(() => !reading.isConnected());
    };
    try {
      await Promise.all(pairs.map(giveUp));
    } finally {
      process.kill(pid!, 'SIGCONT');
    }
    await Promise.all(
      pairs.map(async ({ writer, receiver }) => {
        await untilPublished(writer, writer.make(4));
        await until(() => receiver.hasAllOf(writer));
      }),
    );
  });

  it('need not be there when a process starts', async () => {
    await stack.kill('eu', 'kafka');
    const reading = await withEach(async (lab) => {
      const transport = new KafkaTransport(lab.settings(lab.reader));
      await transport.open();
      const receiver = new Receiver();
      await transport.subscribe([], receiver.deliver);
      expect(transport.isConnected()).toBe(false);
      return { lab, transport, receiver };
    });
    await stack.start('eu', 'kafka');
    await Promise.all(
      reading.map(async ({ lab, transport, receiver }) => {
        await until(() => transport.isConnected());
        const writer = new Writer(lab, lab.writers[0]);
        await untilPublished(writer, writer.make(4));
        await until(() => receiver.hasAllOf(writer));
        await transport.close();
      }),
    );
  });
});

describe('the two drivers', () => {
  it.each([
    ['kafkajs', 'platformatic'],
    ['platformatic', 'kafkajs'],
  ] as const)('understand each other: %s writes, %s reads', async (writes, reads) => {
    const lab = openLab(writes);
    const reading = new KafkaTransport({ ...lab.settings(lab.reader), driver: reads });
    const receiver = new Receiver();
    await reading.subscribe([], receiver.deliver);
    const writer = new Writer(lab, lab.writers[0]);
    const records = writer.make(8);
    await writer.publish(records);
    await until(() => receiver.hasAllOf(writer));
    const macs = receiver.records.map(({ mac }) => Buffer.from(mac ?? []).toString());
    expect(macs.sort()).toEqual(records.map(({ mac }) => Buffer.from(mac).toString()).sort());
    await reading.close();
    await lab.close();
  });

  it('leave no warning behind', async () => {
    const warnings: string[] = [];
    const note = (warning: Error): void => void warnings.push(warning.name);
    process.on('warning', note);
    for (const driver of driverNames) {
      const lab = openLab(driver);
      const { receiver, writer } = await pairIn(lab);
      await writer.publish(writer.make(4));
      await until(() => receiver.hasAllOf(writer));
      await lab.close();
    }
    process.emitWarning('of somebody else', 'TimeoutNegativeWarning');
    await until(() => warnings.length > 0);
    process.off('warning', note);
    expect(warnings).toEqual(['TimeoutNegativeWarning']);
  });
});
