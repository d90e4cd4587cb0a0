import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { Bench, BenchContext, BenchResult, Scale } from '../bench.js';
import { costRow } from '../cost-card.js';
import { latencyCells, ratioText } from '../figures.js';
import { lagSlice, lagText, startLagPair, type LagSlice } from '../lag/lag-slice.js';
import { writeLoadDefault } from '../load/document-writes.js';
import { whyVoid } from '../load/open-loop.js';
import { rowCarrierSlice, startOutbox, outboxText, type RowCarrierSlice } from '../peers/outbox.js';
import { regionPair, shardsDefault, stopsOf } from '../region/start-loaded.js';
import { pairedRatios, spreadOf, type Percentiles } from '../statistics.js';
import { measureRows } from '../write/peer-tables.js';

interface Plan {
  readonly rounds: number;
  readonly perSecond: number;
  readonly warmUpSeconds: number;
  readonly beforeSeconds: number;
  /** How long the transaction is held open. */
  readonly heldSeconds: number;
  readonly peerBeforeSeconds: number;
}

const plans: Readonly<Record<Scale, Plan>> = {
  full: {
    rounds: 2,
    perSecond: 500,
    warmUpSeconds: 4,
    beforeSeconds: 15,
    heldSeconds: 30,
    peerBeforeSeconds: 10,
  },
  smoke: {
    rounds: 1,
    perSecond: 100,
    warmUpSeconds: 0.2,
    beforeSeconds: 0.5,
    heldSeconds: 0.5,
    peerBeforeSeconds: 0.3,
  },
};

const wantedTimes = 1.2;
const patienceMillis = 60_000;

interface Round<Slice> {
  readonly before: Slice;
  readonly during: Slice;
}

interface Measured {
  readonly atoll: readonly Round<LagSlice>[];
  readonly outbox: readonly Round<RowCarrierSlice>[];
}

/** The lag while somebody holds a transaction open in the writer's database, beside an outbox that must wait for it. */
export const stallBench: Bench = {
  name: 'stall',
  async run(context) {
    const plan = plans[context.scale];
    const stops = stopsOf();
    try {
      const settings = await regionPair(context, { throughLinks: false, clients: ['near', 'far'] });
      const load = { ...writeLoadDefault, seed: randomBytes(4).readUInt32BE() };
      const pair = await startLagPair(context, settings, { load, keep: (side) => stops.add(side) });
      const { perSecond } = plan;
      context.progress.now('stall: warming up');
      await lagSlice(context.servers, pair, { perSecond, seconds: plan.warmUpSeconds });
      const nearUrl = settings.near.postgresUrl;
      const sizes = await measureRows(nearUrl);
      const places = { nearUrl, farUrl: settings.far.postgresUrl, schema: 'bench_outbox', sizes, load };
      const outbox = await startOutbox(places, context.servers.far.kafkaBrokers, (side) => stops.add(side));
      await rowCarrierSlice(outbox, { perSecond, seconds: plan.warmUpSeconds / 2 }, patienceMillis);
      const measured = await measure(context, plan, {
        nearUrl,
        atoll: (seconds) => lagSlice(context.servers, pair, { perSecond, seconds }),
        outbox: (seconds) => rowCarrierSlice(outbox, { perSecond, seconds }, patienceMillis),
      });
      return resultOf(context, plan, measured);
    } finally {
      await stops.stop();
    }
  },
};

interface Sides {
  readonly nearUrl: string;
  readonly atoll: (seconds: number) => Promise<LagSlice>;
  readonly outbox: (seconds: number) => Promise<RowCarrierSlice>;
}

