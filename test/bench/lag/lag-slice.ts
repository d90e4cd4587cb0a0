import type { BenchContext } from '../bench.js';
import { costCard, type CostCard } from '../cost-card.js';
import type { WriteLoadOptions } from '../load/document-writes.js';
import type { EventKeys } from '../load/event-times.js';
import type { OpenLoopResult } from '../load/open-loop.js';
import type { RegionSettings } from '../region/open-region.js';
import {
  startGenerator,
  startLoaded,
  watched,
  type Generator,
  type LoadedRegion,
  type PairSettings,
} from '../region/start-loaded.js';
import type { BenchServers } from '../servers.js';
import { startSide, type Side } from '../side/start-side.js';
import { percentilesOf, type Percentiles } from '../statistics.js';
import type { ReaderAnswer, ReaderOrder, ReaderSettings } from './reader-side.js';

export type Reader = Side<ReaderOrder, ReaderAnswer>;

/** The region that writes and whoever loads it, and the region whose reader is told. */
export interface LagPair {
  readonly near: LoadedRegion;
  readonly far: LoadedRegion;
  readonly generator: Generator;
  readonly reader: Reader;
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
  /** CPU microseconds per write of whoever made the load. */
  readonly generatorMicros: number;
}

/** After this the slice is given up: something is broken, not slow. */
export const arrivalMillisMax = 60_000;

/** Writes at one rate in one region, and waits until a reader of the other has been told of all of it. */
export async function lagSlice(
  servers: BenchServers,
  { near, far, generator, reader }: LagPair,
  { perSecond, seconds }: { readonly perSecond: number; readonly seconds: number },
): Promise<LagSlice> {
  const { result, ...spent } = await servers.metered(servers.near, () =>
    watched(near, () => generator.ask({ kind: 'open', perSecond, seconds, lists: true })),
  );
  const { written, refused, begun, count, lateMillis, costs } = result.result;
  if (written === null) throw new Error('a generator lists what it was asked to list');
  const { keys, intended, acknowledged } = written;
  const { told, toldAgain } = await reader.ask({ keys, withinMillis: arrivalMillisMax });
  const [committed, applied] = await Promise.all([commitsOf(near, keys), commitsOf(far, keys)]);
  const between = (from: Float64Array, to: Float64Array): Percentiles =>
    percentilesOf(to.map((time, at) => time - (from[at] ?? NaN)).filter((millis) => !Number.isNaN(millis)));
  const lagMillis = between(committed, told);
  const { costs: regionCosts, traffic } = result.region;
  return {
    generator: { begun, lateMillis },
    failures: Object.values(refused).reduce((sum, one) => sum + one, 0),
    missing: count - lagMillis.count,
    toldAgain,
    lagMillis,
    appliedMillis: between(committed, applied),
    acknowledgedMillis: between(intended, acknowledged),
    throughMillis: between(intended, told),
    card: costCard({ events: count, costs: regionCosts, traffic }, spent),
    generatorMicros: costs.cpuMicros / Math.max(1, count),
  };
}

async function commitsOf(region: LoadedRegion, keys: EventKeys): Promise<Float64Array> {
  const { commitMillis } = await region.ask({ kind: 'commits', keys });
  if (commitMillis === undefined) throw new Error('a region says when events were durable');
  return commitMillis;
}

type Keep = <T extends { stop(): Promise<void> }>(started: T) => T;

/** Starts a third region, too, where the settings have one. @param keep is told of what must be stopped. */
export async function startLagPair(
  context: BenchContext,
  settings: PairSettings,
  { load, keep }: { readonly load: WriteLoadOptions; readonly keep: Keep },
): Promise<LagPair> {
  const start = async (region: RegionSettings | undefined, more: { notesCommits?: true }) =>
    region === undefined ? undefined : keep(await startLoaded(context, region, load, more));
  const [far, near] = await Promise.all([
    start(settings.far, { notesCommits: true }),
    start(settings.near, { notesCommits: true }),
    start(settings.third, {}),
  ]);
  if (far === undefined || near === undefined) throw new Error('a pair has two regions');
  const [generator, reader] = await Promise.all([
    startGenerator(settings.near, load),
    startReader(settings.far),
  ]);
  return { far, near, generator: keep(generator), reader: keep(reader) };
}

function startReader({ clients, region }: RegionSettings): Promise<Reader> {
  if (clients === undefined) throw new Error(`${region} serves no clients`);
  return startSide<ReaderSettings, ReaderOrder, ReaderAnswer>({
    module: new URL('./reader-side.js', import.meta.url),
    settings: { http: clients.http },
  });
}

/** How each of the benches that measure a lag does it, for their reports. */
export const lagText =
  "the load comes from a process of its own over the public batch RPC, one call every 5 ms; the reader is another process on the other region's public feed over HTTP; from the answer of the database here until the bytes are at the reader there, by the shared monotonic clock";
