import { randomBytes } from 'node:crypto';
import type { BenchContext } from './bench.js';
import { lagSlice, startLagPair, type LagPair } from './lag/lag-slice.js';
import { writeLoadDefault } from './load/document-writes.js';
import { regionPair, stopsOf } from './region/start-loaded.js';

/** The rate at which a region replicates without falling behind. */
export interface Capacity {
  readonly perSecond: number;
  readonly trials: readonly Trial[];
}

interface Trial {
  readonly perSecond: number;
  readonly lagP99Millis: number;
  readonly kept: boolean;
}

interface Plan {
  readonly first: number;
  readonly trials: number;
  readonly seconds: number;
}

const plan: Plan = { first: 2000, trials: 7, seconds: 5 };
/** A moment's run looks for nothing. */
const smokePerSecond = 200;

/** The lag that a rate may have and still counts as kept up with. */
export const lagP99MillisMax = 200;

const found = new WeakMap<object, Promise<Capacity>>();

/**
 * The highest open-loop rate in one region, with three on, at which the lag to another one stays below 200 ms at p99, looked for in
 * steps. Once per run: every bench that needs it takes the same.
 */
export function capacityOf(context: BenchContext): Promise<Capacity> {
  const known = found.get(context.servers);
  if (known !== undefined) return known;
  const finding = findCapacity(context);
  found.set(context.servers, finding);
  return finding;
}

async function findCapacity(context: BenchContext): Promise<Capacity> {
  if (context.scale === 'smoke') return { perSecond: smokePerSecond, trials: [] };
  const stops = stopsOf();
  try {
    const settings = await regionPair(context, { throughLinks: false, third: true });
    const load = { ...writeLoadDefault, seed: randomBytes(4).readUInt32BE() };
    const pair = await startLagPair(context, settings, { load, keep: (side) => stops.add(side) });
    await lagSlice(context.servers, pair, { perSecond: plan.first / 2, seconds: plan.seconds });
    return await search(context, pair);
  } finally {
    await stops.stop();
  }
}

async function search(context: BenchContext, pair: LagPair): Promise<Capacity> {
  const trials: Trial[] = [];
  let [best, tooMuch, perSecond] = [0, Infinity, plan.first];
  for (let number = 0; number < plan.trials; number += 1) {
    context.progress.now(`capacity: trying ${Math.round(perSecond)} writes/s`);
    const { lagMillis, failures, missing } = await lagSlice(context.servers, pair, {
      perSecond,
      seconds: plan.seconds,
    });
    const kept = failures + missing === 0 && lagMillis.p99 < lagP99MillisMax;
    trials.push({ perSecond, lagP99Millis: lagMillis.p99, kept });
    if (kept) best = Math.max(best, perSecond);
    else tooMuch = Math.min(tooMuch, perSecond);
    perSecond = tooMuch === Infinity ? best * 1.6 : best === 0 ? tooMuch / 2 : Math.sqrt(best * tooMuch);
  }
  // Nothing was kept up with: the lowest that was tried is the best that can be said.
  return { perSecond: best === 0 ? Math.min(...trials.map((trial) => trial.perSecond)) : best, trials };
}
