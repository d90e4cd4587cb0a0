import { randomBytes } from 'node:crypto';
import type { BenchContext } from '../bench.js';
import type { WriteLoadOptions } from '../load/document-writes.js';
import { freeAddress } from '../servers.js';
import { startSide, type Side } from '../side/start-side.js';
import type { LoadedAnswer, LoadedOrder, LoadedSettings } from './loaded-side.js';
import type { RegionSettings } from './open-region.js';

export type LoadedRegion = Side<LoadedOrder, LoadedAnswer>;

export const shardsDefault = 16;

/** Stops whatever a bench started, all at once. */
export interface Stops {
  add<T extends { stop(): Promise<void> }>(started: T): T;
  stop(): Promise<void>;
}

export function stopsOf(): Stops {
  const all: (() => Promise<void>)[] = [];
  return {
    add(started) {
      all.push(() => started.stop());
      return started;
    },
    async stop() {
      await Promise.all(all.splice(0).map((stop) => stop()));
    },
  };
}

/** A region alone, on the near servers. */
export async function soloRegion({ servers, driver }: BenchContext): Promise<RegionSettings> {
  const region = `solo-${randomBytes(3).toString('hex')}`;
  return {
    region,
    postgresUrl: await servers.newDatabase(servers.near),
    brokers: { [region]: servers.near.kafkaBrokers },
    driver,
    grpc: await freeAddress(),
    peers: {},
    shards: shardsDefault,
  };
}

export interface PairSettings {
  readonly near: RegionSettings;
  readonly far: RegionSettings;
}

export interface PairOptions {
  readonly throughLinks: boolean;
  /** Three letters, as regions are named where bytes are counted. */
  readonly shortNames?: boolean;
}

/**
 * Two regions that replicate to each other, on new databases: by each other's own addresses, or through the links of the
 * stack, which can be slowed and cut.
 */
export async function regionPair(
  { servers, driver }: BenchContext,
  { throughLinks, shortNames = false }: PairOptions,
): Promise<PairSettings> {
  const { near, far, stack } = servers;
  const suffix = randomBytes(3).toString('hex');
  const names = shortNames
    ? { near: `n${suffix.slice(0, 2)}`, far: `f${suffix.slice(0, 2)}` }
    : { near: `near-${suffix}`, far: `far-${suffix}` };
  const grpc = { near: await freeAddress(), far: await freeAddress() };
  const places = { near, far };
  if (throughLinks) {
    for (const place of ['near', 'far'] as const)
      await stack.grpcTarget(places[place].region, Number(grpc[place].split(':')[1]));
  }
  const settings = async (own: 'near' | 'far', other: 'near' | 'far'): Promise<RegionSettings> => {
    const peer = places[other];
    const from = places[own].region;
    return {
      region: names[own],
      postgresUrl: await servers.newDatabase(places[own]),
      brokers: {
        [names[own]]: places[own].kafkaBrokers,
        [names[other]]: throughLinks ? peer.kafkaBrokersFrom(from) : peer.kafkaBrokers,
      },
      driver,
      grpc: grpc[own],
      peers: { [names[other]]: throughLinks ? peer.grpcFrom(from) : grpc[other] },
      shards: shardsDefault,
    };
  };
  return { near: await settings('near', 'far'), far: await settings('far', 'near') };
}

export function startLoaded(
  { profileDirectory }: BenchContext,
  region: RegionSettings,
  load: WriteLoadOptions,
): Promise<LoadedRegion> {
  return startSide<LoadedSettings, LoadedOrder, LoadedAnswer>({
    module: new URL('./loaded-side.js', import.meta.url),
    settings: { region, load },
    ...(profileDirectory === undefined ? {} : { profileDirectory }),
  });
}

export interface LoadedPair {
  readonly near: LoadedRegion;
  readonly far: LoadedRegion;
}

/** Both at once, each with a load of its own. */
export async function startLoadedPair(
  context: BenchContext,
  settings: PairSettings,
  { load, stops }: { readonly load: WriteLoadOptions; readonly stops: Stops },
): Promise<LoadedPair> {
  const [near, far] = await Promise.all([
    startLoaded(context, settings.near, load),
    startLoaded(context, settings.far, { ...load, seed: load.seed + 1 }),
  ]);
  return { near: stops.add(near), far: stops.add(far) };
}
