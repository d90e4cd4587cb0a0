import { randomBytes } from 'node:crypto';
import type { StackRegion } from '#io/devstack/stack.js';
import type { BenchContext } from '../bench.js';
import type { WriteLoadOptions } from '../load/document-writes.js';
import type { GeneratorAnswer, GeneratorOrder, GeneratorSettings } from '../load/generator-side.js';
import { freeAddress } from '../servers.js';
import { startSide, type Side } from '../side/start-side.js';
import type { LoadedAnswer, LoadedOrder, LoadedSettings } from './loaded-side.js';
import type { RegionSettings } from './open-region.js';
import type { ClientAddresses } from './serve-clients.js';

export type LoadedRegion = Side<LoadedOrder, LoadedAnswer>;

export type Generator = Side<GeneratorOrder, GeneratorAnswer>;

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

/** The link between the near and the far servers, both ways. */
export interface LinkSwitch {
  cut(): Promise<void>;
  heal(): Promise<void>;
}

export function linkSwitch({ near, far, stack }: BenchContext['servers']): LinkSwitch {
  const links = [stack.link(near.region, far.region), stack.link(far.region, near.region)];
  return {
    async cut() {
      for (const link of links) await link.cut();
    },
    async heal() {
      for (const link of links) await link.heal();
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
  /** Where three were asked for. */
  readonly third?: RegionSettings;
}

export interface PairOptions {
  readonly throughLinks: boolean;
  /** Three letters, as regions are named where bytes are counted. */
  readonly shortNames?: boolean;
  /** A third region, which has everything and writes nothing. */
  readonly third?: boolean;
  /** Who serves clients, by its own addresses and not through links. */
  readonly clients?: readonly (keyof PairSettings)[];
}

/**
 * Two or three regions that replicate to each other, on new databases: by each other's own addresses, or through the links
 * of the stack, which can be slowed and cut.
 */
export async function regionPair(
  { servers, driver }: BenchContext,
  { throughLinks, shortNames = false, third = false, clients = [] }: PairOptions,
): Promise<PairSettings> {
  const { stack } = servers;
  const suffix = randomBytes(3).toString('hex');
  const nameOf = (role: string): string =>
    shortNames ? `${role.charAt(0)}${suffix.slice(0, 2)}` : `${role}-${suffix}`;
  const member = async (role: keyof PairSettings, place: StackRegion) => {
    const grpc = await freeAddress();
    if (throughLinks) await stack.grpcTarget(place.region, Number(grpc.split(':')[1]));
    return { role, place, grpc, name: nameOf(role) };
  };
  const members = [
    await member('near', servers.near),
    await member('far', servers.far),
    ...(third ? [await member('third', servers.third)] : []),
  ];
  const settingsOf = async (own: (typeof members)[number]): Promise<RegionSettings> => {
    const from = own.place.region;
    const brokersOf = (place: StackRegion): readonly string[] =>
      throughLinks ? place.kafkaBrokersFrom(from) : place.kafkaBrokers;
    const others = members.filter((one) => one !== own);
    return {
      region: own.name,
      postgresUrl: await servers.newDatabase(own.place),
      brokers: Object.fromEntries(members.map(({ name, place }) => [name, brokersOf(place)])),
      driver,
      grpc: own.grpc,
      peers: Object.fromEntries(
        others.map(({ name, place, grpc }) => [name, throughLinks ? place.grpcFrom(from) : grpc]),
      ),
      shards: shardsDefault,
      ...(clients.includes(own.role) && { clients: await clientAddresses() }),
    };
  };
  const settings = await Promise.all(members.map(async (one) => [one.role, await settingsOf(one)] as const));
  return Object.fromEntries(settings) as unknown as PairSettings;
}

async function clientAddresses(): Promise<ClientAddresses> {
  return { http: await freeAddress(), grpc: await freeAddress() };
}

export function startLoaded(
  { profileDirectory }: BenchContext,
  region: RegionSettings,
  load: WriteLoadOptions,
  more: Pick<LoadedSettings, 'notesCommits'> = {},
): Promise<LoadedRegion> {
  return startSide<LoadedSettings, LoadedOrder, LoadedAnswer>({
    module: new URL('./loaded-side.js', import.meta.url),
    settings: { region, load, ...more },
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

/** A load generator in a process of its own, for a region that serves clients. */
export function startGenerator(
  { clients, region }: RegionSettings,
  load: WriteLoadOptions,
): Promise<Generator> {
  if (clients === undefined) throw new Error(`${region} serves no clients`);
  return startSide<GeneratorSettings, GeneratorOrder, GeneratorAnswer>({
    module: new URL('../load/generator-side.js', import.meta.url),
    settings: { grpc: clients.grpc, load },
  });
}

/** What a region spent and did while others loaded it. */
export async function watched<T>(
  region: LoadedRegion,
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly region: LoadedAnswer }> {
  const watching = region.ask({ kind: 'watch' });
  const result = await work().finally(() => region.ask({ kind: 'unwatch' }));
  return { result, region: await watching };
}
