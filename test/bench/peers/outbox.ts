import { randomBytes } from 'node:crypto';
import type { WriteLoadOptions } from '../load/document-writes.js';
import type { OpenLoopResult } from '../load/open-loop.js';
import { shardsDefault } from '../region/start-loaded.js';
import { startSide, type Side } from '../side/start-side.js';
import { percentilesOf, type Percentiles } from '../statistics.js';
import { createPeerTables, type RowSizes } from '../write/peer-tables.js';
import type { ArrivalAnswer, ArrivalOrder, ArrivalSettings } from './arrival-side.js';
import type { OutboxAnswer, OutboxOrder, OutboxSettings } from './outbox-side.js';

/** Rows written in one database and applied in another, by whatever carries them. */
export interface RowCarrier {
  readonly writer: Side<OutboxOrder, OutboxAnswer>;
  readonly arrival: Side<ArrivalOrder, ArrivalAnswer>;
}

export interface RowCarrierSlice {
  readonly generator: OpenLoopResult;
  /** Answer of the commit here until durable and visible there. */
  readonly lagMillis: Percentiles;
  readonly missing: number;
}

export interface RowPlaces {
  readonly nearUrl: string;
  readonly farUrl: string;
  readonly schema: string;
  readonly sizes: RowSizes;
  readonly load: WriteLoadOptions;
}

type Keep = (started: { stop(): Promise<void> }) => void;

/** Tables of the peer at both ends; both databases hold Atoll's own already. */
export async function createRowTables({ nearUrl, farUrl, schema }: RowPlaces): Promise<void> {
  await createPeerTables(nearUrl, schema);
  await createPeerTables(farUrl, schema);
}

/** An outbox that polls below the oldest running transaction, Kafka, and one transaction per message at the other end. */
export async function startOutbox(
  places: RowPlaces,
  brokers: readonly string[],
  keep: Keep,
): Promise<RowCarrier> {
  await createRowTables(places);
  const topic = `bench.outbox.${randomBytes(4).toString('hex')}`;
  const writer = await startWriter(places, { brokers, topic });
  keep(writer);
  const arrival = await startArrival(places, { brokers, topic, sizes: places.sizes });
  keep(arrival);
  return { writer, arrival };
}

export function startWriter(
  { nearUrl: postgresUrl, schema, sizes, load }: RowPlaces,
  kafka: { readonly brokers: readonly string[]; readonly topic?: string },
): Promise<RowCarrier['writer']> {
  return startSide<OutboxSettings, OutboxOrder, OutboxAnswer>({
    module: new URL('./outbox-side.js', import.meta.url),
    settings: { ...kafka, postgresUrl, schema, sizes, shards: shardsDefault, load },
  });
}

export function startArrival(
  { farUrl: postgresUrl, schema }: RowPlaces,
  kafka?: ArrivalSettings['kafka'],
): Promise<RowCarrier['arrival']> {
  return startSide<ArrivalSettings, ArrivalOrder, ArrivalAnswer>({
    module: new URL('./arrival-side.js', import.meta.url),
    settings: { postgresUrl, schema, ...(kafka === undefined ? {} : { kafka }) },
  });
}

export async function rowCarrierSlice(
  { writer, arrival }: RowCarrier,
  order: OutboxOrder,
  withinMillis: number,
): Promise<RowCarrierSlice> {
  const { loop, committed, first } = await writer.ask(order);
  const arrived = await arrival.ask({ first, count: committed.length, withinMillis });
  const lags: number[] = [];
  for (const [at, time] of arrived.entries())
    if (time > 0) lags.push(Math.max(0, time - (committed[at] ?? NaN)));
  return { generator: loop, lagMillis: percentilesOf(lags), missing: committed.length - lags.length };
}

/** What the carriers' configuration says in the reports. */
export const outboxText =
  'pg and kafkajs; 8 connections, each command one transaction of three statements (event and state, outbox row, commit); a poller every 10 ms publishes at most 500 rows whose transaction is below pg_snapshot_xmin, acks all, and deletes them; at the other end kafkajs eachMessage, one prepared statement and one transaction per message';
