import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { transportContract, type TransportLab } from '#kit/contracts/transport.contract.js';
import { Receiver, Writer } from '#kit/contracts/transport-lab.js';
import { startStack, type OwnedDevStack } from '../devstack/stack.js';
import { KafkaTransport } from './kafka-transport.js';
import { limits, type KafkaDriverName, type KafkaSettings } from './settings.js';
import { PartitionMismatch } from './topics.js';

let stack: OwnedDevStack;

beforeAll(async () => {
  // One broker is all that a transport needs; the address of a Postgres keeps the stack from starting one.
  const external = { eu: { postgresUrl: 'postgres://nobody@127.0.0.1:1/none' } };
  stack = await startStack({ regions: ['eu'], portBase: 0, latency: 'none', external });
});

afterAll(() => stack?.stop());

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
    inject,
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

async function inject(origin: string, shard: number, value: Uint8Array): Promise<void> {
  const kafka = new Kafka({
    clientId: 'stranger',
    brokers: [...stack.region('eu').kafkaBrokers],
    logLevel: logLevel.NOTHING,
  });
  const producer = kafka.producer();
  await producer.connect();
  await producer.send({
    topic: `atoll.events.${origin}`,
    messages: [{ partition: shard, key: 'x', value: Buffer.from(value) }],
  });
  await producer.disconnect();
}

for (const driver of ['kafkajs', 'platformatic'] as const) {
  transportContract(`Kafka by ${driver}`, () => Promise.resolve(openLab(driver)));
}
