import { randomBytes } from 'node:crypto';
import type { BenchContext } from '../bench.js';
import type { WriteLoadOptions } from '../load/document-writes.js';
import type { Metered } from '../servers.js';
import { startSide, type Side } from '../side/start-side.js';
import type { ClientOrder, ClientSettings, Surface } from './client-side.js';
import type { PeerAnswer } from './rows-side.js';
import type { ServedAnswer, ServedOrder, ServedSettings } from './served-side.js';

export const surfaces: readonly Surface[] = ['batch', 'grpc', 'http'];

/** Writes in one request of the batch RPC. */
export const batchOfRpc = 64;

/** A whole region process with HTTP and gRPC, and a client process that writes to it. */
export interface Served {
  readonly region: Side<ServedOrder, ServedAnswer>;
  readonly client: Side<ClientOrder, PeerAnswer>;
}

export interface ServedSlice {
  readonly metered: Metered<PeerAnswer>;
  /** Of the client process; what `metered` tells is the region's. */
  readonly clientMicros: number;
}

/** @param keep is told of everything that must be stopped. */
export async function startServed(
  { servers, driver }: BenchContext,
  { load, shards }: { readonly load: WriteLoadOptions; readonly shards: number },
  keep: (started: { stop(): Promise<void> }) => void,
): Promise<Served> {
  const name = `served-${randomBytes(3).toString('hex')}`;
  const postgresUrl = await servers.newDatabase(servers.near);
  const region = await startSide<ServedSettings, ServedOrder, ServedAnswer>({
    module: new URL('./served-side.js', import.meta.url),
    settings: { region: name, postgresUrl, brokers: servers.near.kafkaBrokers, shards, driver },
  });
  keep(region);
  const { http, grpc } = await region.ask({ kind: 'addresses' });
  const client = await startSide<ClientSettings, ClientOrder, PeerAnswer>({
    module: new URL('./client-side.js', import.meta.url),
    settings: { region: name, http, grpc, load },
  });
  keep(client);
  return { region, client };
}

/** The CPU time it tells is that of the region's process. */
export async function servedSlice(
  metered: <T>(work: () => Promise<T>) => Promise<Metered<T>>,
  { region, client }: Served,
  order: ClientOrder,
): Promise<ServedSlice> {
  const before = await region.ask({ kind: 'spent' });
  const spent = await metered(() => client.ask(order));
  const after = await region.ask({ kind: 'spent' });
  const result = { ...spent.result, cpuMicros: after.cpuMicros - before.cpuMicros };
  return { metered: { ...spent, result }, clientMicros: spent.result.cpuMicros / spent.result.writes };
}
