import { randomBytes } from 'node:crypto';
import type { Bench, BenchContext, BenchResult, Scale } from '../bench.js';
import { costRow } from '../cost-card.js';
import { latencyCells, ratioText, spreadText } from '../figures.js';
import { bareSlice, startBareCarrier, type BareCarrier, type BareSlice } from '../lag/start-bare.js';
import { lagSlice, lagText, startLagPair, type LagPair, type LagSlice } from '../lag/lag-slice.js';
import { writeLoadDefault } from '../load/document-writes.js';
import { whyVoid } from '../load/open-loop.js';
import { retakes, type Retakes } from '../load/retakes.js';
import { regionPair, shardsDefault, stopsOf, type Stops } from '../region/start-loaded.js';
import { alternating, type Rounds } from '../rounds.js';
import { pairedRatios, spreadOf } from '../statistics.js';
import { measureRows } from '../write/peer-tables.js';

interface Plan {
  readonly rounds: number;
  readonly perSecond: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** How many slices may be thrown away because their generator was late. */
  readonly retakes: number;
}

const plans: Readonly<Record<Scale, Plan>> = {
  full: { rounds: 3, perSecond: 1000, seconds: 8, warmUpSeconds: 4, retakes: 3 },
  smoke: { rounds: 1, perSecond: 100, seconds: 0.5, warmUpSeconds: 0.2, retakes: 0 },
};

const oneWayMillis = 40;
/** Enough that what is due never waits for an answer that takes 80 ms: with few requests in flight all would wait together. */
const pushSlots = 64;
const wanted = { p50Beyond: 10, p99Beyond: 25, timesPull: 0.65 };

interface Sides {
  readonly atoll: LagSlice;
  readonly push: BareSlice;
  readonly pull: BareSlice;
}

interface Started {
  readonly pair: LagPair;
  readonly push: BareCarrier;
  readonly pull: BareCarrier;
}

/** The lag over links of 40 ms one way, beside pushing the bytes bare, and fetching them from the other region's cluster. */
export const distanceBench: Bench = {
  name: 'distance',
  async run(context) {
    const plan = plans[context.scale];
    const { near, far, stack } = context.servers;
    const links = [stack.link(near.region, far.region), stack.link(far.region, near.region)];
    const stops = stopsOf();
    try {
      const started = await start(context, plan, stops);
      for (const link of links) await link.setDelay({ oneWayMillis });
      context.progress.now('distance: warming up over the links');
      const warmUp = { ...plan, seconds: plan.warmUpSeconds };
      await lagSlice(context.servers, started.pair, warmUp);
      await bareSlice(started.push, warmUp);
      await bareSlice(started.pull, warmUp);
      const again = retakes(plan.retakes);
      const rounds = await alternating<Sides>(
        { bench: 'distance', rounds: plan.rounds, progress: context.progress },
        {
          atoll: () => again.inTime(() => lagSlice(context.servers, started.pair, plan)),
          push: () => again.inTime(() => bareSlice(started.push, plan)),
          pull: () => again.inTime(() => bareSlice(started.pull, plan)),
        },
      );
      return resultOf(context, plan, { rounds, again });
    } finally {
      for (const link of links) await link.setDelay({ oneWayMillis: 0 });
      await stops.stop();
    }
  },
};

async function start(context: BenchContext, plan: Plan, stops: Stops): Promise<Started> {
  const { near, far } = context.servers;
  const load = { ...writeLoadDefault, seed: randomBytes(4).readUInt32BE() };
  const settings = await regionPair(context, { throughLinks: true, clients: ['near', 'far'] });
  const pair = await startLagPair(context, settings, { load, keep: (side) => stops.add(side) });
  await lagSlice(context.servers, pair, { ...plan, seconds: plan.warmUpSeconds });
  const { postgresUrl } = settings.far;
  const sizes = await measureRows(postgresUrl);
  const place = { postgresUrl, sizes, load };
  const keep = (side: { stop(): Promise<void> }) => void stops.add(side);
  return {
    pair,
    push: await startBareCarrier(
      {
        ...place,
        schema: 'bench_push',
        producerBrokers: far.kafkaBrokersFrom(near.region),
        consumerBrokers: far.kafkaBrokers,
        slots: pushSlots,
      },
      keep,
    ),
    pull: await startBareCarrier(
      {
        ...place,
        schema: 'bench_pull',
        producerBrokers: near.kafkaBrokers,
        consumerBrokers: near.kafkaBrokersFrom(far.region),
      },
      keep,
    ),
  };
}

