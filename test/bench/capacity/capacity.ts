import { randomBytes } from 'node:crypto';
import type { BenchContext, Scale } from '../bench.js';
import { lagSlice, startLagPair, type LagPair, type LagSlice } from '../lag/lag-slice.js';
import { writeLoadDefault } from '../load/document-writes.js';
import { regionPair, stopsOf } from '../region/start-loaded.js';

/** The rate at which a region replicates without falling behind. */
export interface Capacity {
  readonly perSecond: number;
  /** Whether it was kept up with for the whole time that is asked for. */
  readonly confirmed: boolean;
  /** In short steps, in their order. */
  readonly trials: readonly Trial[];
  /** For the whole time, each a tenth lower than the one before. */
  readonly confirmations: readonly Trial[];
}

export interface Trial {
  readonly perSecond: number;
  readonly seconds: number;
  readonly kept: boolean;
  readonly slice: LagSlice;
}

interface Plan {
  readonly first: number;
  readonly warmUpSeconds: number;
  readonly trials: number;
  readonly trialSeconds: number;
  /** The search ends with the trial during which so much time has passed: overload takes long to drain. */
  readonly searchSecondsMax: number;
  /** The same where nothing is confirmed. */
  readonly briefSecondsMax: number;
  readonly seconds: number;
  readonly confirmations: number;
}

export const capacityPlans: Readonly<Record<Scale, Plan>> = {
  full: {
    first: 1200,
    warmUpSeconds: 10,
    trials: 10,
    trialSeconds: 4,
    searchSecondsMax: 60,
    briefSecondsMax: 40,
    seconds: 60,
    confirmations: 3,
  },
  smoke: {
    first: 200,
    warmUpSeconds: 0.2,
    trials: 1,
    trialSeconds: 0.5,
    searchSecondsMax: 1,
    briefSecondsMax: 1,
    seconds: 0.5,
    confirmations: 1,
  },
};

/** What the benches of a moment's run take parts of. */
const notLookedFor: Capacity = { perSecond: 200, confirmed: false, trials: [], confirmations: [] };

/** The lag that a rate may have and still counts as kept up with. */
export const lagP99MillisMax = 200;

/** While nothing is too much, the rate grows by this; what was not kept up with for the whole time is taken down by that. */
const steps = { up: 1.4, down: 0.9 };

/** So many failures make a rate too much: a checkpoint or a moment's other work is no limit. */
const failuresMax = 2;

/** Bounds closer than this are not searched between: the confirmation steps down further than that. */
const closeEnough = 1.06;

const found = new WeakMap<object, Promise<Capacity>>();

/**
 * The highest open-loop rate in one region, with three on, at which the lag to another one stays below 200 ms at p99 for a
 * minute. Once per run: every bench that needs it takes the same.
 */
export function capacityOf(context: BenchContext): Promise<Capacity> {
  if (context.scale === 'smoke') return Promise.resolve(notLookedFor);
  const known = found.get(context.servers);
  if (known !== undefined) return known;
  const finding = findCapacity(context, false);
  found.set(context.servers, finding);
  return finding;
}

/** The same where it was found in this run; else what short steps alone show, in a minute: it may be too much for longer. */
export function briefCapacityOf(context: BenchContext): Promise<Capacity> {
  if (context.scale === 'smoke') return Promise.resolve(notLookedFor);
  return found.get(context.servers) ?? findCapacity(context, true);
}

/** For the row of its own: it is looked for in a moment's run, too, though nobody takes parts of what is found then. */
export function capacityForItself(context: BenchContext): Promise<Capacity> {
  return context.scale === 'smoke' ? findCapacity(context, false) : capacityOf(context);
}

async function findCapacity(context: BenchContext, brief: boolean): Promise<Capacity> {
  const { first, warmUpSeconds } = capacityPlans[context.scale];
  const stops = stopsOf();
  try {
    const settings = await regionPair(context, {
      throughLinks: false,
      third: context.scale === 'full',
      clients: ['near', 'far'],
    });
    const load = { ...writeLoadDefault, seed: randomBytes(4).readUInt32BE() };
    const pair = await startLagPair(context, settings, { load, keep: (side) => stops.add(side) });
    context.progress.now('capacity: warming up', 0);
    await lagSlice(context.servers, pair, { perSecond: first / 2, seconds: warmUpSeconds });
    const trials = await search(context, pair, brief);
    if (brief) return { perSecond: bestOf(trials), confirmed: false, trials, confirmations: [] };
    return { trials, ...(await confirm(context, pair, bestOf(trials))) };
  } finally {
    await stops.stop();
  }
}