async function measure(context: BenchContext, plan: Plan, sides: Sides): Promise<Measured> {
  const { progress } = context;
  const atoll: Round<LagSlice>[] = [];
  const outbox: Round<RowCarrierSlice>[] = [];
  for (let number = 0; number < plan.rounds; number += 1) {
    progress.now(`stall: round ${number + 1} of ${plan.rounds}, Atoll, before`, number / plan.rounds);
    const before = await sides.atoll(plan.beforeSeconds);
    progress.now(`stall: round ${number + 1} of ${plan.rounds}, Atoll, a transaction is held open`);
    const during = await holding(sides.nearUrl, plan.heldSeconds, () => sides.atoll(plan.heldSeconds));
    atoll.push({ before, during });
  }
  progress.now('stall: the outbox, before');
  const before = await sides.outbox(plan.peerBeforeSeconds);
  progress.now('stall: the outbox, a transaction is held open');
  const during = await holding(sides.nearUrl, plan.heldSeconds, () => sides.outbox(plan.heldSeconds));
  outbox.push({ before, during });
  return { atoll, outbox };
}

/** While `work` runs, a transaction with an id of its own is open for so many seconds, as a forgotten session leaves it. */
async function holding<T>(url: string, seconds: number, work: () => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query('create table if not exists bench_held (one integer)');
  await client.query('begin');
  await client.query('insert into bench_held values (1)');
  const released = new Promise((resolve) => setTimeout(resolve, seconds * 1000)).then(() =>
    client.query('rollback'),
  );
  try {
    return await work();
  } finally {
    await released;
    await client.end();
  }
}

function resultOf({ driver }: BenchContext, plan: Plan, { atoll, outbox }: Measured): BenchResult {
  const p99s = (rounds: readonly Round<{ readonly lagMillis: Percentiles }>[], of: 'before' | 'during') =>
    rounds.map((round) => round[of].lagMillis.p99);
  const times = pairedRatios(p99s(atoll, 'during'), p99s(atoll, 'before'));
  const timesOutbox = pairedRatios(p99s(outbox, 'during'), p99s(outbox, 'before'));
  const lost = atoll
    .flatMap(({ before, during }) => [before, during])
    .reduce((sum, { failures, missing }) => sum + failures + missing, 0);
  const sides = {
    'Atoll, before': atoll.map(({ before }) => before),
    'Atoll, a transaction is open': atoll.map(({ during }) => during),
    'outbox, before': outbox.map(({ before }) => before),
    'outbox, a transaction is open': outbox.map(({ during }) => during),
  };
  const lagsOf = (slices: readonly { readonly lagMillis: Percentiles }[]) =>
    slices.map(({ lagMillis }) => lagMillis);
  return {
    name: 'stall',
    title: `lag with a transaction held open for ${plan.heldSeconds} s in the writer's Postgres, ${plan.perSecond} writes/s open loop`,
    rows: Object.entries(sides).map(([side, slices]) => ({ side, cells: latencyCells(lagsOf(slices)) })),
    costs: [
      costRow(
        'Atoll, the writing region, a transaction is open',
        atoll.map(({ during }) => during.card),
      ),
    ],
    targets: [
      {
        what: 'p99 of the lag while it is open / before',
        wanted: `<= ${wantedTimes}`,
        measured: `${ratioText(times)}; the outbox's ${ratioText(timesOutbox)}`,
        reached: times.median <= wantedTimes,
      },
      { what: 'refused or never told', wanted: '0', measured: String(lost), reached: lost === 0 },
    ],
    configuration: {
      Atoll: `two regions, one process each, ${shardsDefault} shards, all limits as by default, ${driver}; ${lagText}`,
      outbox: `${outboxText}; commit here until durable there`,
      transaction: 'begin, one insert, and nothing more until it is rolled back',
    },
    voidBecause: Object.entries(sides).flatMap(([side, slices]) =>
      slices
        .map(({ generator }, at) => whyVoid(`${side}, round ${at + 1}`, generator))
        .filter((reason) => reason !== undefined),
    ),
    plots: [
      {
        name: 'stall',
        title: 'p99 of the lag, before and while a transaction is held open',
        unit: 'ms',
        logarithmic: true,
        bars: Object.entries(sides).map(([label, slices]) => ({
          label,
          value: spreadOf(lagsOf(slices).map(({ p99 }) => p99)),
        })),
      },
    ],
    figures: { plan, times, timesOutbox, atoll, outbox },
  };
}
