import { createHash } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { cached, type Cache } from './cache.js';
import type { Java } from './java.js';
import { prepareKafkaData, startKafka, type KafkaTemplate } from './kafka-broker.js';
import type { Ledger } from './ledger.js';
import type { RegionPorts } from './ports.js';
import { signal, waitUntilGone } from './processes.js';
import type { Progress } from './progress.js';

interface Training {
  readonly template: KafkaTemplate;
  readonly ports: RegionPorts;
  readonly ledger: Ledger;
}

/**
 * The archive of loaded classes with which a broker starts in half the time, made once by a broker that starts, carries
 * one record and stops. Undefined when it cannot be made or kept: brokers then start without it.
 */
export async function classArchive(
  options: Training & {
    readonly java: Java;
    readonly key: string;
    readonly cache: Cache;
    readonly progress: Progress;
  },
): Promise<string | undefined> {
  const { template, java, key, cache, ledger, progress } = options;
  // An archive that goes away with this stack would cost more than it brings.
  if (cache.root.startsWith(ledger.runDirectory)) return undefined;
  const optionsHash = createHash('sha256').update(template.javaOptions.join('\n')).digest('hex').slice(0, 8);
  const directory = await cached({
    cache,
    name: `kafka-${key}-classes-java-${java.version}-${optionsHash}`,
    ledger,
    progress,
    build: (draft) => progress.step('train the class archive of Kafka', () => train(options, draft)),
  });
  const archive = join(directory, archiveName);
  return existsSync(archive) ? archive : undefined;
}

const archiveName = 'kafka.jsa';
const archiveMillisMax = 60_000;

async function train({ template, ports, ledger }: Training, draft: string): Promise<void> {
  const addresses = { ports, linkPortFromPeer: ports.kafkaFromPeer };
  const recording = [`-XX:ArchiveClassesAtExit=${join(draft, archiveName)}`, ...template.javaOptions];
  const broker = {
    region: 'the training run',
    addresses,
    dataDirectory: join(draft, 'broker'),
    logFile: join(draft, 'broker', 'broker.log'),
    template: { ...template, javaOptions: recording },
    ledger,
  };
  await prepareKafkaData(broker);
  const server = await startKafka(broker);
  await carryOneRecord(`127.0.0.1:${ports.kafka}`);
  signal(server.identity, 'SIGTERM');
  if (!(await waitUntilGone([server.identity], archiveMillisMax))) await server.kill();
  rmSync(broker.dataDirectory, { recursive: true, force: true });
}

/** Creates a topic, sends a record and fetches it in a group, so that those classes are archived too. */
async function carryOneRecord(broker: string): Promise<void> {
  const kafka = new Kafka({ clientId: 'atoll-training', brokers: [broker], logLevel: logLevel.NOTHING });
  const [admin, producer, consumer] = [
    kafka.admin(),
    kafka.producer(),
    kafka.consumer({ groupId: 'training' }),
  ];
  try {
    await Promise.all([admin.connect(), producer.connect(), consumer.connect()]);
    await admin.createTopics({ topics: [{ topic: 'training', numPartitions: 1 }], waitForLeaders: true });
    await producer.send({ topic: 'training', messages: [{ key: 'key', value: 'value' }] });
    await consumer.subscribe({ topic: 'training', fromBeginning: true });
    const { promise, resolve } = Promise.withResolvers<void>();
    await consumer.run({ eachMessage: async () => resolve() });
    await promise;
  } finally {
    await Promise.allSettled([consumer.disconnect(), producer.disconnect(), admin.disconnect()]);
  }
}
