import { randomBytes, randomUUID } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { shardOf } from '#core/event/shard-of.js';
import { byteaArray, int2Array, int8Array, textArray } from '#io/postgres/binary-array.js';
import { entityId, writeLoad, type WriteLoadOptions } from '../load/document-writes.js';
import { sharedMillis } from '../machine.js';
import { serveSide } from '../side/serve-side.js';
import { batchSession, batchStatement, type RowSizes } from '../write/peer-tables.js';

export interface ConsumerSettings {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly postgresUrl: string;
  readonly schema: string;
  readonly shards: number;
  readonly sizes: RowSizes;
  readonly load: WriteLoadOptions;
}

export interface ConsumerOrder {
  readonly count: number;
  readonly withinMillis: number;
}

/** From handing a record to the producer until the transaction that applied it was durable, in milliseconds. */
export type ConsumerAnswer = readonly number[];

/** Fetches, and commits what it fetched like an apply does: the event and the entity's state, all of a batch at once. */
serveSide<ConsumerSettings, ConsumerOrder, ConsumerAnswer>(async (settings) => {
  const { brokers, topic, postgresUrl, schema, shards, sizes, load: options } = settings;
  const text = batchStatement(schema);
  const client = new pg.Client({ connectionString: postgresUrl });
  await client.connect();
  await client.query(batchSession);
  const load = writeLoad(options);
  const [hash, state, value] = [32, sizes.stateBytes, sizes.valueBytes].map((count) => randomBytes(count));
  let waiting: Buffer[] = [];
  let lags: number[] = [];
  let seq = 0;
  let committing = false;
  let failure: Error | undefined;
  let whenApplied: () => void = () => undefined;

  const valuesOf = (records: readonly Buffer[]): Buffer[] => {
    const ids = records.map(() => entityId(load.nextEntity()));
    const touched = [...new Set(ids)];
    const shardsOf = (of: readonly string[]) => of.map((id) => shardOf({ type: 'document', id }, shards));
    const each = (of: readonly unknown[], cell: Buffer | undefined) => of.map(() => cell ?? null);
    return [
      int8Array(ids.map(() => (seq += 1))),
      int2Array(shardsOf(ids)),
      textArray(ids),
      byteaArray(each(ids, hash)),
      byteaArray(records),
      int2Array(shardsOf(touched)),
      textArray(touched),
      byteaArray(each(touched, state)),
      byteaArray(each(touched, value)),
    ];
  };

  const commit = async (): Promise<void> => {
    if (committing) return;
    committing = true;
    while (waiting.length > 0) {
      const records = waiting;
      waiting = [];
      await client.query({ name: 'apply', text, values: valuesOf(records) });
      const now = sharedMillis();
      for (const record of records) lags.push(now - record.readDoubleBE(8));
      whenApplied();
    }
    committing = false;
  };

  const kafka = new Kafka({ clientId: 'bare', brokers: [...brokers], logLevel: logLevel.NOTHING });
  // A group of one, at the end of a topic that is still empty; limits as Atoll's own reader has them.
  const consumer = kafka.consumer({ groupId: `bare.${randomUUID()}`, minBytes: 1, maxWaitTimeInMs: 500 });
  const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatch({ batch }) {
      for (const { value: bytes } of batch.messages) if (bytes !== null) waiting.push(Buffer.from(bytes));
      commit().catch((error: unknown) => {
        failure = error as Error;
        whenApplied();
      });
      return Promise.resolve();
    },
  });
  await joined;

  return {
    carryOut: ({ count, withinMillis }) =>
      new Promise((resolve, reject) => {
        const late = setTimeout(
          () =>
            reject(
              new Error(`only ${lags.length} of ${count} records were applied within ${withinMillis} ms`),
            ),
          withinMillis,
        );
        whenApplied = () => {
          if (failure === undefined && lags.length < count) return;
          clearTimeout(late);
          whenApplied = () => undefined;
          if (failure !== undefined) return reject(failure);
          const taken = lags;
          lags = [];
          resolve(taken);
        };
        whenApplied();
      }),
    async close() {
      await consumer.disconnect();
      await client.end();
    },
  };
});