interface Measured {
  readonly rounds: Rounds<Sides>;
  readonly again: Retakes;
}

function resultOf({ driver }: BenchContext, plan: Plan, { rounds, again }: Measured): BenchResult {
  const lags = (side: keyof Sides) => rounds[side].map(({ lagMillis }) => lagMillis);
  const differences = (of: 'p50' | 'p99') =>
    spreadOf(lags('atoll').map((lag, at) => lag[of] - (lags('push')[at]?.[of] ?? NaN)));
  const [p50Beyond, p99Beyond] = [differences('p50'), differences('p99')];
  const timesPull = pairedRatios(
    lags('atoll').map(({ p50 }) => p50),
    lags('pull').map(({ p50 }) => p50),
  );
  const lost = rounds.atoll.reduce((sum, { failures, missing }) => sum + failures + missing, 0);
  const titles = {
    atoll: 'Atoll: commit to reader',
    push: 'bare push: produce to durable there',
    pull: 'bare pull: produce to durable there',
  };
  const names = Object.keys(titles) as (keyof Sides)[];
  return {
    name: 'distance',
    title: `over links of ${oneWayMillis} ms one way, ${plan.perSecond} writes/s open loop, ${plan.rounds} rounds of alternating slices of ${plan.seconds} s`,
    rows: names.map((side) => ({ side: titles[side], cells: latencyCells(lags(side)) })),
    costs: [
      costRow(
        'Atoll, the writing region',
        rounds.atoll.map(({ card }) => card),
      ),
    ],
    targets: [
      {
        what: 'p50 beyond that of the bare push',
        wanted: `<= ${wanted.p50Beyond} ms`,
        measured: spreadText(p50Beyond, ' ms'),
        reached: p50Beyond.median <= wanted.p50Beyond,
      },
      {
        what: 'p99 beyond that of the bare push',
        wanted: `<= ${wanted.p99Beyond} ms`,
        measured: spreadText(p99Beyond, ' ms'),
        reached: p99Beyond.median <= wanted.p99Beyond,
      },
      {
        what: "p50 / the pull's",
        wanted: `<= ${wanted.timesPull}`,
        measured: ratioText(timesPull),
        reached: timesPull.median <= wanted.timesPull,
      },
      { what: 'refused or never told', wanted: '0', measured: String(lost), reached: lost === 0 },
    ],
    configuration: {
      Atoll: `two regions, one process each, ${shardsDefault} shards, all limits as by default, ${driver}; they reach each other's Kafka and gRPC through proxies that hold every chunk back for ${oneWayMillis} ms; ${lagText}`,
      slices: again.text(),
      'bare push': `the carrier of the bench \`lag\`, its producers at this end of the link, cluster and consumer at the other, ${pushSlots} requests in flight so that none waits for another's answer`,
      'bare pull':
        'the same with producers and cluster at this end, and the consumer at the other: every fetch crosses the link twice, as with MirrorMaker; maxWait 500 ms, minBytes 1',
    },
    voidBecause: names.flatMap((side) =>
      rounds[side]
        .map(({ generator }, at) => whyVoid(`${titles[side]} in round ${at + 1}`, generator))
        .filter((reason) => reason !== undefined),
    ),
    plots: [
      {
        name: 'distance',
        title: `Lag over ${oneWayMillis} ms one way: p50 of the rounds, line to p99`,
        unit: 'ms',
        bars: names.map((side) => {
          const p50 = spreadOf(lags(side).map((one) => one.p50)).median;
          const p99 = spreadOf(lags(side).map((one) => one.p99)).median;
          return { label: titles[side], value: { median: p50, low: p50, high: p99 } };
        }),
      },
    ],
    figures: { plan, p50Beyond, p99Beyond, timesPull, rounds },
  };
}
