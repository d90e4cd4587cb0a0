import { randomBytes } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { sharedMillis } from '../machine.js';
import { serveSide } from '../side/serve-side.js';
import { durableSession } from '../side/connections.js';
import { rowStatement, type RowSizes } from '../write/peer-tables.js';

export interface ArrivalSettings {
  readonly postgresUrl: string;
  readonly schema: string;
  /** Absent: rows come by themselves, and are looked for. */
  readonly kafka?: { readonly brokers: readonly string[]; readonly topic: string; readonly sizes: RowSizes };
}

export interface ArrivalOrder {
  readonly first: number;
  readonly count: number;
  readonly withinMillis: number;
}

/** By seq - `first`, when it was durable and visible here, by the shared clock; 0 where it never was. */
export type ArrivalAnswer = Float64Array;

const lookMillis = 2;

/** The other end of a peer: applies messages row by row, one transaction each, or sees rows that the database applies. */
serveSide<ArrivalSettings, ArrivalOrder, ArrivalAnswer>(async ({ postgresUrl, schema, kafka }) => {
  const arrived = new Map<number, number>();
  const client = new pg.Client({ connectionString: postgresUrl });
  await client.connect();
  await client.query(durableSession);
  const stop =
    kafka === undefined
      ? await watchRows(client, schema, arrived)
      : await applyMessages(client, { ...kafka, schema }, arrived);
  return {
    async carryOut({ first, count, withinMillis }) {
      const until = sharedMillis() + withinMillis;
      const last = first + count - 1;
      const all = (): boolean => {
        for (let seq = last; seq >= first; seq -= 1) if (!arrived.has(seq)) return false;
        return true;
      };
      while (!all() && sharedMillis() < until) await new Promise((resolve) => setTimeout(resolve, 20));
      const times = Float64Array.from({ length: count }, (_, at) => arrived.get(first + at) ?? 0);
      for (let seq = first; seq <= last; seq += 1) arrived.delete(seq);
      return times;
    },
    async close() {
      await stop();
      await client.end();
    },
  };
});

type Stop = () => Promise<void>;

/** Looks for new rows every two milliseconds, by an index on `seq` that the peer's table has for it. */
async function watchRows(client: pg.Client, schema: string, arrived: Map<number, number>): Promise<Stop> {
  await client.query(`create index on ${schema}.event (seq)`);
  const text = `select seq from ${schema}.event where seq > $1 order by seq limit 2000`;
  let below = 0;
  let going = true;
  const running = (async () => {
    while (going) {
      const { rows } = await client.query<{ readonly seq: string }>({ name: 'look', text, values: [below] });
      const now = sharedMillis();
      for (const { seq } of rows) if (!arrived.has(Number(seq))) arrived.set(Number(seq), now);
      // Commits may overtake each other: a gap is looked at again until it closes.
      for (const { seq } of rows) {
        if (Number(seq) !== below + 1) break;
        below += 1;
      }
      await new Promise((resolve) => setTimeout(resolve, lookMillis));
    }
  })();
  return async () => {
    going = false;
    await running;
  };
}

interface MessagePlace {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly sizes: RowSizes;
  readonly schema: string;
}

async function applyMessages(
  client: pg.Client,
  { brokers, topic, sizes, schema }: MessagePlace,
  arrived: Map<number, number>,
): Promise<Stop> {
  const text = rowStatement(schema);
  const [hash, state, value] = [32, sizes.stateBytes, sizes.valueBytes].map((count) => randomBytes(count));
  const kafka = new Kafka({ clientId: 'applier', brokers: [...brokers], logLevel: logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: topic, minBytes: 1, maxWaitTimeInMs: 500 });
  const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    async eachMessage({ partition, message }) {
      const seq = Number(message.headers?.['seq']?.toString());
      const id = message.key?.toString();
      const values = [seq, partition, 'document', id, hash, message.value, state, value];
      await client.query({ name: 'row', text, values });
      arrived.set(seq, sharedMillis());
    },
  });
  await joined;
  return () => consumer.disconnect();
}
