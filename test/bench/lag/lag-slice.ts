import type { BenchContext } from '../bench.js';
import { costCard, type CostCard } from '../cost-card.js';
import type { WriteLoadOptions } from '../load/document-writes.js';
import type { OpenLoopResult } from '../load/open-loop.js';
import type { PairSettings } from '../region/start-loaded.js';
import type { BenchServers } from '../servers.js';
import { startSide, type Side } from '../side/start-side.js';
import { percentilesOf, type Percentiles } from '../statistics.js';
import type { LagAnswer, LagOrder, LagRegionSettings, Seen, Written } from './region-side.js';

export type LagRegion = Side<LagOrder, LagAnswer>;

/** The region that writes, and the one whose reader is told. */
export interface LagPair {
  readonly near: LagRegion;
  readonly far: LagRegion;
}

export interface LagSlice {
  readonly generator: OpenLoopResult;
  readonly failures: number;
  /** Written, and not told to the reader of the other region within a minute. */
  readonly missing: number;
  readonly toldAgain: number;
  /** Commit here until told to a reader there. */
  readonly lagMillis: Percentiles;
  /** Commit here until durable there. */
  readonly appliedMillis: Percentiles;
  readonly acknowledgedMillis: Percentiles;
  /** Intended start until told to a reader there. */
  readonly throughMillis: Percentiles;
  /** Of the writing region. */
  readonly card: CostCard;
}

/** After this the slice is given up: something is broken, not slow. */
export const arrivalMillisMax = 60_000;

/** Writes at one rate in one region, and waits until a reader of the other has been told of all of it. */
export async function lagSlice(
  servers: BenchServers,
  { near, far }: LagPair,
  { perSecond, seconds }: { readonly perSecond: number; readonly seconds: number },
): Promise<LagSlice> {
  const { result: written, ...spent } = await servers.metered(servers.near, () =>
    near.ask({ kind: 'write', perSecond, seconds }),
  );
  if (written.kind !== 'written') throw new Error('a region answers what it was asked');
  const { writes, failures, loop, costs, traffic } = written;
  const keys = Float64Array.from(writes, ({ key }) => key);
  const seen = await far.ask({ kind: 'seen', keys, withinMillis: arrivalMillisMax });
  if (seen.kind !== 'seen') throw new Error('a region answers what it was asked');
  const there = new Map(seen.changes.map((change) => [change.key, change]));
  const pairs = writes.flatMap((write) => {
    const change = there.get(write.key);
    return change === undefined ? [] : [[write, change] as const];
  });
  const over = (of: (write: Written, change: Seen) => number): Percentiles =>
    percentilesOf(pairs.map(([write, change]) => of(write, change)));
  return {
    generator: loop,
    failures,
    missing: writes.length - pairs.length,
    toldAgain: seen.toldAgain,
    lagMillis: over(({ committed }, { told }) => told - committed),
    appliedMillis: over(({ committed }, { applied }) => applied - committed),
    acknowledgedMillis: over(({ intended, acknowledged }) => acknowledged - intended),
    throughMillis: over(({ intended }, { told }) => told - intended),
    card: costCard({ events: writes.length, costs, traffic }, spent),
  };
}

/** Starts a third region, too, where the settings have one. @param keep is told of what must be stopped. */
export async function startLagPair(
  { profileDirectory }: BenchContext,
  settings: PairSettings,
  { load, keep }: { readonly load: WriteLoadOptions; readonly keep: (started: LagRegion) => LagRegion },
): Promise<LagPair> {
  const start = async (place: keyof PairSettings): Promise<LagRegion | undefined> => {
    const region = settings[place];
    if (region === undefined) return undefined;
    return keep(
      await startSide<LagRegionSettings, LagOrder, LagAnswer>({
        module: new URL('./region-side.js', import.meta.url),
        settings: { region, load, reads: place === 'far' },
        ...(profileDirectory === undefined ? {} : { profileDirectory }),
      }),
    );
  };
  const [far, near] = await Promise.all([start('far'), start('near'), start('third')]);
  if (far === undefined || near === undefined) throw new Error('a pair has two regions');
  return { far, near };
}
