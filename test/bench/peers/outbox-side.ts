import { randomBytes } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { shardOf } from '#core/event/shard-of.js';
import { entityId, writeLoad, type WriteLoadOptions } from '../load/document-writes.js';
import { openLoop, type OpenLoopResult } from '../load/open-loop.js';
import { sharedMillis } from '../machine.js';
import { newTopic } from './new-topic.js';
import { preferThisProcess } from '../side/prefer-process.js';
import { serveSide } from '../side/serve-side.js';
import { durableSession } from '../side/connections.js';
import { rowStatement, type RowSizes } from '../write/peer-tables.js';

export interface OutboxSettings {
  readonly brokers: readonly string[];
  /** Absent: rows are written and nothing is published, for a carrier that reads the log of the database. */
  readonly topic?: string;
  readonly postgresUrl: string;
  readonly schema: string;
  readonly sizes: RowSizes;
  readonly shards: number;
  readonly load: WriteLoadOptions;
}

export interface OutboxOrder {
  readonly perSecond: number;
  readonly seconds: number;
}

export interface OutboxAnswer {
  readonly loop: OpenLoopResult;
  /** By seq - `first`, when its commit was answered, by the shared clock. */
  readonly committed: Float64Array;
  readonly first: number;
}

const writers = 8;
const pollMillis = 10;
const batchMax = 500;

/**
 * An outbox as it is usually built: every command is one transaction with its rows and an outbox row; a poller publishes,
 * in order, what is below the oldest running transaction (`pg_snapshot_xmin`), so that nothing that commits late is missed.
 */
serveSide<OutboxSettings, OutboxOrder, OutboxAnswer>(async (settings) => {
  const { brokers, topic, postgresUrl, schema, sizes, shards, load: options } = settings;
  preferThisProcess();
  const load = writeLoad(options);
  const [hash, event, state, value] = [32, sizes.eventBytes, sizes.stateBytes, sizes.valueBytes].map(
    (count) => randomBytes(count),
  );
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: postgresUrl });
    await client.connect();
    await client.query(durableSession);
    return client;
  };
  const poller = await connect();
  if (topic !== undefined) await poller.query(outboxTable(schema));
  const clients = await Promise.all(Array.from({ length: writers }, connect));
  const idle = [...clients];
  const waiting: (() => void)[] = [];
  let seq = 0;

  const write = async (committed: Float64Array, first: number): Promise<void> => {
    if (idle.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    const client = idle.pop() as pg.Client;
    const mine = (seq += 1);
    const id = entityId(load.nextEntity());
    const shard = shardOf({ type: 'document', id }, shards);
    const values = [mine, shard, 'document', id, hash, event, state, value];
    if (topic !== undefined) await client.query('begin');
    await client.query({ name: 'row', text: rowStatement(schema), values });
    if (topic !== undefined) {
      await client.query({
        name: 'out',
        text: `insert into ${schema}.outbox (seq, id, shard, body) values ($1, $2, $3, $4)`,
        values: [mine, id, shard, event],
      });
      await client.query('commit');
    }
    committed[mine - first] = sharedMillis();
    idle.push(client);
    waiting.shift()?.();
  };

  const relay =
    topic === undefined ? undefined : await startRelay(poller, { brokers, topic, schema, shards });

  return {
    async carryOut({ perSecond, seconds }) {
      const first = seq + 1;
      const committed = new Float64Array(Math.round(perSecond * seconds));
      const under: Promise<void>[] = [];
      const loop = await openLoop({ perSecond, seconds, begin: () => under.push(write(committed, first)) });
      await Promise.all(under);
      return { loop, committed, first };
    },
    async close() {
      await relay?.stop();
      await Promise.all([poller, ...clients].map((client) => client.end()));
    },
  };
});

function outboxTable(schema: string): string {
  return `
    create table ${schema}.outbox (
      position bigint generated always as identity primary key,
      xid xid8 not null default pg_current_xact_id(),
      seq bigint not null,
      id text not null,
      shard smallint not null,
      body bytea not null
    );
    create index on ${schema}.outbox (xid, position)`;
}

interface RelayPlace {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly schema: string;
  readonly shards: number;
}

interface OutboxRow {
  readonly position: string;
  readonly seq: string;
  readonly id: string;
  readonly shard: number;
  readonly body: Buffer;
}

/** Publishes and deletes what is visible for good, again and again; what could not be sent is sent the next time. */
async function startRelay(poller: pg.Client, { brokers, topic, schema, shards }: RelayPlace) {
  const kafka = new Kafka({ clientId: 'outbox', brokers: [...brokers], logLevel: logLevel.NOTHING });
  await newTopic(kafka, topic, shards);
  const producer = kafka.producer();
  await producer.connect();
  const text = `
    select position, seq, id, shard, body from ${schema}.outbox
    where xid < pg_snapshot_xmin(pg_current_snapshot()) order by xid, position limit ${batchMax}`;
  let going = true;
  const round = async (): Promise<number> => {
    const { rows } = await poller.query<OutboxRow>({ name: 'poll', text });
    if (rows.length === 0) return 0;
    const messages = rows.map(({ seq, id, shard, body }) => ({
      partition: shard,
      key: id,
      value: body,
      headers: { seq },
    }));
    await producer.send({ topic, acks: -1, messages });
    const positions = rows.map(({ position }) => position);
    await poller.query({
      name: 'sent',
      text: `delete from ${schema}.outbox where position = any ($1::bigint[])`,
      values: [positions],
    });
    return rows.length;
  };
  const running = (async () => {
    while (going) {
      const sent = await round();
      if (sent < batchMax) await new Promise((resolve) => setTimeout(resolve, pollMillis));
    }
  })();
  return {
    async stop() {
      going = false;
      await running;
      await producer.disconnect();
    },
  };
}
