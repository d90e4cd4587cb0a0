import { randomBytes } from 'node:crypto';
import { limitsDefault } from '#flow/limits.js';
import type { Bench, BenchContext, BenchResult, Scale, Target } from '../bench.js';
import { capacityOf, capacityText, type Capacity } from '../capacity/capacity.js';
import { costRow } from '../cost-card.js';
import { latencyCells, ratioText, spreadText } from '../figures.js';
import { writeLoadDefault } from '../load/document-writes.js';
import { whyVoid, type OpenLoopResult } from '../load/open-loop.js';
import { retakes, type Retakes } from '../load/retakes.js';
import { startNativeReplication } from '../peers/native-replication.js';
import {
  createRowTables,
  outboxText,
  rowCarrierSlice,
  startArrival,
  startOutbox,
  startWriter,
  type RowCarrier,
} from '../peers/outbox.js';
import { regionPair, shardsDefault, stopsOf, type Stops } from '../region/start-loaded.js';
import { alternating, type Rounds } from '../rounds.js';
import { pairedRatios, spreadOf, type Percentiles } from '../statistics.js';
import { measureRows, type RowSizes } from '../write/peer-tables.js';
import { lagSlice, lagText, startLagPair, type LagPair, type LagSlice } from './lag-slice.js';
import { bareSlice, startBareCarrier, type BareCarrier } from './start-bare.js';

interface Plan {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** How many slices may be thrown away because their generator was late. */
  readonly retakes: number;
  /** Of capacity. */
  readonly shares: readonly number[];
  /** One rate that does not depend on capacity, so that runs can be compared. */
  readonly perSecond: readonly number[];
}

/** A rate at which some carriers are measured. */
interface Point {
  readonly name: string;
  readonly perSecond: number;
  readonly carriers: readonly Carrier[];
}

function pointsOf(plan: Plan, capacity: Capacity): readonly Point[] {
  return [
    ...plan.perSecond.map((perSecond): Point => {
      return { name: rateName(perSecond), perSecond, carriers: ['atoll', 'bare'] };
    }),
    ...plan.shares.map((share) => {
      return { name: shareName(share), perSecond: capacity.perSecond * share, carriers };
    }),
  ];
}

function rateName(perSecond: number): string {
  return `${perSecond}/s`;
}

function shareName(share: number): string {
  return `${share * 100} %`;
}

const plans: Readonly<Record<Scale, Plan>> = {
  full: {
    rounds: 3,
    seconds: 5,
    warmUpSeconds: 4,
    retakes: 6,
    shares: [0.1, 0.5, 0.7],
    perSecond: [1000],
  },
  smoke: { rounds: 1, seconds: 0.5, warmUpSeconds: 0.2, retakes: 0, shares: [0.5], perSecond: [] },
};

const patienceMillis = 60_000;
/** A p99 below the first is good whatever the machine; on a slow one it may be as many times the bare one's. */
const wanted = { p99Millis: 50, timesBareP99: 3, timesBareP50: 2 };

const carriers = ['atoll', 'bare', 'native', 'outbox'] as const;
type Carrier = (typeof carriers)[number];

const titles: Readonly<Record<Carrier, string>> = {
  atoll: 'Atoll: commit to reader',
  bare: 'bare: produce to durable there',
  native: 'native logical replication',
  outbox: 'polling outbox, row by row',
};

interface Slice {
  readonly generator: OpenLoopResult;
  readonly lagMillis: Percentiles;
  readonly missing: number;
  readonly atoll?: LagSlice;
}

interface Started {
  readonly atoll: LagPair;
  readonly bare: BareCarrier;
  readonly native: RowCarrier;
  readonly outbox: RowCarrier;
  readonly sizes: RowSizes;
}

/** From commit in one region to a reader in another, at parts of capacity, beside everything else that carries rows. */
export const lagBench: Bench = {
  name: 'lag',
  async run(context) {
    const plan = plans[context.scale];
    const capacity = await capacityOf(context);
    const stops = stopsOf();
    try {
      const started = await start(context, { plan, capacity }, stops);
      const points = pointsOf(plan, capacity);
      const again = retakes(plan.retakes);
      const rounds = await alternating<Record<string, Slice>>(
        { bench: 'lag', rounds: plan.rounds, progress: context.progress },
        Object.fromEntries(
          keysOf(points).map(({ carrier, point: { name, perSecond } }) => {
            const order = { carrier, perSecond, seconds: plan.seconds };
            return [keyOf(carrier, name), () => again.inTime(() => sliceOf(context, started, order))];
          }),
        ),
      );
      return resultOf(context, plan, { points, capacity, rounds, sizes: started.sizes, again });
    } finally {
      await stops.stop();
    }
  },
};

