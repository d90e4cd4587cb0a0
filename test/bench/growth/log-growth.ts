import type { BenchContext } from '../bench.js';
import { writeLoadDefault } from '../load/document-writes.js';
import { soloRegion, startLoaded, type LoadedRegion, type Stops } from '../region/start-loaded.js';
import { alternating, type Rounds } from '../rounds.js';
import { sliceOf, type Slice } from './slice.js';

export interface LogPlan {
  readonly rounds: number;
  /** As many in both: only the logs differ. */
  readonly entities: number;
  /** Events in the log, in the middle of the rounds. */
  readonly few: number;
  readonly many: number;
  /** Written in a slice: they make the log longer, so their number is given and not their time. */
  readonly sliceEvents: number;
}

/** A machine that is slower than this has no million events to measure with. */
const fillSecondsMax = 1200;

export interface LogSides {
  readonly fewEvents: Slice;
  readonly manyEvents: Slice;
}

type LogRegions = { readonly [Name in keyof LogSides]: LoadedRegion };

interface Writing {
  readonly inFlight: number;
  readonly seed: number;
  readonly stops: Stops;
}

/** Before the first round: so much less than there is to be in the middle of them. */
function eventsBefore({ rounds, sliceEvents }: LogPlan, events: number): number {
  return events - (rounds * sliceEvents) / 2;
}

/** Two regions that have written the same entities, one of them many times more. */
export async function startLogs(
  context: BenchContext,
  plan: LogPlan,
  { inFlight, seed, stops }: Writing,
): Promise<LogRegions> {
  const load = { ...writeLoadDefault, seed, entities: plan.entities };
  const written = async (events: number): Promise<LoadedRegion> => {
    const region = stops.add(await startLoaded(context, await soloRegion(context), load));
    const before = eventsBefore(plan, events);
    context.progress.now(`growth: writing ${before} events to ${plan.entities} entities`);
    await region.ask({ kind: 'fill', inFlight, from: 0, count: plan.entities });
    const rest = before - plan.entities;
    const { committed } = await region.ask({
      kind: 'write',
      inFlight,
      seconds: fillSecondsMax,
      countMax: rest,
    });
    if (committed !== before) throw new Error(`${committed} events were written, not ${before}`);
    return region;
  };
  const [fewEvents, manyEvents] = await Promise.all([written(plan.few), written(plan.many)]);
  return { fewEvents, manyEvents };
}

export function measureLogs(
  { servers, progress }: BenchContext,
  { rounds, sliceEvents }: LogPlan,
  { regions, inFlight }: { readonly regions: LogRegions; readonly inFlight: number },
): Promise<Rounds<LogSides>> {
  const order = { kind: 'write', inFlight, seconds: 120, countMax: sliceEvents, publishes: 1 } as const;
  const slice = (region: LoadedRegion) => async (): Promise<Slice> =>
    sliceOf(await servers.metered(servers.near, () => region.ask(order)), 1);
  return alternating<LogSides>(
    { bench: 'growth', rounds, progress },
    { fewEvents: slice(regions.fewEvents), manyEvents: slice(regions.manyEvents) },
  );
}

/** For the report. */
export function logText(plan: LogPlan): string {
  const { rounds, entities, sliceEvents, few, many } = plan;
  const range = (events: number): string => {
    const before = eventsBefore(plan, events);
    return `${before} to ${before + rounds * sliceEvents}`;
  };
  return `one region process each, with a database of its own, which wrote all of its log itself: ${entities} entities once each, then drawn with Zipf ${writeLoadDefault.zipfExponent}; ${rounds} rounds of ${sliceEvents} events each, in which the logs grew from ${range(few)} and from ${range(many)}; these two before all else`;
}
