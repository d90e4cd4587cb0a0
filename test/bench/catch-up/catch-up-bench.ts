import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Bench, BenchContext, BenchResult, Scale } from '../bench.js';
import { capacityOf, type Capacity } from '../capacity.js';
import { costCard, costRow } from '../cost-card.js';
import { latencyCells } from '../figures.js';
import { writeLoadDefault } from '../load/document-writes.js';
import { whyVoid } from '../load/open-loop.js';
import { sharedMillis } from '../machine.js';
import type { LoadedAnswer } from '../region/loaded-side.js';
import {
  linkSwitch,
  regionPair,
  shardsDefault,
  startLoadedPair,
  stopsOf,
  type LinkSwitch,
  type LoadedPair,
} from '../region/start-loaded.js';

interface Plan {
  readonly share: number;
  readonly cutSeconds: number;
  /** Load goes on for so long after the link is whole again. */
  readonly afterSeconds: number;
  /** Events from which the rate of applying is taken. */
  readonly applyEvents: number;
}

const plans: Readonly<Record<Scale, Plan>> = {
  full: { share: 0.4, cutSeconds: 60, afterSeconds: 60, applyEvents: 60_000 },
  smoke: { share: 0.4, cutSeconds: 0.6, afterSeconds: 2, applyEvents: 500 },
};

const wanted = { timesTheory: 1.5, p99Millis: 10 };
const lookMillis = 100;
/** Behind by less than the events of so long is caught up: under load something is always under way. */
const caughtUpMillis = 200;
const arrivalMillisMax = 180_000;

interface Measured {
  readonly plan: Plan;
  readonly capacity: Capacity;
  readonly perSecond: number;
  readonly applyPerSecond: number;
  readonly backlog: number;
  /** From the healing of the link; `null`: not before the load ended. */
  readonly caughtUpSeconds: number | null;
  readonly local: LoadedAnswer;
}

/** A link is cut for a minute under load: how long the other region takes to catch up while the load goes on. */
export const catchUpBench: Bench = {
  name: 'catch-up',
  async run(context) {
    const plan = plans[context.scale];
    const capacity = await capacityOf(context);
    const link = linkSwitch(context.servers);
    const stops = stopsOf();
    try {
      const settings = await regionPair(context, { throughLinks: true });
      const load = { ...writeLoadDefault, seed: randomBytes(4).readUInt32BE() };
      const pair = await startLoadedPair(context, settings, { load, stops });
      context.progress.now('catch-up: measuring how fast a backlog is applied', 0);
      const applyPerSecond = await applyRate(plan, pair, link);
      const perSecond = capacity.perSecond * plan.share;
      const measured = await underLoad(context, { plan, perSecond, pair, ...link });
      return resultOf(context, { plan, capacity, perSecond, applyPerSecond, ...measured });
    } finally {
      await link.heal();
      await stops.stop();
    }
  },
};

/** Of a backlog that nothing is added to, from the first event that arrives to the last: no time to reconnect is in it. */
async function applyRate(plan: Plan, { near, far }: LoadedPair, { cut, heal }: LinkSwitch): Promise<number> {
  const { count } = await near.ask({
    kind: 'write',
    inFlight: 256,
    seconds: 2,
    countMax: plan.applyEvents / 4,
  });
  await far.ask({ kind: 'applied', total: count, withinMillis: arrivalMillisMax });
  await cut();
  const order = { kind: 'write', inFlight: 256, seconds: 120, countMax: plan.applyEvents } as const;
  const { committed } = await near.ask(order);
  await heal();
  await far.ask({ kind: 'applied', total: count + 1, withinMillis: arrivalMillisMax });
  const rest = await far.ask({ kind: 'applied', total: committed, withinMillis: arrivalMillisMax });
  return rest.count / rest.seconds;
}

interface UnderLoad extends LinkSwitch {
  readonly plan: Plan;
  readonly perSecond: number;
  readonly pair: LoadedPair;
}

