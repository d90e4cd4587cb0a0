import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { Controller, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventPattern, Transport, type MicroserviceOptions } from '@nestjs/microservices';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { shardOf } from '#core/event/shard-of.js';
import { entityId, writeLoad, type WriteLoadOptions } from '../load/document-writes.js';
import { newTopic } from '../peers/new-topic.js';
import { serveSide } from '../side/serve-side.js';
import { countCosts, type SideCosts } from '../side/side-costs.js';
import { rowStatement, type RowSizes } from '../write/peer-tables.js';

export interface NestSettings {
  readonly brokers: readonly string[];
  readonly postgresUrl: string;
  readonly schema: string;
  readonly sizes: RowSizes;
  readonly shards: number;
  readonly load: WriteLoadOptions;
}

export interface NestOrder {
  readonly count: number;
}

export interface NestAnswer {
  readonly writes: number;
  readonly seconds: number;
  readonly costs: SideCosts;
}

type Handle = (value: Buffer) => Promise<void>;

/**
 * A microservice as Nest's documentation shows it: its own Kafka server gives a handler one message after the other. The
 * decorators are called by hand, for the topic is new each time; without one on its parameter a handler gets the payload.
 */
function serviceOf(topic: string, handle: Handle): object {
  class Applier {
    apply(value: Buffer): Promise<void> {
      return handle(value);
    }
  }
  const apply = Object.getOwnPropertyDescriptor(Applier.prototype, 'apply') ?? {};
  EventPattern(topic)(Applier.prototype, 'apply', apply);
  Controller()(Applier);
  class Service {}
  Module({ controllers: [Applier] })(Service);
  return Service;
}

/** Each message is one transaction that inserts its event and upserts the entity's state. */
serveSide<NestSettings, NestOrder, NestAnswer>(
  async ({ brokers, postgresUrl, schema, sizes, shards, load: options }) => {
    const client = new pg.Client({ connectionString: postgresUrl });
    await client.connect();
    await client.query('set synchronous_commit = on');
    const load = writeLoad(options);
    const text = rowStatement(schema);
    const [hash, state, value] = [32, sizes.stateBytes, sizes.valueBytes].map((count) => randomBytes(count));
    let seq = 0;

    const preload = async (topic: string, count: number): Promise<void> => {
      const kafka = new Kafka({ clientId: 'preload', brokers: [...brokers], logLevel: logLevel.NOTHING });
      await newTopic(kafka, topic, shards);
      const producer = kafka.producer();
      await producer.connect();
      const bytes = randomBytes(sizes.eventBytes);
      for (let sent = 0; sent < count; sent += 1000) {
        const messages = Array.from({ length: Math.min(1000, count - sent) }, (_, at) => ({
          partition: (sent + at) % shards,
          value: bytes,
        }));
        await producer.send({ topic, messages });
      }
      await producer.disconnect();
    };

    return {
      async carryOut({ count }) {
        const topic = `bench.nest.${randomBytes(4).toString('hex')}`;
        await preload(topic, count);
        const spent = countCosts();
        const done = Promise.withResolvers<void>();
        let handled = 0;
        let began = 0;
        const handle: Handle = async (event) => {
          if (handled === 0) began = performance.now();
          const id = entityId(load.nextEntity());
          const shard = shardOf({ type: 'document', id }, shards);
          const values = [(seq += 1), shard, 'document', id, hash, event, state, value];
          await client.query({ name: 'row', text, values });
          handled += 1;
          if (handled === count) done.resolve();
        };
        const app = await NestFactory.createMicroservice<MicroserviceOptions>(serviceOf(topic, handle), {
          transport: Transport.KAFKA,
          logger: false,
          options: {
            client: { clientId: 'nest', brokers: [...brokers], logLevel: logLevel.NOTHING },
            consumer: { groupId: topic },
            subscribe: { fromBeginning: true },
            parser: { keepBinary: true },
          },
        });
        await app.listen();
        await done.promise;
        const seconds = (performance.now() - began) / 1000;
        const costs = spent();
        await app.close();
        return { writes: count, seconds, costs };
      },
      close: () => client.end(),
    };
  },
);
