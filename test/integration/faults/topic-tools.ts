import { readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { Kafka, logLevel, Partitioners, type KafkaMessage } from 'kafkajs';
import pg from 'pg';
import { timingDefault } from '#flow/limits.js';
import { topicOf } from '#flow/ports/transport.js';
import type { FaultLab } from './fault-lab.js';
import { until } from '../until.js';

/** A region's own cluster. */
export function clusterOf({ stack }: FaultLab, region: string): Kafka {
  const brokers = [...stack.region(region).kafkaBrokers];
  return new Kafka({ clientId: 'fault-lab', brokers, logLevel: logLevel.NOTHING, retry: { retries: 10 } });
}

interface Record {
  readonly partition: number;
  readonly message: KafkaMessage;
}

/** Every record that a topic holds by now. */
async function readTopic(cluster: Kafka, topic: string): Promise<readonly Record[]> {
  const admin = cluster.admin();
  await admin.connect();
  const offsets = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const ends = new Map(
    offsets.filter(({ low, high }) => low !== high).map(({ partition, high }) => [partition, BigInt(high)]),
  );
  const records: Record[] = [];
  if (ends.size === 0) return records;
  const { promise: whole, resolve } = Promise.withResolvers<void>();
  const consumer = cluster.consumer({ groupId: `fault-lab-${Math.random()}` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    async eachMessage({ partition, message }) {
      const end = ends.get(partition);
      if (end === undefined) return;
      records.push({ partition, message });
      if (BigInt(message.offset) + 1n >= end) ends.delete(partition);
      if (ends.size === 0) resolve();
    },
  });
  await whole;
  await consumer.disconnect();
  return records;
}

/** Sends every record of a region's topic on a cluster so many times again; gives how many there were. */
export async function repeatTopic(
  lab: FaultLab,
  { cluster, origin, times }: { readonly cluster: string; readonly origin: string; readonly times: number },
): Promise<number> {
  const kafka = clusterOf(lab, cluster);
  const topic = topicOf(origin);
  const records = await readTopic(kafka, topic);
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  for (let time = 0; time < times; time += 1) {
    for (let from = 0; from < records.length; from += 500) {
      const messages = records.slice(from, from + 500).map(({ partition, message }) => ({
        ...{ partition, key: message.key, value: message.value },
        ...(message.headers ? { headers: message.headers } : {}),
      }));
      await producer.send({ topic, messages });
    }
  }
  await producer.disconnect();
  return records.length;
}

const otherSessions = `
  select pid from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`;

const leasedShards = `
  select 1 from atoll.shard_owner where lease_until > clock_timestamp()
  union all
  select 1 from atoll.process where last_seen > clock_timestamp() - make_interval(secs => $1::float8 / 1000)`;

/** Has a region that is down read every topic again from its start. */
export async function forgetPositions(lab: FaultLab, region: string): Promise<void> {
  const client = new pg.Client({ connectionString: lab.databaseUrl(region) });
  await client.connect();
  try {
    // A backend carries out what a killed service had sent it: the positions that it saved last would come after ours.
    await until(async () => (await client.query(otherSessions)).rowCount === 0);
    // What passes by a process before it owns the shard is fetched instead: the next one has to own all of them when it begins to read.
    const leased = [timingDefault.leaseMillis];
    await until(async () => (await client.query(leasedShards, leased)).rowCount === 0);
    for (const origin of lab.regions.filter((other) => other !== region)) {
      await client.query(
        `insert into atoll.kafka_position (topic, partition, "offset")
         select $1, partition, '0' from generate_series(0, 15) partition
         on conflict (topic, partition) do update set "offset" = '0'`,
        [topicOf(origin)],
      );
    }
  } finally {
    await client.end();
  }
}

/** The file with the records of one partition, as the broker of a region keeps it. */
export interface PartitionFile {
  bytes(): number;
  /** Only while the broker is down. */
  truncate(bytes: number): void;
}

export function partitionFile(
  lab: FaultLab,
  place: { region: string; origin: string; shard: number },
): PartitionFile {
  const root = join(lab.dataDirectory(place.region), 'kafka');
  const folder = `${topicOf(place.origin)}-${place.shard}`;
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.includes(`${folder}/`) && path.endsWith('.log'))
    .toSorted();
  const last = files.at(-1);
  if (last === undefined) throw new Error(`the broker of ${place.region} has no ${folder}`);
  const path = join(root, last);
  return { bytes: () => statSync(path).size, truncate: (bytes) => truncateSync(path, bytes) };
}