function keysOf(points: readonly Point[]): readonly { readonly carrier: Carrier; readonly point: Point }[] {
  return points.flatMap((point) => point.carriers.map((carrier) => ({ carrier, point })));
}

function keyOf(carrier: Carrier, point: string): string {
  return `${titles[carrier]}, ${point}`;
}

async function start(
  context: BenchContext,
  { plan, capacity }: { readonly plan: Plan; readonly capacity: Capacity },
  stops: Stops,
): Promise<Started> {
  const load = { ...writeLoadDefault, seed: randomBytes(4).readUInt32BE() };
  const settings = await regionPair(context, {
    throughLinks: false,
    third: context.scale === 'full',
    clients: ['near', 'far'],
  });
  const keep = <T extends { stop(): Promise<void> }>(side: T): T => stops.add(side);
  const atoll = await startLagPair(context, settings, { load, keep });
  const warmUp = { perSecond: capacity.perSecond * 0.3, seconds: plan.warmUpSeconds };
  context.progress.now('lag: warming up');
  await lagSlice(context.servers, atoll, warmUp);
  const [nearUrl, farUrl] = [settings.near.postgresUrl, settings.far.postgresUrl];
  const sizes = await measureRows(nearUrl);
  const brokers = context.servers.far.kafkaBrokers;
  const bare = await startBareCarrier(
    {
      producerBrokers: brokers,
      consumerBrokers: brokers,
      postgresUrl: farUrl,
      schema: 'bench_bare',
      sizes,
      load,
    },
    keep,
  );
  const outbox = await startOutbox({ nearUrl, farUrl, schema: 'bench_outbox', sizes, load }, brokers, keep);
  const rows = { nearUrl, farUrl, schema: 'bench_native', sizes, load };
  await createRowTables(rows);
  keep(await startNativeReplication(nearUrl, farUrl, rows.schema));
  keep(await startNativeReplication(farUrl, nearUrl, rows.schema));
  const native = {
    writer: keep(await startWriter(rows, { brokers: [] })),
    arrival: keep(await startArrival(rows)),
  };
  const started = { atoll, bare, native, outbox, sizes };
  for (const carrier of ['bare', 'native', 'outbox'] as const)
    await sliceOf(context, started, { carrier, ...warmUp });
  return started;
}

interface SliceOrder {
  readonly carrier: Carrier;
  readonly perSecond: number;
  readonly seconds: number;
}

async function sliceOf(
  { servers }: BenchContext,
  started: Started,
  { carrier, ...order }: SliceOrder,
): Promise<Slice> {
  if (carrier === 'atoll') {
    const atoll = await lagSlice(servers, started.atoll, order);
    const { generator, lagMillis, missing, failures } = atoll;
    return { generator, lagMillis, missing: missing + failures, atoll };
  }
  if (carrier === 'bare') return { ...(await bareSlice(started.bare, order)), missing: 0 };
  return rowCarrierSlice(started[carrier], order, patienceMillis);
}

interface Measured {
  readonly points: readonly Point[];
  readonly capacity: Capacity;
  readonly rounds: Rounds<Record<string, Slice>>;
  readonly sizes: RowSizes;
  readonly again: Retakes;
}

