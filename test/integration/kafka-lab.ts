import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Kafka, logLevel, Partitioners, type Admin } from 'kafkajs';
import { inject } from 'vitest';
import { TransportUnavailable, type OutgoingRecord, type Transport } from '#flow/ports/transport.js';
import { attachStack, type DevStack } from '#io/devstack/stack.js';
import { KafkaTransport } from '#io/kafka/kafka-transport.js';
import { limits, type KafkaDriverName, type KafkaSettings } from '#io/kafka/settings.js';
import type { TransportLab } from '#kit/contracts/transport.contract.js';
import { Receiver, Writer } from '#kit/contracts/transport-lab.js';
import type {} from './global-setup.js';
import { until } from './until.js';

export const driverNames = ['kafkajs', 'platformatic'] as const;

const shards = 4;

export interface KafkaLab extends TransportLab {
  settings(region: string): KafkaSettings;
}

/** A reader that reads from the end, and a writer. */
export async function pairIn(
  lab: KafkaLab,
): Promise<{ receiver: Receiver; writer: Writer; reading: Transport }> {
  const receiver = new Receiver();
  const reading = lab.transport(lab.reader);
  await reading.subscribe([], receiver.deliver);
  return { receiver, writer: new Writer(lab, lab.writers[0]), reading };
}

export async function untilPublished(writer: Writer, records: readonly OutgoingRecord[]): Promise<void> {
  for (;;) {
    try {
      return await writer.publish(records);
    } catch (error) {
      if (!(error instanceof TransportUnavailable)) throw error;
      await pause(50);
    }
  }
}

/** One broker of the shared dev stack, for a suite of its own: no other suite may use it while this one stops and kills it. */
export class LabBroker {
  private readonly stack: DevStack;

  constructor(private readonly region: string) {
    this.stack = attachStack(inject('devStack'));
  }

  kill(): Promise<void> {
    return this.stack.kill(this.region, 'kafka');
  }

  start(): Promise<void> {
    return this.stack.start(this.region, 'kafka');
  }

  pid(): Promise<number | undefined> {
    return this.stack.pid(this.region, 'kafka');
  }

  /** Regions with new names, so that every test has topics of its own; all of them use the one broker. */
  open(driver: KafkaDriverName): KafkaLab {
    const run = randomBytes(4).toString('hex');
    const reader = `eu-${run}`;
    const writers = [`us-${run}`, `ap-${run}`] as const;
    const transports: KafkaTransport[] = [];
    const settings = (region: string): KafkaSettings => ({
      driver,
      region,
      brokers: Object.fromEntries([reader, ...writers].map((name) => [name, this.addresses])),
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
      until: (condition) => until(condition),
      aWhile: () => pause(50),
      elapsedMillis: () => performance.now(),
      crash: () => this.kill(),
      restart: () => this.start(),
      inject: (origin, shard, value) => this.inject(origin, shard, value),
      buffered: (transport) => ({
        bytes: transport instanceof KafkaTransport ? transport.bufferedBytes : Infinity,
        bytesMax: limits.bufferedBytesMax + limits.fetchBytesMax,
      }),
      close: async () => {
        await this.start(); // a test that failed in between must not fail all others
        await Promise.all(transports.map((transport) => transport.close()));
      },
    };
  }

  async asAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = this.stranger().admin();
    await admin.connect();
    return work(admin).finally(() => admin.disconnect());
  }

  private get addresses(): readonly string[] {
    return this.stack.region(this.region).kafkaBrokers;
  }

  /** Somebody who is no process of ours. */
  private stranger(): Kafka {
    return new Kafka({ clientId: 'stranger', brokers: [...this.addresses], logLevel: logLevel.NOTHING });
  }

  private async inject(origin: string, shard: number, value: Uint8Array): Promise<void> {
    const producer = this.stranger().producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    await producer.send({
      topic: `atoll.events.${origin}`,
      messages: [{ partition: shard, key: 'x', value: Buffer.from(value) }],
    });
    await producer.disconnect();
  }
}