async function search(context: BenchContext, pair: LagPair, brief: boolean): Promise<readonly Trial[]> {
  const plan = capacityPlans[context.scale];
  const trials: Trial[] = [];
  const until = performance.now() + (brief ? plan.briefSecondsMax : plan.searchSecondsMax) * 1000;
  while (trials.length < plan.trials && performance.now() < until) {
    const perSecond = nextRate(plan, trials);
    if (perSecond === undefined) break;
    const share = (trials.length / plan.trials) * 0.4;
    context.progress.now(`capacity: trying ${Math.round(perSecond)} writes/s`, share);
    trials.push(await trialOf(context, pair, { perSecond, seconds: plan.trialSeconds }));
  }
  return trials;
}

/** Upwards until it is too much, then between the best and what was too much; `undefined`: they have met. */
function nextRate({ first }: Plan, trials: readonly Trial[]): number | undefined {
  const last = trials.at(-1);
  if (last === undefined) return first;
  const failures = trials.filter(({ perSecond, kept }) => !kept && perSecond === last.perSecond).length;
  if (!last.kept && failures < failuresMax) return last.perSecond;
  const best = Math.max(0, ...ratesOf(trials, true));
  const tooMuch = Math.min(...ratesOf(trials, false).filter((rate) => rate > best));
  if (tooMuch === Infinity) return best * steps.up;
  if (best === 0) return tooMuch / 2;
  return tooMuch / best < closeEnough ? undefined : Math.sqrt(best * tooMuch);
}

/** Where nothing was kept up with, the lowest rate that was tried. */
function bestOf(trials: readonly Trial[]): number {
  const kept = ratesOf(trials, true);
  return kept.length > 0 ? Math.max(...kept) : Math.min(...ratesOf(trials, false));
}

function ratesOf(trials: readonly Trial[], kept: boolean): readonly number[] {
  return trials.filter((trial) => trial.kept === kept).map(({ perSecond }) => perSecond);
}

async function confirm(
  context: BenchContext,
  pair: LagPair,
  first: number,
): Promise<Omit<Capacity, 'trials'>> {
  const confirmations: Trial[] = [];
  const { seconds, confirmations: tries } = capacityPlans[context.scale];
  let perSecond = first;
  while (confirmations.length < tries) {
    const share = 0.4 + 0.6 * (confirmations.length / tries);
    context.progress.now(`capacity: ${Math.round(perSecond)} writes/s for ${seconds} s`, share);
    const trial = await trialOf(context, pair, { perSecond, seconds });
    confirmations.push(trial);
    if (trial.kept) return { perSecond, confirmed: true, confirmations };
    perSecond *= steps.down;
  }
  return { perSecond, confirmed: false, confirmations };
}

async function trialOf(
  { servers }: BenchContext,
  pair: LagPair,
  order: { readonly perSecond: number; readonly seconds: number },
): Promise<Trial> {
  const slice = await lagSlice(servers, pair, order);
  const kept = slice.failures + slice.missing === 0 && slice.lagMillis.p99 < lagP99MillisMax;
  return { ...order, kept, slice };
}

/** How it was found, for the reports of the benches that take parts of it. */
export function capacityText({ perSecond, confirmed, trials, confirmations }: Capacity): string {
  const [trial] = trials;
  if (trial === undefined) return `${perSecond.toFixed(0)} writes/s: not looked for`;
  const each = (all: readonly Trial[]): string =>
    all.map((one) => `${one.perSecond.toFixed(0)}: ${one.slice.lagMillis.p99.toFixed(0)} ms`).join(', ');
  const [confirmation] = confirmations;
  const held = confirmed ? 'kept' : 'NOT kept';
  const then =
    confirmation === undefined
      ? 'not tried for longer'
      : `then ${held} for ${confirmation.seconds} s (${each(confirmations)})`;
  return `${perSecond.toFixed(0)} writes/s: the highest rate at which the lag stayed below ${lagP99MillisMax} ms at p99, three regions on; looked for in steps of ${trial.seconds} s (${each(trials)}), ${then}`;
}
