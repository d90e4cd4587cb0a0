import { randomBytes } from 'node:crypto';
import { limitsDefault } from '#flow/limits.js';
import type { WriteLoadOptions } from '../load/document-writes.js';
import type { OpenLoopResult } from '../load/open-loop.js';
import { shardsDefault } from '../region/start-loaded.js';
import { startSide, type Side } from '../side/start-side.js';
import { percentilesOf, type Percentiles } from '../statistics.js';
import { createPeerTables, type RowSizes } from '../write/peer-tables.js';
import type { ConsumerAnswer, ConsumerOrder, ConsumerSettings } from './consumer-side.js';
import { arrivalMillisMax } from './lag-slice.js';
import type { ProducerOrder, ProducerSettings } from './producer-side.js';

/** A carrier with nothing around it: records of the same size, and a commit of what an apply writes. */
export interface BareCarrier {
  readonly producer: Side<ProducerOrder, OpenLoopResult>;
  readonly consumer: Side<ConsumerOrder, ConsumerAnswer>;
}

export interface BareSlice {
  readonly generator: OpenLoopResult;
  readonly lagMillis: Percentiles;
}

export interface BarePlace {
  /** The same cluster, as the producer and as the consumer reach it. */
  readonly producerBrokers: readonly string[];
  readonly consumerBrokers: readonly string[];
  /** Where the consumer commits: tables of its own beside Atoll's. */
  readonly postgresUrl: string;
  readonly schema: string;
  readonly sizes: RowSizes;
  readonly load: WriteLoadOptions;
  /** Requests in flight; absent: as many as Atoll has. */
  readonly slots?: number;
}

export async function startBareCarrier(
  place: BarePlace,
  keep: (started: { stop(): Promise<void> }) => void,
): Promise<BareCarrier> {
  const { producerBrokers, consumerBrokers, postgresUrl, schema, sizes, load } = place;
  const { slots = limitsDefault.publishSlots } = place;
  await createPeerTables(postgresUrl, schema);
  const topic = `bench.bare.${randomBytes(4).toString('hex')}`;
  const producer = await startSide<ProducerSettings, ProducerOrder, OpenLoopResult>({
    module: new URL('./producer-side.js', import.meta.url),
    settings: {
      brokers: producerBrokers,
      topic,
      partitions: shardsDefault,
      recordBytes: sizes.eventBytes,
      slots,
    },
  });
  keep(producer);
  const consumer = await startSide<ConsumerSettings, ConsumerOrder, ConsumerAnswer>({
    module: new URL('./consumer-side.js', import.meta.url),
    settings: {
      brokers: consumerBrokers,
      topic,
      postgresUrl,
      schema,
      shards: shardsDefault,
      sizes,
      load,
    },
  });
  keep(consumer);
  return { producer, consumer };
}

export async function bareSlice(
  { producer, consumer }: BareCarrier,
  { perSecond, seconds }: { readonly perSecond: number; readonly seconds: number },
): Promise<BareSlice> {
  const generator = await producer.ask({ perSecond, seconds });
  const lags = await consumer.ask({ count: generator.begun, withinMillis: arrivalMillisMax });
  return { generator, lagMillis: percentilesOf(lags) };
}
