import { randomBytes } from 'node:crypto';
import type { Bench, BenchContext, BenchResult, Scale } from '../bench.js';
import { costCard, costRow, type CostCard } from '../cost-card.js';
import { rateCells, ratioText } from '../figures.js';
import { writeLoadDefault } from '../load/document-writes.js';
import type { LoadedAnswer, LoadedOrder } from '../region/loaded-side.js';
import {
  shardsDefault,
  soloRegion,
  startLoaded,
  stopsOf,
  type LoadedRegion,
} from '../region/start-loaded.js';
import { alternating, type Rounds } from '../rounds.js';
import { startSide, type Side } from '../side/start-side.js';
import { pairedRatios, spreadOf, type Percentiles } from '../statistics.js';
import type { SelectAnswer, SelectOrder, SelectSettings } from './select-side.js';

interface Plan {
  readonly rounds: number;
  readonly seconds: number;
  /** Entities that a process of before wrote: the one that is measured has none of them in its cache. */
  readonly cold: number;
  /** Entities that the measured process wrote itself. */
  readonly hot: number;
  /** Of the prepared SELECT. */
  readonly connections: readonly number[];
}

const plans: Readonly<Record<Scale, Plan>> = {
  full: { rounds: 5, seconds: 2, cold: 100_000, hot: 5_000, connections: [1, 8, 32, 64] },
  smoke: { rounds: 1, seconds: 0.2, cold: 500, hot: 200, connections: [1, 8] },
};

const inFlight = 64;
const wantedCold = 0.8;
const wantedHot = 5;

interface Slice {
  readonly perSecond: number;
  readonly latencyMillis: Percentiles;
  readonly card: CostCard;
}

interface Sides {
  readonly 'cold, eventual': Slice;
  readonly 'cold, session': Slice;
  readonly 'hot, eventual': Slice;
  readonly 'hot, session': Slice;
  /** The best number of connections of the round. */
  readonly select: Slice;
}

/** Reads by id, beside the SELECT by primary key that each of them is at least. */
export const readBench: Bench = {
  name: 'read',
  async run(context) {
    const plan = plans[context.scale];
    const stops = stopsOf();
    try {
      const settings = await soloRegion(context);
      const load = { ...writeLoadDefault, seed: randomBytes(4).readUInt32BE() };
      context.progress.now('read: writing what will be read');
      const before = await startLoaded(context, settings, load);
      await before
        .ask({ kind: 'fill', inFlight: 256, from: 0, count: plan.cold })
        .finally(() => before.stop());
      const region = stops.add(await startLoaded(context, settings, load));
      await region.ask({ kind: 'fill', inFlight: 256, from: plan.cold, count: plan.hot });
      // A write that hands out the token which the reads at level session depend on.
      await region.ask({ kind: 'write', inFlight: 1, seconds: 5, countMax: 1 });
      const select = stops.add(
        await startSide<SelectSettings, SelectOrder, SelectAnswer>({
          module: new URL('./select-side.js', import.meta.url),
          settings: { postgresUrl: settings.postgresUrl },
        }),
      );
      const rounds = await measure(context, plan, { region, select });
      return resultOf(context, plan, rounds);
    } finally {
      await stops.stop();
    }
  },
};

interface Started {
  readonly region: LoadedRegion;
  readonly select: Side<SelectOrder, SelectAnswer>;
}

