import { randomUUID } from 'node:crypto';
import {
  Admin,
  Consumer,
  findErrorBy,
  ListOffsetTimestamps,
  ProduceAcks,
  Producer,
  type BaseOptions,
} from '@platformatic/kafka';
import type { OutgoingRecord } from '#flow/ports/transport.js';
import { asBuffer } from './bytes.js';
import { hasNames, tlsOptionsOf, type Cluster } from './cluster.js';
import { within } from './deadline.js';
import { macHeader, type KafkaDriver, type PartitionRange, type Sender } from './driver.js';
import { readWithPlatformatic } from './platformatic-reader.js';
import { limits, type KafkaSettings } from './settings.js';
import { checkPartitions, type TopicShape } from './topics.js';

/** A new topic is unknown to the broker for a moment after the controller created it. */
const metadataRetries = 20;

const macHeaderKey = Buffer.from(macHeader);

/** @platformatic/kafka 2: faster at producing, and it fetches without any consumer group. */
export function platformaticDriver(settings: KafkaSettings): KafkaDriver {
  const options = (cluster: Cluster): BaseOptions => ({
    clientId: settings.clientId,
    bootstrapBrokers: [...cluster.brokers],
    ...securityOf(cluster),
    connectTimeout: limits.connectMillisMax,
    requestTimeout: limits.requestMillisMax,
    timeout: limits.requestMillisMax,
    metadataMaxAge: limits.metadataMillisMax,
    retries: 1, // more would only hide from us that a broker is gone; we try for ever above it
    retryDelay: 50,
    autocreateTopics: false,
  });
  /** The group is a name that the client wants to have; it is never joined. */
  const consumer = (cluster: Cluster): Consumer =>
    new Consumer({ ...options(cluster), groupId: `atoll.${settings.region}.${randomUUID()}` });

  return {
    createTopics(cluster, shapes) {
      const admin = new Admin(options(cluster));
      return andClose(admin, () => createTopics(admin, shapes));
    },
    ranges(cluster, topics) {
      const asking = consumer(cluster);
      return andClose(asking, () => rangesOf(asking, topics));
    },
    sender: (cluster) => new PlatformaticSender(new Producer({ ...options(cluster), retries: 0 })),
    read: (cluster, reading) => readWithPlatformatic(consumer(cluster), reading),
  };
}

const mechanisms = {
  plain: 'PLAIN',
  'scram-sha-256': 'SCRAM-SHA-256',
  'scram-sha-512': 'SCRAM-SHA-512',
} as const;

function securityOf(cluster: Cluster): Pick<BaseOptions, 'tls' | 'tlsServerName' | 'sasl'> {
  const { tls, sasl } = cluster;
  return {
    ...(tls === undefined ? {} : { tls: tlsOptionsOf(tls), tlsServerName: hasNames(cluster) }),
    ...(sasl === undefined ? {} : { sasl: { ...sasl, mechanism: mechanisms[sasl.mechanism] } }),
  };
}

async function andClose<T>(client: { close(): Promise<void> }, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    void within(limits.closeMillisMax, 'closing a client', client.close()).catch(() => undefined);
  }
}

async function createTopics(admin: Admin, shapes: readonly TopicShape[]): Promise<boolean> {
  const existing = new Set(await admin.listTopics());
  const missing = shapes.filter(({ name }) => !existing.has(name));
  for (const shape of missing) {
    try {
      await admin.createTopics({
        topics: [{ topic: shape.name, partitions: shape.partitions, replicas: shape.replicationFactor }],
        configs: Object.entries(shape.config).map(([name, value]) => ({ name, value })),
      });
    } catch (error) {
      // Another process was faster: what matters is what is there now.
      if (findErrorBy(error as Error, 'apiId', 'TOPIC_ALREADY_EXISTS') === null) throw error;
    }
  }
  const topics = shapes.map(({ name }) => name);
  const metadata = await admin.metadata({ topics, forceUpdate: true, retries: metadataRetries });
  for (const shape of shapes) {
    const found = metadata.topics.get(shape.name);
    if (found === undefined) throw new Error(`the cluster does not know topic ${shape.name} yet`);
    checkPartitions(shape, found.partitionsCount);
  }
  return missing.length > 0;
}

async function rangesOf(consumer: Consumer, topics: readonly string[]): Promise<PartitionRange[]> {
  const names = [...topics];
  const earliest = await consumer.listOffsets({ topics: names, timestamp: ListOffsetTimestamps.EARLIEST });
  const end = await consumer.listOffsets({ topics: names, timestamp: ListOffsetTimestamps.LATEST });
  return names.flatMap((topic) =>
    (end.get(topic) ?? []).map((offset, partition) => ({
      topic,
      partition,
      earliest: earliest.get(topic)?.[partition] ?? 0n,
      end: offset,
    })),
  );
}

class PlatformaticSender implements Sender {
  readonly #producer: Producer;

  constructor(producer: Producer) {
    this.#producer = producer;
  }

  async send(topic: string, records: readonly OutgoingRecord[]): Promise<void> {
    await this.#producer.send({
      acks: ProduceAcks.ALL,
      idempotent: false, // receivers order and deduplicate by seq
      messages: records.map((record) => ({
        topic,
        partition: record.shard,
        key: Buffer.from(record.key),
        value: asBuffer(record.value),
        headers: new Map([[macHeaderKey, asBuffer(record.mac)]]),
      })),
    });
  }

  close(): Promise<void> {
    return this.#producer.close(true);
  }
}
