import { randomBytes } from 'node:crypto';
import type { BenchContext } from '../bench.js';
import type { WriteLoadOptions } from '../load/document-writes.js';
import type { LoadedAnswer } from '../region/loaded-side.js';
import type { RegionSettings } from '../region/open-region.js';
import { shardsDefault, startLoaded, type LoadedRegion, type Stops } from '../region/start-loaded.js';
import { freeAddress, type Metered } from '../servers.js';

const arrivalMillisMax = 120_000;

/** A region that writes, and the others of its topology: all of them run, and apply what it writes. */
export interface Topology {
  readonly regions: number;
  readonly origin: LoadedRegion;
  readonly others: readonly LoadedRegion[];
}

/**
 * So many regions, one process, cluster and database each; the origin has the near servers. The databases of the others
 * share two servers: what is measured is the origin.
 */
export async function startTopology(
  context: BenchContext,
  clusters: readonly (readonly string[])[],
  { load, stops }: { readonly load: WriteLoadOptions; readonly stops: Stops },
): Promise<Topology> {
  const { near, far, third } = context.servers;
  const suffix = randomBytes(3).toString('hex');
  const members = await Promise.all(
    clusters.map(async (brokers, at) => ({
      name: `r${at}-${suffix}`,
      brokers,
      grpc: await freeAddress(),
      postgresUrl: await context.servers.newDatabase(at === 0 ? near : at % 2 === 1 ? far : third),
    })),
  );
  const settingsOf = ({ name, grpc, postgresUrl }: (typeof members)[number]): RegionSettings => ({
    region: name,
    postgresUrl,
    brokers: Object.fromEntries(members.map((one) => [one.name, one.brokers])),
    driver: context.driver,
    grpc,
    peers: Object.fromEntries(members.filter((one) => one.name !== name).map((one) => [one.name, one.grpc])),
    shards: shardsDefault,
  });
  const started = await Promise.all(
    members.map(async (one) => stops.add(await startLoaded(context, settingsOf(one), load))),
  );
  const [origin, ...others] = started;
  if (origin === undefined) throw new Error('a topology has an origin');
  return { regions: clusters.length, origin, others };
}

/** Writes at the origin until every cluster has acknowledged all of it; then all others are given time to have it, uncounted. */
export async function writeThere(
  { servers }: BenchContext,
  { regions, origin, others }: Topology,
  { inFlight, events }: { readonly inFlight: number; readonly events: number },
): Promise<Metered<LoadedAnswer>> {
  const order = { kind: 'write', inFlight, seconds: 120, countMax: events, publishes: regions } as const;
  const metered = await servers.metered(servers.near, () => origin.ask(order));
  const applied = {
    kind: 'applied',
    total: metered.result.committed,
    withinMillis: arrivalMillisMax,
  } as const;
  await Promise.all(others.map((other) => other.ask(applied)));
  return metered;
}
