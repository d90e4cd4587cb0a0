import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { errorCatalogue } from '#io/wire/error-catalogue.js';
import type { Bench, BenchContext, BenchResult, Scale } from '../bench.js';
import { briefCapacityOf, capacityText, type Capacity } from '../capacity/capacity.js';
import { costCard, costRow, type CostCard } from '../cost-card.js';
import { latencyCells, spreadText } from '../figures.js';
import { writeLoadDefault } from '../load/document-writes.js';
import type { GeneratorAnswer } from '../load/generator-side.js';
import { whyVoid } from '../load/open-loop.js';
import { residentBytes } from '../process-times.js';
import type { LoadedAnswer } from '../region/loaded-side.js';
import {
  linkSwitch,
  regionPair,
  shardsDefault,
  startGenerator,
  startLoaded,
  startLoadedPair,
  stopsOf,
  watched,
  type Generator,
  type LoadedRegion,
} from '../region/start-loaded.js';
import { spreadOf, type Spread } from '../statistics.js';
import { memoryBudget, type MemoryBudget } from './memory-budget.js';

interface Plan {
  readonly times: number;
  readonly seconds: number;
  /** Parts of the time, each with figures of its own. */
  readonly sliceSeconds: number;
  readonly sampleMillis: number;
  readonly regions: number;
}

const plans: Readonly<Record<Scale, Plan>> = {
  full: { times: 3, seconds: 180, sliceSeconds: 30, sampleMillis: 1000, regions: 3 },
  smoke: { times: 3, seconds: 1, sliceSeconds: 0.5, sampleMillis: 100, regions: 2 },
};

const wanted = { goodput: 0.85, growth: 1.1 };
/** How long the others may take to get what was written, before one is cut off. What is missing then it gets later. */
const arrivalMillisMax = 30_000;

interface Phase {
  readonly name: string;
  readonly answer: GeneratorAnswer;
  readonly region: LoadedAnswer;
  /** Of the writing region, per write that was answered well. */
  readonly card: CostCard;
  /** Of the writing region's process, sample by sample. */
  readonly residentMib: readonly number[];
}

/** Three times what a region can take, first with the others there, then with one away. */
export const overloadBench: Bench = {
  name: 'overload',
  async run(context) {
    const plan = plans[context.scale];
    const capacity = await briefCapacityOf(context);
    const link = linkSwitch(context.servers);
    const stops = stopsOf();
    try {
      const third = plan.regions > 2;
      const settings = await regionPair(context, { throughLinks: true, third, clients: ['near'] });
      const load = { ...writeLoadDefault, seed: randomBytes(4).readUInt32BE() };
      const { near, far } = await startLoadedPair(context, settings, { load, stops });
      if (settings.third !== undefined) stops.add(await startLoaded(context, settings.third, load));
      const generator = stops.add(await startGenerator(settings.near, load));
      const perSecond = capacity.perSecond * plan.times;
      const idleBytes = residentBytes(near.pid) ?? 0;
      const run = async (name: string, done: number): Promise<Phase> => {
        const rate = `${Math.round(perSecond)} writes/s for ${plan.seconds} s`;
        context.progress.now(`overload: ${rate}, ${name}`, done);
        return { name, ...(await sampled(context, { near, generator }, { plan, perSecond })) };
      };
      const together = await run('all regions there', 0);
      const { committed } = await near.ask({ kind: 'tally' });
      const isBehind = await far
        .ask({ kind: 'applied', total: committed, withinMillis: arrivalMillisMax })
        .then(
          () => false,
          () => true,
        );
      await link.cut();
      const alone = await run('one region away', 0.5);
      return resultOf(context, plan, { capacity, perSecond, idleBytes, isBehind, phases: [together, alone] });
    } finally {
      await link.heal();
      await stops.stop();
    }
  },
};

async function sampled(
  { servers }: BenchContext,
  { near, generator }: { readonly near: LoadedRegion; readonly generator: Generator },
  { plan, perSecond }: { readonly plan: Plan; readonly perSecond: number },
): Promise<Omit<Phase, 'name'>> {
  const { seconds, sliceSeconds } = plan;
  const residentMib: number[] = [];
  let going = true;
  const sampling = (async () => {
    while (going) {
      const bytes = residentBytes(near.pid);
      if (bytes !== undefined) residentMib.push(Math.round(bytes / 2 ** 20));
      await pause(plan.sampleMillis);
    }
  })();
  const order = { kind: 'open', perSecond, seconds, sliceSeconds } as const;
  const { result, ...spent } = await servers
    .metered(servers.near, () => watched(near, () => generator.ask(order)))
    .finally(() => (going = false));
  await sampling;
  const { result: answer, region } = result;
  return { answer, region, card: costCard({ ...region, events: answer.count }, spent), residentMib };
}

interface Measured {
  readonly capacity: Capacity;
  readonly perSecond: number;
  /** Of the writing region's process before anything was written. */
  readonly idleBytes: number;
  /** Whether the region that was cut off had not got all by then. */
  readonly isBehind: boolean;
  readonly phases: readonly Phase[];
}

