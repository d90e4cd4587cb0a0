import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { topicOf, TransportUnavailable } from '#flow/ports/transport.js';
import { Receiver, Writer } from '#kit/contracts/transport-lab.js';
import {
  driverNames,
  LabBroker,
  pairIn,
  untilPublished,
  type KafkaLab,
} from '../../../test/integration/kafka-lab.js';
import { until } from '../../../test/integration/until.js';
import { KafkaTransport } from './kafka-transport.js';
import { PartitionMismatch } from './topics.js';

let broker: LabBroker;
beforeAll(() => void (broker = new LabBroker('ap')));

describe.each(driverNames)('topics by %s', (driver) => {
  let lab: KafkaLab;
  beforeEach(() => void (lab = broker.open(driver)));
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
    await broker.asAdmin((admin) => admin.deleteTopics({ topics: [topicOf(writer.region)] }));
    await untilPublished(writer, writer.make(4));
    await until(() => receiver.hasAllOf(writer));
  });

  it('are read from what is left when retention took the position', async () => {
    const writer = new Writer(lab, lab.writers[0]);
    await writer.publish(Array.from({ length: 10 }, () => writer.record(0)));
    const topic = topicOf(writer.region);
    await broker.asAdmin(async (admin) => {
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
    const end = await broker.asAdmin(async (admin) => {
      await transport.open();
      const [partition] = await admin.fetchTopicOffsets('atoll.control');
      return BigInt(partition?.high ?? 0);
    });
    await transport.announce('eu', Uint8Array.of(1, 2), Uint8Array.of(3));
    const [after] = await broker.asAdmin((admin) => admin.fetchTopicOffsets('atoll.control'));
    expect(BigInt(after?.high ?? 0)).toBe(end + 1n);
    await transport.close();
  });
});

/** Both drivers meet the same broker at once: it takes seconds until one is given up. */
describe('a broker under each driver', () => {
  let labs: readonly KafkaLab[];
  const withEach = <T>(work: (lab: KafkaLab) => Promise<T>): Promise<T[]> => Promise.all(labs.map(work));
  beforeEach(() => void (labs = driverNames.map((driver) => broker.open(driver))));
  afterEach(() => withEach((lab) => lab.close()));

  it('that stops answering without closing anything is given up in time, and used again when it answers', async () => {
    const pairs = await withEach(async (lab) => ({ lab, ...(await pairIn(lab)) }));
    for (const { writer } of pairs) await writer.publish(writer.make(4));
    const pid = await broker.pid();
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
    await broker.kill();
    const reading = await withEach(async (lab) => {
      const transport = new KafkaTransport(lab.settings(lab.reader));
      await transport.open();
      const receiver = new Receiver();
      await transport.subscribe([], receiver.deliver);
      expect(transport.isConnected()).toBe(false);
      return { lab, transport, receiver };
    });
    await broker.start();
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
    const lab = broker.open(writes);
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
      const lab = broker.open(driver);
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