function measure(context: BenchContext, plan: Plan, { region, select }: Started): Promise<Rounds<Sides>> {
  const { servers, progress } = context;
  const reads = (which: 'cold' | 'hot', level: 'eventual' | 'session') => async (): Promise<Slice> => {
    const range =
      which === 'cold' ? { from: 0, countMax: plan.cold } : { from: plan.cold, countMax: plan.hot };
    const order: LoadedOrder = { kind: 'read', inFlight, seconds: plan.seconds, level, ...range };
    const { result, ...spent } = await servers.metered(servers.near, () => region.ask(order));
    return atollSlice(result, spent);
  };
  const selects = async (): Promise<Slice> => {
    const slices: Slice[] = [];
    for (const count of plan.connections) {
      const order = { connections: count, seconds: plan.seconds / 2, from: 0, countMax: plan.cold };
      const { result, ...spent } = await servers.metered(servers.near, () => select.ask(order));
      const { writes: events, seconds, latencyMillis, costs } = result;
      slices.push({ perSecond: events / seconds, latencyMillis, card: costCard({ events, costs }, spent) });
    }
    return slices.reduce((best, one) => (one.perSecond > best.perSecond ? one : best));
  };
  return alternating<Sides>(
    { bench: 'read', rounds: plan.rounds, progress },
    {
      'cold, eventual': reads('cold', 'eventual'),
      'cold, session': reads('cold', 'session'),
      'hot, eventual': reads('hot', 'eventual'),
      'hot, session': reads('hot', 'session'),
      select: selects,
    },
  );
}

function atollSlice(
  { count, seconds, latencyMillis, costs, traffic }: LoadedAnswer,
  spent: Parameters<typeof costCard>[1],
): Slice {
  return {
    perSecond: count / seconds,
    latencyMillis,
    card: costCard({ events: count, costs, traffic }, spent),
  };
}

function resultOf(context: BenchContext, plan: Plan, rounds: Rounds<Sides>): BenchResult {
  const names = Object.keys(rounds) as (keyof Sides)[];
  const speeds = (name: keyof Sides): readonly number[] => rounds[name].map(({ perSecond }) => perSecond);
  const times = (name: keyof Sides) => pairedRatios(speeds(name), speeds('select'));
  const targets = names
    .filter((name) => name !== 'select')
    .map((name) => {
      const wanted = name.startsWith('cold') ? wantedCold : wantedHot;
      const ratio = times(name);
      return {
        what: `${name} / prepared primary-key SELECT`,
        wanted: `>= ${wanted}`,
        measured: ratioText(ratio),
        reached: ratio.median >= wanted,
      };
    });
  const labels = { select: 'prepared SELECT, best of its connections' } as Partial<
    Record<keyof Sides, string>
  >;
  const labelOf = (name: keyof Sides): string => labels[name] ?? `Atoll, ${name}`;
  return {
    name: 'read',
    title: `reads/s by id in one region, ${inFlight} in flight in process, ${plan.rounds} rounds of alternating slices of ${plan.seconds} s`,
    rows: names.map((name) => ({
      side: labelOf(name),
      cells: {
        ...rateCells(speeds(name)),
        'times SELECT': name === 'select' ? '' : ratioText(times(name)),
        'p50 ms': spreadOf(rounds[name].map(({ latencyMillis }) => latencyMillis.p50)).median.toFixed(2),
        'p99 ms': spreadOf(rounds[name].map(({ latencyMillis }) => latencyMillis.p99)).median.toFixed(2),
      },
    })),
    costs: names.map((name) =>
      costRow(
        labelOf(name),
        rounds[name].map(({ card }) => card),
      ),
    ),
    targets,
    configuration: {
      Atoll: `one process, ${shardsDefault} shards, all limits as by default; cold: ${plan.cold} documents that an earlier process wrote, one after the other, none of them in the cache; hot: ${plan.hot} documents that this process wrote; session: every read gives the token of a write`,
      'prepared SELECT': `pg, state and value by primary key from the same table, one at a time per connection, the best of ${plan.connections.join(', ')} connections in each round; nothing is decoded`,
    },
    voidBecause: [],
    plots: [
      {
        name: 'read',
        title: 'Reads by id per second',
        unit: '/s',
        bars: names.map((name) => ({ label: labelOf(name), value: spreadOf(speeds(name)) })),
        logarithmic: true,
      },
    ],
    figures: { plan, driver: context.driver, rounds },
  };
}
