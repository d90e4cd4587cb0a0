import { randomUUID } from 'node:crypto';
import {
  CompressionTypes,
  Kafka,
  logLevel,
  Partitioners,
  type Admin,
  type Consumer,
  type Producer,
  type SASLOptions,
} from 'kafkajs';
import type { OutgoingRecord } from '#flow/ports/transport.js';
import { asBuffer } from './bytes.js';
import { tlsOptionsOf, type Cluster, type ClusterSasl } from './cluster.js';
import { within } from './deadline.js';
import {
  macHeader,
  type KafkaDriver,
  type PartitionRange,
  type Reader,
  type Reading,
  type Sender,
} from './driver.js';
import { readWithKafkajs } from './kafkajs-reader.js';
import { silenceNegativeTimeouts } from './kafkajs-warning.js';
import { limits, type KafkaLog, type KafkaSettings } from './settings.js';
import { checkPartitions, type TopicShape } from './topics.js';

/** Attempts within one call of the client. More would only hide from us that a broker is gone; we try for ever above it. */
const retry = { retries: 1, initialRetryTime: 50, maxRetryTime: 200 } as const;

/** kafkajs 2: pure JavaScript, no native parts. One producer per sender, since it is awaited send by send. */
export function kafkajsDriver(settings: KafkaSettings): KafkaDriver {
  silenceNegativeTimeouts();
  const client = ({ brokers, tls, sasl }: Cluster): Kafka =>
    new Kafka({
      clientId: settings.clientId,
      brokers: [...brokers],
      ...(tls === undefined ? {} : { ssl: tlsOptionsOf(tls) }),
      ...(sasl === undefined ? {} : { sasl: saslOf(sasl) }),
      connectionTimeout: limits.connectMillisMax,
      requestTimeout: limits.requestMillisMax,
      retry,
      logLevel: logLevel.WARN,
      logCreator: () => (entry) =>
        noise(settings.log, entry.namespace, entry.log.message, entry.log['error']),
    });

  return {
    createTopics: (cluster, shapes) => asAdmin(client(cluster), (admin) => createTopics(admin, shapes)),
    ranges: (cluster, topics) => asAdmin(client(cluster), (admin) => rangesOf(admin, topics)),
    sender: (cluster) => new KafkajsSender(client(cluster)),
    read(cluster: Cluster, reading: Reading): Promise<Reader> {
      const consumer: Consumer = client(cluster).consumer({
        // A group of its own for each reader: nobody to share partitions with, no former member to wait for.
        groupId: `atoll.${settings.region}.${randomUUID()}`,
        sessionTimeout: 60_000,
        rebalanceTimeout: limits.openMillisMax,
        heartbeatInterval: 10_000,
        metadataMaxAge: limits.metadataMillisMax,
        minBytes: 1,
        maxWaitTimeInMs: limits.fetchWaitMillis,
        maxBytes: limits.fetchBytesMax,
        maxBytesPerPartition: limits.fetchPartitionBytesMax,
        allowAutoTopicCreation: false,
        // A consumer that crashed stays down: the subscription opens another one, at once and where it ended.
        retry: { ...retry, restartOnFailure: () => Promise.resolve(false) },
      });
      return readWithKafkajs(consumer, reading);
    },
  };
}

/** The same three fields; its type has a member per mechanism. */
function saslOf({ mechanism, username, password }: ClusterSasl): SASLOptions {
  return { mechanism, username, password } as SASLOptions;
}

/** kafkajs calls every lost connection an error; what matters of it is said by whoever called. */
function noise(log: KafkaLog | undefined, namespace: string, message: string, error: unknown): void {
  log?.({ level: 'debug', message: `kafkajs ${namespace}: ${message}`, cause: error });
}

async function asAdmin<T>(kafka: Kafka, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafka.admin();
  try {
    await admin.connect();
    return await work(admin);
  } finally {
    void within(limits.closeMillisMax, 'closing an admin client', admin.disconnect()).catch(() => undefined);
  }
}

async function createTopics(admin: Admin, shapes: readonly TopicShape[]): Promise<boolean> {
  const existing = new Set(await admin.listTopics());
  const missing = shapes.filter((shape) => !existing.has(shape.name));
  if (missing.length > 0) {
    // Answers false when another process was faster: the check below looks at whatever is there now.
    await admin.createTopics({
      topics: missing.map((shape) => ({
        topic: shape.name,
        numPartitions: shape.partitions,
        replicationFactor: shape.replicationFactor,
        configEntries: Object.entries(shape.config).map(([name, value]) => ({ name, value })),
      })),
    });
  }
  const { topics } = await admin.fetchTopicMetadata({ topics: shapes.map((shape) => shape.name) });
  for (const shape of shapes) {
    const found = topics.find((topic) => topic.name === shape.name);
    if (found === undefined) throw new Error(`the cluster does not know topic ${shape.name} yet`);
    checkPartitions(shape, found.partitions.length);
  }
  return missing.length > 0;
}

async function rangesOf(admin: Admin, topics: readonly string[]): Promise<PartitionRange[]> {
  const perTopic = await Promise.all(
    topics.map(async (topic) =>
      (await admin.fetchTopicOffsets(topic)).map(({ partition, low, high }) => ({
        topic,
        partition,
        earliest: BigInt(low),
        end: BigInt(high),
      })),
    ),
  );
  return perTopic.flat();
}

class KafkajsSender implements Sender {
  readonly #producer: Producer;
  #connected: Promise<void> | undefined;

  constructor(kafka: Kafka) {
    this.#producer = kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner, // never asked: every record names its partition
      idempotent: false, // receivers order and deduplicate by seq
      metadataMaxAge: limits.metadataMillisMax,
      retry,
    });
  }

  async send(topic: string, records: readonly OutgoingRecord[]): Promise<void> {
    this.#connected ??= this.#producer.connect();
    await this.#connected;
    await this.#producer.send({
      topic,
      acks: -1,
      timeout: limits.requestMillisMax,
      compression: CompressionTypes.None,
      messages: records.map((record) => ({
        partition: record.shard,
        key: record.key,
        value: asBuffer(record.value),
        headers: { [macHeader]: asBuffer(record.mac) },
      })),
    });
  }

  close(): Promise<void> {
    return this.#producer.disconnect();
  }
}