/** The highest of the last third over the highest of the middle one: what still grows then will go on growing. */
function growthOf({ residentMib }: Phase): number {
  const third = Math.max(1, Math.floor(residentMib.length / 3));
  const middle = Math.max(...residentMib.slice(third, 2 * third));
  return Math.max(...residentMib.slice(-third)) / middle;
}

/** Writes that were answered well, per second of the load, times capacity: in its parts. What was answered after it is left out. */
function goodputOf({ answer }: Phase, plan: Plan, capacity: Capacity): Spread {
  const parts = answer.slices.slice(0, Math.round(plan.seconds / plan.sliceSeconds));
  const shares = parts.map(({ answered }) => answered / plan.sliceSeconds / capacity.perSecond);
  const { low, high, all } = spreadOf(shares);
  return { median: all.reduce((sum, share) => sum + share, 0) / all.length, low, high, all };
}

function resultOf({ driver }: BenchContext, plan: Plan, measured: Measured): BenchResult {
  const { capacity, perSecond, idleBytes, phases } = measured;
  const budget = memoryBudget({ shards: shardsDefault, regions: plan.regions });
  const budgetMib = (idleBytes + budget.bytes) / 2 ** 20;
  return {
    name: 'overload',
    title: `${plan.times} x capacity (${Math.round(perSecond)} writes/s) for ${plan.seconds} s, then as long with one region away`,
    rows: phases.map((phase) => ({
      side: `Atoll, ${phase.name}`,
      cells: {
        'goodput/s': (goodputOf(phase, plan, capacity).median * capacity.perSecond).toFixed(0),
        'of capacity': spreadText(goodputOf(phase, plan, capacity), '', 2),
        refused: Object.entries(phase.answer.refused)
          .map(([code, count]) => `${code} ${count}`)
          .join(', '),
        ...latencyCells([phase.answer.latencyMillis]),
        'resident MiB': `${Math.min(...phase.residentMib)}-${Math.max(...phase.residentMib)}`,
      },
    })),
    costs: phases.map(({ name, card }) => costRow(`Atoll, ${name}`, [card])),
    targets: targetsOf(plan, measured, budgetMib),
    configuration: configurationOf(plan, { driver, capacity, budget, idleBytes }),
    voidBecause: phases
      .map(({ name, answer }) => whyVoid(`Atoll, ${name}`, answer))
      .filter((reason) => reason !== undefined),
    plots: [
      {
        name: 'overload',
        title: `Writes answered well at ${plan.times} x capacity, times capacity`,
        unit: 'x',
        bars: phases.map((phase) => ({ label: phase.name, value: goodputOf(phase, plan, capacity) })),
        wanted: wanted.goodput,
      },
    ],
    figures: { ...measured, budgetMib },
  };
}

function targetsOf(plan: Plan, { capacity, phases }: Measured, budgetMib: number): BenchResult['targets'] {
  const known = new Set(Object.keys(errorCatalogue));
  const untyped = phases
    .flatMap(({ answer }) => Object.entries(answer.refused))
    .reduce((sum, [code, count]) => sum + (known.has(code) ? 0 : count), 0);
  const highest = Math.max(...phases.flatMap(({ residentMib }) => residentMib));
  return [
    ...phases.map((phase) => {
      const goodput = goodputOf(phase, plan, capacity);
      return {
        what: `goodput / capacity, ${phase.name}`,
        wanted: `>= ${wanted.goodput}`,
        measured: `${spreadText(goodput, '', 2)} in parts of ${plan.sliceSeconds} s`,
        reached: goodput.median >= wanted.goodput,
      };
    }),
    {
      what: 'rejections without a code of the catalogue',
      wanted: '0',
      measured: String(untyped),
      reached: untyped === 0,
    },
    ...phases.map((phase) => ({
      what: `resident memory, last third / middle third, ${phase.name}`,
      wanted: `<= ${wanted.growth}`,
      measured: growthOf(phase).toFixed(2),
      reached: growthOf(phase) <= wanted.growth,
    })),
    {
      what: 'highest resident memory',
      wanted: `<= ${budgetMib.toFixed(0)} MiB: idle, and what the limits allow to be held`,
      measured: `${highest} MiB`,
      reached: highest <= budgetMib,
    },
  ];
}

interface Told {
  readonly driver: string;
  readonly capacity: Capacity;
  readonly budget: MemoryBudget;
  readonly idleBytes: number;
}

function configurationOf(
  { regions }: Plan,
  { driver, capacity, budget, idleBytes }: Told,
): Readonly<Record<string, string>> {
  return {
    Atoll: `${regions} regions, one process each, ${shardsDefault} shards, all limits as by default, ${driver}; the generator is a process of its own that writes over the public batch RPC, one call every 5 ms, whatever became of those before; each write waits for at most 5 s, as by default; away: both links cut, so Kafka, gRPC and process of one other region are out of reach`,
    capacity: capacityText(capacity),
    memory: `of the writing region's process, looked at every second; budget: ${(idleBytes / 2 ** 20).toFixed(0)} MiB of the process before the load, and by its limits, in MiB: ${budget.text}`,
  };
}