function resultOf({ driver }: BenchContext, plan: Plan, measured: Measured): BenchResult {
  const { again, ...figures } = measured;
  const { points, capacity, rounds, sizes } = figures;
  const slices: SlicesOf = (carrier, point) => rounds[keyOf(carrier, point)] ?? [];
  const keys = keysOf(points).map(({ carrier, point: { name } }) => ({ carrier, name }));
  return {
    name: 'lag',
    title: `from commit in one region to visible in another at parts of capacity (${capacity.perSecond.toFixed(0)} writes/s), open loop, ${plan.rounds} rounds of alternating slices of ${plan.seconds} s`,
    rows: [
      ...keys.map(({ carrier, name }) => ({
        side: keyOf(carrier, name),
        cells: latencyCells(slices(carrier, name).map(({ lagMillis }) => lagMillis)),
      })),
      ...points.map(({ name }) => ({
        side: `Atoll: intended start to ack, ${name}`,
        cells: latencyCells(slices('atoll', name).flatMap(({ atoll }) => atoll?.acknowledgedMillis ?? [])),
      })),
    ],
    costs: points.map(({ name }) =>
      costRow(
        `Atoll, the writing region, ${name}`,
        slices('atoll', name).flatMap(({ atoll }) => atoll?.card ?? []),
      ),
    ),
    targets: targetsOf(plan, points, slices),
    configuration: {
      load: `${writeLoadDefault.bodyBytes}-byte bodies, ${writeLoadDefault.entities} entities, Zipf ${writeLoadDefault.zipfExponent}, written in one region only`,
      Atoll: `three regions, one process each, ${shardsDefault} shards, all limits as by default, ${driver}; the writer publishes to all clusters; ${lagText}`,
      slices: again.text(),
      capacity: capacityText(capacity),
      bare: `kafkajs, ${limitsDefault.publishSlots} producers and one consumer in processes of their own, ${shardsDefault} partitions, ${sizes.eventBytes}-byte records to one cluster, acks all; each fetch committed as one statement with binary arrays on tables of the same shape, without mutation record, cursor and fence`,
      native:
        'logical replication of both tables, subscriptions both ways with origin = none, all else as by default (the apply worker with synchronous_commit = off); one source transaction per event over 8 connections; answer of the commit until a look each 2 ms finds the row, by an index of its own',
      outbox: outboxText,
    },
    voidBecause: keys.flatMap(({ carrier, name }) =>
      slices(carrier, name)
        .map(({ generator }, at) => whyVoid(`${keyOf(carrier, name)} in round ${at + 1}`, generator))
        .filter((reason) => reason !== undefined),
    ),
    plots: [
      {
        name: 'lag',
        title: 'p99 of the lag by part of capacity',
        unit: 'ms',
        logarithmic: true,
        bars: keys.map(({ carrier, name }) => ({
          label: keyOf(carrier, name),
          value: spreadOf(slices(carrier, name).map(({ lagMillis }) => lagMillis.p99)),
        })),
      },
    ],
    figures: { plan, ...figures },
  };
}

type SlicesOf = (carrier: Carrier, point: string) => readonly Slice[];

function targetsOf(plan: Plan, points: readonly Point[], slices: SlicesOf): readonly Target[] {
  const of = (carrier: Carrier, point: string, which: 'p50' | 'p99') =>
    slices(carrier, point).map(({ lagMillis }) => lagMillis[which]);
  const soon = (point: string): Target => {
    const p99 = spreadOf(of('atoll', point, 'p99'));
    const timesP99 = pairedRatios(of('atoll', point, 'p99'), of('bare', point, 'p99'));
    return {
      what: `p99 of commit to reader at ${point}`,
      wanted: `< ${wanted.p99Millis} ms, or <= ${wanted.timesBareP99}x the bare one's`,
      measured: `${spreadText(p99, ' ms')}, ${ratioText(timesP99)} the bare one's`,
      reached: p99.median < wanted.p99Millis || timesP99.median <= wanted.timesBareP99,
    };
  };
  const below = (carrier: Carrier, point: string): Target => {
    const ratio = pairedRatios(of('atoll', point, 'p99'), of(carrier, point, 'p99'));
    return {
      what: `p99 / that of ${titles[carrier]}, at ${point}`,
      wanted: '< 1',
      measured: ratioText(ratio),
      reached: ratio.median < 1,
    };
  };
  const half = shareName(0.5);
  const timesP50 = pairedRatios(of('atoll', half, 'p50'), of('bare', half, 'p50'));
  const lost = points
    .flatMap(({ name }) => slices('atoll', name))
    .reduce((sum, { missing }) => sum + missing, 0);
  return [
    ...plan.perSecond.map((perSecond) => soon(rateName(perSecond))),
    soon(half),
    {
      what: "p50 at 50 % / the bare one's",
      wanted: `<= ${wanted.timesBareP50}`,
      measured: ratioText(timesP50),
      reached: timesP50.median <= wanted.timesBareP50,
    },
    ...plan.shares.filter((share) => share === 0.7).map((share) => below('native', shareName(share))),
    ...plan.shares.map((share) => below('outbox', shareName(share))),
    {
      what: 'writes that were refused or never told',
      wanted: '0',
      measured: String(lost),
      reached: lost === 0,
    },
  ];
}
