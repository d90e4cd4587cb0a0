import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Bench, BenchContext, BenchResult, Scale } from '../bench.js';
import { capacityOf, capacityText, type Capacity } from '../capacity/capacity.js';
import { costCard, costRow, type CostCard } from '../cost-card.js';
import { latencyCells, ratioText, spreadText } from '../figures.js';
import { writeLoadDefault } from '../load/document-writes.js';
import type { GeneratorAnswer } from '../load/generator-side.js';
import { whyVoid } from '../load/open-loop.js';
import { sharedMillis } from '../machine.js';
import type { LoadedAnswer } from '../region/loaded-side.js';
import {
  linkSwitch,
  regionPair,
  shardsDefault,
  startGenerator,
  startLoadedPair,
  stopsOf,
  watched,
  type Generator,
  type LinkSwitch,
  type LoadedPair,
} from '../region/start-loaded.js';
import { spreadOf } from '../statistics.js';

interface Plan {
  readonly rounds: number;
  readonly share: number;
  readonly cutSeconds: number;
  /** Load goes on for at most so long after the link is whole again. */
  readonly afterSecondsMax: number;
  /** And for so long after the other region has caught up. */
  readonly lastSeconds: number;
  /** Events from which the rate of applying is taken. */
  readonly applyEvents: number;
}

const plans: Readonly<Record<Scale, Plan>> = {
  full: {
    rounds: 2,
    share: 0.4,
    cutSeconds: 60,
    afterSecondsMax: 60,
    lastSeconds: 2,
    applyEvents: 60_000,
  },
  smoke: { rounds: 1, share: 0.4, cutSeconds: 0.6, afterSecondsMax: 2, lastSeconds: 0, applyEvents: 500 },
};

const wanted = { timesTheory: 1.5, p99Millis: 10 };
const lookMillis = 100;
/** Behind by less than the events of so long is caught up: under load something is always under way. */
const caughtUpMillis = 200;
const arrivalMillisMax = 180_000;

interface Round {
  readonly applyPerSecond: number;
  readonly backlog: number;
  /** From the healing of the link; `null`: not before the load ended. */
  readonly caughtUpSeconds: number | null;
  readonly local: GeneratorAnswer;
  readonly region: LoadedAnswer;
  /** Of the writing region, per write, from the cut until the load ended. */
  readonly card: CostCard;
}

interface Parts extends LoadedPair, LinkSwitch {
  readonly generator: Generator;
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
      const settings = await regionPair(context, { throughLinks: true, clients: ['near'] });
      const load = { ...writeLoadDefault, seed: randomBytes(4).readUInt32BE() };
      const pair = await startLoadedPair(context, settings, { load, stops });
      const parts = { ...pair, ...link, generator: stops.add(await startGenerator(settings.near, load)) };
      const perSecond = capacity.perSecond * plan.share;
      context.progress.now('catch-up: warming up', 0);
      await parts.near.ask({ kind: 'write', inFlight: 256, seconds: 2, countMax: plan.applyEvents / 4 });
      await parts.generator.ask({ kind: 'open', perSecond, seconds: plan.cutSeconds / 20 });
      const rounds: Round[] = [];
      while (rounds.length < plan.rounds)
        rounds.push(await roundOf(context, { plan, perSecond, parts, number: rounds.length }));
      return resultOf(context, { plan, capacity, perSecond, rounds });
    } finally {
      await link.heal();
      await stops.stop();
    }
  },
};

/** Of a backlog that nothing is added to, from the first event that arrives to the last: no time to reconnect is in it. */
async function applyRate(plan: Plan, { near, far, cut, heal }: Parts): Promise<number> {
  const before = await near.ask({ kind: 'tally' });
  await far.ask({ kind: 'applied', total: before.committed, withinMillis: arrivalMillisMax });
  await cut();
  const order = { kind: 'write', inFlight: 256, seconds: 120, countMax: plan.applyEvents } as const;
  const { committed } = await near.ask(order);
  await heal();
  await far.ask({ kind: 'applied', total: before.committed + 1, withinMillis: arrivalMillisMax });
  const rest = await far.ask({ kind: 'applied', total: committed, withinMillis: arrivalMillisMax });
  return rest.count / rest.seconds;
}

interface RoundParts {
  readonly plan: Plan;
  readonly perSecond: number;
  readonly parts: Parts;
  readonly number: number;
}