async function underLoad({ progress }: BenchContext, parts: UnderLoad) {
  const { plan, perSecond, pair, cut, heal } = parts;
  const { near, far } = pair;
  const seconds = plan.cutSeconds + plan.afterSeconds;
  progress.now(`catch-up: cut for ${plan.cutSeconds} s at ${Math.round(perSecond)} writes/s`, 0.2);
  await cut();
  let loaded = true;
  const load = near.ask({ kind: 'open', perSecond, seconds }).finally(() => (loaded = false));
  await pause(plan.cutSeconds * 1000);
  const backlog = await behind(pair);
  const healed = sharedMillis();
  await heal();
  progress.now('catch-up: healed', 0.6);
  let caughtUpSeconds: number | null = null;
  while (loaded && caughtUpSeconds === null) {
    if ((await behind(pair)) <= (perSecond * caughtUpMillis) / 1000)
      caughtUpSeconds = (sharedMillis() - healed) / 1000;
    else await pause(lookMillis);
  }
  const local = await load;
  await far.ask({ kind: 'applied', total: local.committed, withinMillis: arrivalMillisMax });
  return { backlog, caughtUpSeconds, local };
}

async function behind({ near, far }: LoadedPair): Promise<number> {
  // The one that is ahead is asked first: what it adds meanwhile does not count.
  const { committed } = await near.ask({ kind: 'tally' });
  const { applied } = await far.ask({ kind: 'tally' });
  return committed - applied;
}

function resultOf({ driver }: BenchContext, measured: Measured): BenchResult {
  const { plan, capacity, perSecond, applyPerSecond, backlog, caughtUpSeconds, local } = measured;
  const theory = applyPerSecond > perSecond ? backlog / (applyPerSecond - perSecond) : Infinity;
  const times = caughtUpSeconds === null ? Infinity : caughtUpSeconds / theory;
  const { p99 } = local.latencyMillis;
  const failures = Object.values(local.refused).reduce((sum, count) => sum + count, 0);
  const took = caughtUpSeconds === null ? `not within ${plan.afterSeconds}` : caughtUpSeconds.toFixed(1);
  return {
    name: 'catch-up',
    title: `a link cut for ${plan.cutSeconds} s at ${Math.round(perSecond)} writes/s, ${plan.share * 100} % of capacity; the load goes on`,
    rows: [
      { side: 'Atoll: local write, meanwhile', cells: latencyCells([local.latencyMillis]) },
      {
        side: 'Atoll: to catch up',
        cells: { seconds: took, 'of theory': times.toFixed(2), backlog: String(backlog) },
      },
      {
        side: 'theory: backlog / (apply - write)',
        cells: { seconds: theory.toFixed(1), 'apply/s': applyPerSecond.toFixed(0) },
      },
    ],
    costs: [costRow('Atoll, the writing region', [costCard({ events: local.count, ...local })])],
    targets: [
      {
        what: 'time to catch up / theory',
        wanted: `<= ${wanted.timesTheory}`,
        measured: `${times.toFixed(2)} (${took} s of ${theory.toFixed(1)} s)`,
        reached: times <= wanted.timesTheory,
      },
      {
        what: 'p99 of a local write meanwhile',
        wanted: `< ${wanted.p99Millis} ms`,
        measured: `${p99.toFixed(1)} ms`,
        reached: p99 < wanted.p99Millis,
      },
      { what: 'writes refused', wanted: '0', measured: String(failures), reached: failures === 0 },
    ],
    configuration: {
      Atoll: `two regions, one process each, ${shardsDefault} shards, all limits as by default, ${driver}; both links (Kafka and gRPC) held everything back for ${plan.cutSeconds} s; caught up: behind by less than the writes of ${caughtUpMillis} ms`,
      capacity: `${capacity.perSecond.toFixed(0)} writes/s: the highest rate tried at which the lag stayed below 200 ms at p99 (${capacity.trials.map((trial) => `${trial.perSecond.toFixed(0)}: ${trial.lagP99Millis.toFixed(0)} ms`).join(', ')})`,
      theory: `how fast ${plan.applyEvents} events that waited behind the same cut were applied, with no load, from the first to the last`,
    },
    voidBecause: [
      whyVoid('Atoll', { begun: local.begun, lateMillis: local.lateMillis ?? local.latencyMillis }),
    ].filter((reason) => reason !== undefined),
    figures: { ...measured, theorySeconds: theory },
  };
}
