import { randomBytes } from 'node:crypto';
import { limitsDefault } from '#flow/limits.js';
import type { Bench, BenchContext, BenchResult, Scale, TableRow } from '../bench.js';
import { writeLoadDefault, type WriteLoadOptions } from '../load/document-writes.js';
import { whyVoid, type OpenLoopResult } from '../load/open-loop.js';
import { loadAverage } from '../machine.js';
import type { RegionSettings } from '../region/open-region.js';
import { freeAddress } from '../servers.js';
import { startSide, type Side } from '../side/start-side.js';
import { pairedRatios, percentilesOf, spreadOf, type Percentiles, type Spread } from '../statistics.js';
import { createPeerTables, measureRows, type RowSizes } from '../write/peer-tables.js';
import type { ConsumerAnswer, ConsumerOrder, ConsumerSettings } from './consumer-side.js';
import type { ProducerOrder, ProducerSettings } from './producer-side.js';
import type { LagAnswer, LagOrder, LagRegionSettings, Seen, Written } from './region-side.js';

interface Plan {
  readonly rounds: number;
  readonly perSecond: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

const plans: Readonly<Record<Scale, Plan>> = {
  full: { rounds: 3, perSecond: 1000, seconds: 20, warmUpSeconds: 8 },
  smoke: { rounds: 1, perSecond: 200, seconds: 1.5, warmUpSeconds: 0.5 },
};

const shards = 16;
/** After this the slice is given up: something is broken, not slow. */
const arrivalMillisMax = 60_000;
/** A p99 below the first is good whatever the machine; on a slow one it may be as many times the bare one's. */
const p99MillisMax = 50;
const timesBareMax = 3;

interface AtollSlice {
  readonly generator: OpenLoopResult;
  readonly failures: number;
  /** Written, and not told to the reader of the other region within a minute. */
  readonly missing: number;
  readonly toldAgain: number;
  /** Commit here until told to a reader there. */
  readonly lagMillis: Percentiles;
  /** Commit here until durable there. */
  readonly appliedMillis: Percentiles;
  readonly acknowledgedMillis: Percentiles;
  /** Intended start until told to a reader there. */
  readonly throughMillis: Percentiles;
}

interface BareSlice {
  readonly generator: OpenLoopResult;
  readonly lagMillis: Percentiles;
}

interface Round {
  readonly loadAverage: number;
  readonly atoll: AtollSlice;
  readonly bare: BareSlice;
}

interface Sides {
  readonly near: Side<LagOrder, LagAnswer>;
  readonly far: Side<LagOrder, LagAnswer>;
  readonly producer: Side<ProducerOrder, OpenLoopResult>;
  readonly consumer: Side<ConsumerOrder, ConsumerAnswer>;
}

/** From commit in one region to a reader in another, beside Kafka and a commit alone. */
export const lagBench: Bench = {
  name: 'lag',
  async run(context) {
    const plan = plans[context.scale];
    const load = { ...writeLoadDefault, seed: randomBytes(4).readUInt32BE() };
    const stops: (() => Promise<void>)[] = [];
    const kept = <T extends { stop(): Promise<void> }>(side: T): T => {
      stops.push(() => side.stop());
      return side;
    };
    try {
      const { near, far, farUrl } = await startRegions(context, load, kept);
      context.progress.now('lag: warming up');
      await atollSlice({ near, far }, { ...plan, seconds: plan.warmUpSeconds });
      const sizes = await measureRows(farUrl);
      const bare = await startBare({ context, load, sizes, farUrl }, kept);
      await bareSlice(bare, { ...plan, seconds: plan.warmUpSeconds });
      const rounds = await runRounds(context, plan, { near, far, ...bare });
      return resultOf(context, plan, rounds, { seed: load.seed, sizes });
    } finally {
      for (const stop of stops.reverse()) await stop();
    }
  },
};

type Keep = <T extends { stop(): Promise<void> }>(side: T) => T;

async function startRegions(
  { servers, driver, profileDirectory }: BenchContext,
  load: WriteLoadOptions,
  kept: Keep,
) {
  const suffix = randomBytes(3).toString('hex');
  const [near, far] = [`near-${suffix}`, `far-${suffix}`];
  const grpc = { [near]: await freeAddress(), [far]: await freeAddress() };
  // Each other's own addresses, not the links: there is no delay, and no proxy, between the two.
  const brokers = { [near]: servers.near.kafkaBrokers, [far]: servers.far.kafkaBrokers };
  const start = async (region: string, peer: string, postgresUrl: string, reads: boolean) => {
    const settings: RegionSettings = {
      region,
      postgresUrl,
      brokers,
      driver,
      grpc: grpc[region] ?? '',
      peers: { [peer]: grpc[peer] ?? '' },
      shards,
    };
    return kept(
      await startSide<LagRegionSettings, LagOrder, LagAnswer>({
        module: new URL('./region-side.js', import.meta.url),
        settings: { region: settings, load, reads },
        ...(profileDirectory === undefined ? {} : { profileDirectory }),
      }),
    );
  };
  const farUrl = await servers.newDatabase(servers.far);
  const nearUrl = await servers.newDatabase(servers.near);
  return { far: await start(far, near, farUrl, true), near: await start(near, far, nearUrl, false), farUrl };
}

interface BareParts {
  readonly context: BenchContext;
  readonly load: WriteLoadOptions;
  readonly sizes: RowSizes;
  readonly farUrl: string;
}

async function startBare({ context, load, sizes, farUrl }: BareParts, kept: Keep) {
  const schema = 'bench_bare';
  await createPeerTables(farUrl, schema);
  const topic = `bench.bare.${randomBytes(4).toString('hex')}`;
  const brokers = context.servers.far.kafkaBrokers;
  const producer = kept(
    await startSide<ProducerSettings, ProducerOrder, OpenLoopResult>({
      module: new URL('./producer-side.js', import.meta.url),
      settings: {
        brokers,
        topic,
        partitions: shards,
        recordBytes: sizes.eventBytes,
        slots: limitsDefault.publishSlots,
      },
    }),
  );
  const consumer = kept(
    await startSide<ConsumerSettings, ConsumerOrder, ConsumerAnswer>({
      module: new URL('./consumer-side.js', import.meta.url),
      settings: { brokers, topic, postgresUrl: farUrl, schema, shards, sizes, load },
    }),
  );
  return { producer, consumer };
}

async function runRounds(context: BenchContext, plan: Plan, sides: Sides): Promise<readonly Round[]> {
  const rounds: Round[] = [];
  for (let number = 0; number < plan.rounds; number += 1) {
    const tell = (side: string): void =>
      context.progress.now(`lag: round ${number + 1} of ${plan.rounds}, ${side}`);
    const bareFirst = number % 2 === 1;
    let bare: BareSlice | undefined;
    if (bareFirst) {
      tell('bare');
      bare = await bareSlice(sides, plan);
    }
    tell('Atoll');
    const atoll = await atollSlice(sides, plan);
    if (bare === undefined) {
      tell('bare');
      bare = await bareSlice(sides, plan);
    }
    rounds.push({ loadAverage: loadAverage(), atoll, bare });
  }
  return rounds;
}

async function atollSlice({ near, far }: Pick<Sides, 'near' | 'far'>, plan: Plan): Promise<AtollSlice> {
  const { perSecond, seconds } = plan;
  const written = await near.ask({ kind: 'write', perSecond, seconds });
  if (written.kind !== 'written') throw new Error('a region answers what it was asked');
  const { writes, failures, loop } = written;
  const keys = Float64Array.from(writes, ({ key }) => key);
  const seen = await far.ask({ kind: 'seen', keys, withinMillis: arrivalMillisMax });
  if (seen.kind !== 'seen') throw new Error('a region answers what it was asked');
  const there = new Map(seen.changes.map((change) => [change.key, change]));
  const pairs = writes.flatMap((write) => {
    const change = there.get(write.key);
    return change === undefined ? [] : [[write, change] as const];
  });
  const over = (of: (write: Written, change: Seen) => number): Percentiles =>
    percentilesOf(pairs.map(([write, change]) => of(write, change)));
  return {
    generator: loop,
    failures,
    missing: writes.length - pairs.length,
    toldAgain: seen.toldAgain,
    lagMillis: over(({ committed }, { told }) => told - committed),
    appliedMillis: over(({ committed }, { applied }) => applied - committed),
    acknowledgedMillis: over(({ intended, acknowledged }) => acknowledged - intended),
    throughMillis: over(({ intended }, { told }) => told - intended),
  };
}

async function bareSlice(
  { producer, consumer }: Pick<Sides, 'producer' | 'consumer'>,
  plan: Plan,
): Promise<BareSlice> {
  const { perSecond, seconds } = plan;
  const generator = await producer.ask({ perSecond, seconds });
  const lags = await consumer.ask({ count: generator.begun, withinMillis: arrivalMillisMax });
  return { generator, lagMillis: percentilesOf(lags) };
}

function resultOf(
  { driver }: BenchContext,
  plan: Plan,
  rounds: readonly Round[],
  made: { readonly seed: number; readonly sizes: RowSizes },
): BenchResult {
  const atollP99 = spreadOf(rounds.map(({ atoll }) => atoll.lagMillis.p99));
  const bareP99 = spreadOf(rounds.map(({ bare }) => bare.lagMillis.p99));
  const timesBare = pairedRatios(atollP99.all, bareP99.all);
  const lost = rounds.reduce((sum, { atoll }) => sum + atoll.failures + atoll.missing, 0);
  return {
    name: 'lag',
    title: `from commit in one region to a reader in another, ${plan.perSecond} writes/s open loop, ${plan.rounds} rounds of ${plan.seconds} s`,
    rows: [
      rowOf(
        'Atoll: commit to reader',
        rounds.map(({ atoll }) => atoll.lagMillis),
      ),
      rowOf(
        'Atoll: commit to durable there',
        rounds.map(({ atoll }) => atoll.appliedMillis),
      ),
      rowOf(
        'Atoll: intended start to ack',
        rounds.map(({ atoll }) => atoll.acknowledgedMillis),
      ),
      rowOf(
        'Atoll: intended start to reader',
        rounds.map(({ atoll }) => atoll.throughMillis),
      ),
      rowOf(
        'bare: produce to durable there',
        rounds.map(({ bare }) => bare.lagMillis),
      ),
    ],
    targets: [
      {
        what: 'p99 of commit to reader',
        wanted: `< ${p99MillisMax} ms, or <= ${timesBareMax}x the bare one's`,
        measured: `${text(atollP99, ' ms')}, ${text(timesBare, 'x')} the bare one's`,
        reached: atollP99.median < p99MillisMax || timesBare.median <= timesBareMax,
      },
      {
        what: 'writes that were refused or never told',
        wanted: '0',
        measured: String(lost),
        reached: lost === 0,
      },
    ],
    configuration: {
      load: `${writeLoadDefault.bodyBytes}-byte bodies, ${writeLoadDefault.entities} entities, Zipf ${writeLoadDefault.zipfExponent}, seed ${made.seed}, written in one region only`,
      Atoll: `two regions, one process each, ${shards} shards, all limits as by default, ${driver}; the writer publishes to both clusters; the reader is a consumer of the other region's change feed, in its process, which reads the database`,
      bare: `kafkajs, ${limitsDefault.publishSlots} producers and one consumer in processes of their own, ${shards} partitions, ${made.sizes.eventBytes}-byte records to one cluster, acks all; each fetch committed as one statement with binary arrays on tables of the same shape, without mutation record, cursor and fence`,
    },
    voidBecause: rounds.flatMap(({ atoll, bare }, at) =>
      [
        whyVoid(`Atoll in round ${at + 1}`, atoll.generator),
        whyVoid(`the bare side in round ${at + 1}`, bare.generator),
      ].filter((reason) => reason !== undefined),
    ),
    figures: { ...made, plan, atollP99, bareP99, timesBare, rounds },
  };
}

function rowOf(side: string, all: readonly Percentiles[]): TableRow {
  const median = (of: (one: Percentiles) => number): string => spreadOf(all.map(of)).median.toFixed(1);
  const { low, high } = spreadOf(all.map(({ p99 }) => p99));
  return {
    side,
    cells: {
      'p50 ms': median(({ p50 }) => p50),
      'p90 ms': median(({ p90 }) => p90),
      'p99 ms': median(({ p99 }) => p99),
      'p99 low-high': `${low.toFixed(1)}-${high.toFixed(1)}`,
      'p99.9 ms': median(({ p999 }) => p999),
      'max ms': spreadOf(all.map(({ max }) => max)).high.toFixed(1),
      events: String(all.reduce((sum, { count }) => sum + count, 0)),
    },
  };
}

function text({ median, low, high }: Spread, unit: string): string {
  return `${median.toFixed(1)}${unit} (${low.toFixed(1)}-${high.toFixed(1)})`;
}