async function roundOf(
  { progress, servers }: BenchContext,
  { plan, perSecond, parts, number }: RoundParts,
): Promise<Round> {
  const { near, far, generator, cut, heal } = parts;
  const tell = (what: string, share: number): void =>
    progress.now(`catch-up: round ${number + 1} of ${plan.rounds}, ${what}`, (number + share) / plan.rounds);
  tell('how fast a backlog is applied', 0);
  const applyPerSecond = await applyRate(plan, parts);
  tell(`cut for ${plan.cutSeconds} s at ${Math.round(perSecond)} writes/s`, 0.2);
  await cut();
  const seconds = plan.cutSeconds + plan.afterSecondsMax;
  let loaded = true;
  const load = servers
    .metered(servers.near, () => watched(near, () => generator.ask({ kind: 'open', perSecond, seconds })))
    .finally(() => (loaded = false));
  await pause(plan.cutSeconds * 1000);
  const backlog = await behind(parts);
  const healed = sharedMillis();
  await heal();
  tell(`healed with ${backlog} events behind`, 0.8);
  let caughtUpSeconds: number | null = null;
  while (loaded && caughtUpSeconds === null) {
    if ((await behind(parts)) <= (perSecond * caughtUpMillis) / 1000)
      caughtUpSeconds = (sharedMillis() - healed) / 1000;
    else await pause(lookMillis);
  }
  await pause(plan.lastSeconds * 1000);
  await generator.ask({ kind: 'stop' });
  const { result, ...spent } = await load;
  const { result: local, region } = result;
  const card = costCard({ ...region, events: local.count }, spent);
  const { committed } = await near.ask({ kind: 'tally' });
  await far.ask({ kind: 'applied', total: committed, withinMillis: arrivalMillisMax });
  return { applyPerSecond, backlog, caughtUpSeconds, local, region, card };
}

async function behind({ near, far }: LoadedPair): Promise<number> {
  // The one that is ahead is asked first: what it adds meanwhile does not count.
  const { committed } = await near.ask({ kind: 'tally' });
  const { applied } = await far.ask({ kind: 'tally' });
  return committed - applied;
}

interface Measured {
  readonly plan: Plan;
  readonly capacity: Capacity;
  readonly perSecond: number;
  readonly rounds: readonly Round[];
}

function resultOf({ driver }: BenchContext, measured: Measured): BenchResult {
  const { plan, capacity, perSecond, rounds } = measured;
  const theories = rounds.map(({ applyPerSecond, backlog }) =>
    applyPerSecond > perSecond ? backlog / (applyPerSecond - perSecond) : Infinity,
  );
  const took = rounds.map(({ caughtUpSeconds }) => caughtUpSeconds ?? Infinity);
  const times = spreadOf(took.map((seconds, at) => seconds / (theories[at] ?? NaN)));
  const latencies = rounds.map(({ local }) => local.latencyMillis);
  const p99 = spreadOf(latencies.map((one) => one.p99));
  const failures = rounds
    .flatMap(({ local }) => Object.values(local.refused))
    .reduce((sum, count) => sum + count, 0);
  const backlogs = spreadOf(rounds.map(({ backlog }) => backlog));
  const applied = spreadOf(rounds.map(({ applyPerSecond }) => applyPerSecond));
  return {
    name: 'catch-up',
    title: `a link cut for ${plan.cutSeconds} s at ${Math.round(perSecond)} writes/s, ${plan.share * 100} % of capacity; the load goes on; ${plan.rounds} rounds`,
    rows: [
      { side: 'Atoll: local write, meanwhile', cells: latencyCells(latencies) },
      {
        side: 'Atoll: to catch up',
        cells: {
          seconds: spreadText(spreadOf(took)),
          'of theory': ratioText(times),
          backlog: spreadText(backlogs, '', 0),
        },
      },
      {
        side: 'theory: backlog / (apply - write)',
        cells: { seconds: spreadText(spreadOf(theories)), 'apply/s': spreadText(applied, '', 0) },
      },
    ],
    costs: [
      costRow(
        'Atoll, the writing region',
        rounds.map(({ card }) => card),
      ),
    ],
    targets: [
      {
        what: 'time to catch up / theory',
        wanted: `<= ${wanted.timesTheory}`,
        measured: `${ratioText(times)}, ${spreadText(spreadOf(took), ' s')}; not within ${plan.afterSecondsMax} s: ${took.filter((seconds) => seconds === Infinity).length}`,
        reached: times.median <= wanted.timesTheory,
      },
      {
        what: 'p99 of a local write meanwhile',
        wanted: `< ${wanted.p99Millis} ms`,
        measured: spreadText(p99, ' ms'),
        reached: p99.median < wanted.p99Millis,
      },
      { what: 'writes refused', wanted: '0', measured: String(failures), reached: failures === 0 },
    ],
    configuration: {
      Atoll: `two regions, one process each, ${shardsDefault} shards, all limits as by default, ${driver}; load by a generator in a process of its own over the public batch RPC; both links (Kafka and gRPC) held everything back for ${plan.cutSeconds} s; caught up: behind by less than the writes of ${caughtUpMillis} ms`,
      capacity: capacityText(capacity),
      theory: `how fast ${plan.applyEvents} events that waited behind the same cut were applied just before each round, with no load, from the first to the last`,
    },
    voidBecause: rounds
      .map(({ local }, at) => whyVoid(`Atoll in round ${at + 1}`, local))
      .filter((reason) => reason !== undefined),
    plots: [
      {
        name: 'catch-up',
        title: `Seconds to catch up after a cut of ${plan.cutSeconds} s, at ${plan.share * 100} % of capacity`,
        unit: 's',
        bars: [
          { label: 'Atoll', value: spreadOf(took.map((one) => Math.min(one, plan.afterSecondsMax))) },
          { label: 'backlog / (apply - write)', value: spreadOf(theories) },
        ],
      },
    ],
    figures: { ...measured, theories, times },
  };
}
