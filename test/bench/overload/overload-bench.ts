import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { errorCatalogue } from '#io/wire/error-catalogue.js';
import type { Bench, BenchContext, BenchResult, Scale } from '../bench.js';
import { capacityOf, type Capacity } from '../capacity.js';
import { costCard, costRow } from '../cost-card.js';
import { latencyCells } from '../figures.js';
import { writeLoadDefault } from '../load/document-writes.js';
import { residentBytes } from '../process-times.js';
import type { LoadedAnswer } from '../region/loaded-side.js';
import {
  linkSwitch,
  regionPair,
  shardsDefault,
  startLoadedPair,
  stopsOf,
  type LoadedRegion,
} from '../region/start-loaded.js';

interface Plan {
  readonly times: number;
  readonly seconds: number;
  readonly sampleMillis: number;
}

const plans: Readonly<Record<Scale, Plan>> = {
  full: { times: 3, seconds: 180, sampleMillis: 1000 },
  smoke: { times: 3, seconds: 1, sampleMillis: 100 },
};

const wanted = { goodput: 0.85, growth: 1.1 };
const arrivalMillisMax = 240_000;

interface Phase {
  readonly name: string;
  readonly answer: LoadedAnswer;
  /** Of the writing region's process, sample by sample. */
  readonly residentMib: readonly number[];
}

/** Three times what a region can take, first with the other one there, then with it away. */
export const overloadBench: Bench = {
  name: 'overload',
  async run(context) {
    const plan = plans[context.scale];
    const capacity = await capacityOf(context);
    const link = linkSwitch(context.servers);
    const stops = stopsOf();
    try {
      const settings = await regionPair(context, { throughLinks: true });
      const load = { ...writeLoadDefault, seed: randomBytes(4).readUInt32BE() };
      const { near, far } = await startLoadedPair(context, settings, { load, stops });
      const perSecond = capacity.perSecond * plan.times;
      const run = async (name: string): Promise<Phase> => {
        context.progress.now(`overload: ${Math.round(perSecond)} writes/s for ${plan.seconds} s, ${name}`);
        return { name, ...(await sampled(near, { plan, perSecond })) };
      };
      const together = await run('both regions there');
      await far.ask({ kind: 'applied', total: together.answer.committed, withinMillis: arrivalMillisMax });
      await link.cut();
      const alone = await run('the other region away');
      return resultOf(context, plan, { capacity, perSecond, phases: [together, alone] });
    } finally {
      await link.heal();
      await stops.stop();
    }
  },
};

async function sampled(
  region: LoadedRegion,
  { plan, perSecond }: { readonly plan: Plan; readonly perSecond: number },
): Promise<Omit<Phase, 'name'>> {
  const residentMib: number[] = [];
  let going = true;
  const sampling = (async () => {
    while (going) {
      const bytes = residentBytes(region.pid);
      if (bytes !== undefined) residentMib.push(Math.round(bytes / 2 ** 20));
      await pause(plan.sampleMillis);
    }
  })();
  const answer = await region
    .ask({ kind: 'open', perSecond, seconds: plan.seconds })
    .finally(() => (going = false));
  await sampling;
  return { answer, residentMib };
}

interface Measured {
  readonly capacity: Capacity;
  readonly perSecond: number;
  readonly phases: readonly Phase[];
}

/** The highest of the last third over the highest of the middle one: what still grows then will go on growing. */
function growthOf({ residentMib }: Phase): number {
  const third = Math.max(1, Math.floor(residentMib.length / 3));
  const middle = Math.max(...residentMib.slice(third, 2 * third));
  return Math.max(...residentMib.slice(-third)) / middle;
}

function resultOf({ driver }: BenchContext, plan: Plan, measured: Measured): BenchResult {
  const { capacity, perSecond, phases } = measured;
  const known = new Set(Object.keys(errorCatalogue));
  const goodput = ({ answer }: Phase): number => answer.count / answer.seconds / capacity.perSecond;
  const untyped = phases
    .flatMap(({ answer }) => Object.entries(answer.refused))
    .reduce((sum, [code, count]) => sum + (known.has(code) ? 0 : count), 0);
  return {
    name: 'overload',
    title: `${plan.times} x capacity (${Math.round(perSecond)} writes/s) for ${plan.seconds} s, then as long with the other region away`,
    rows: phases.map((phase) => ({
      side: `Atoll, ${phase.name}`,
      cells: {
        'goodput/s': (phase.answer.count / phase.answer.seconds).toFixed(0),
        'of capacity': goodput(phase).toFixed(2),
        refused: Object.entries(phase.answer.refused)
          .map(([code, count]) => `${code} ${count}`)
          .join(', '),
        ...latencyCells([phase.answer.latencyMillis]),
        'resident MiB': `${Math.min(...phase.residentMib)}-${Math.max(...phase.residentMib)}`,
      },
    })),
    costs: phases.map(({ name, answer }) =>
      costRow(`Atoll, ${name}`, [costCard({ events: answer.count, ...answer })]),
    ),
    targets: [
      ...phases.map((phase) => ({
        what: `goodput / capacity, ${phase.name}`,
        wanted: `>= ${wanted.goodput}`,
        measured: goodput(phase).toFixed(2),
        reached: goodput(phase) >= wanted.goodput,
      })),
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
    ],
    configuration: {
      Atoll: `two regions, one process each, ${shardsDefault} shards, all limits as by default, ${driver}; the load generator is in the writing region's process, so what it costs is taken from the region; away: both links cut, so Kafka, gRPC and process of the other region are out of reach`,
      capacity: `${capacity.perSecond.toFixed(0)} writes/s, by trials of ${capacity.trials.map((trial) => trial.perSecond.toFixed(0)).join(', ')}`,
    },
    // The generator is meant to be late here: what it does not get to is load that was not offered.
    voidBecause: phases
      .filter(({ answer }) => answer.begun < plan.seconds * perSecond * 0.99)
      .map(({ name }) => `less than the load was offered, ${name}`),
    figures: measured,
  };
}
