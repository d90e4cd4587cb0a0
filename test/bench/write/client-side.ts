import { credentials, loadPackageDefinition, Metadata, type Client } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { newMutationId } from '#client/mutation-id.js';
import { createRegionClient } from '#client/region-client.js';
import { atollLoaderOptions, atollProtoPaths } from '#region/grpc/grpc-server.js';
import { openBatchChannel } from '../load/batch-channel.js';
import { closedLoop } from '../load/closed-loop.js';
import { entityId, writeLoad, type WriteLoadOptions } from '../load/document-writes.js';
import { serveSide } from '../side/serve-side.js';
import type { PeerAnswer } from './rows-side.js';

export interface ClientSettings {
  readonly region: string;
  readonly http: string;
  readonly grpc: string;
  readonly load: WriteLoadOptions;
}

export type Surface = 'batch' | 'grpc' | 'http';

export interface ClientOrder {
  readonly surface: Surface;
  /** Writes, whatever number of requests they are in. */
  readonly inFlight: number;
  /** Writes in one request of the batch RPC. */
  readonly batch: number;
  readonly seconds: number;
}

type Call = (request: object) => Promise<unknown>;

/** A client in a process of its own: a gRPC channel for batches and one for single writes, or kept-alive HTTP connections. */
serveSide<ClientSettings, ClientOrder, PeerAnswer>((settings) => {
  const { region, http, grpc, load: options } = settings;
  const load = writeLoad(options);
  const channel = new (serviceOf())(grpc, credentials.createInsecure());
  const client = createRegionClient({ region, url: http });
  const call =
    (method: string): Call =>
    (request) =>
      new Promise((resolve, reject) => {
        const answered = (error: Error | null, message: unknown): void =>
          error === null ? resolve(message) : reject(error);
        channel[method]?.(request, new Metadata(), answered);
      });
  const changeEntity = call('changeEntity');
  const batches = openBatchChannel(grpc);
  const change = () => ({
    type: 'document',
    id: entityId(load.nextEntity()),
    operations: [{ field: 'body', op: 'set', argumentsJson: JSON.stringify({ value: load.nextBody() }) }],
  });
  const acts: Readonly<Record<Surface, (of: number) => Promise<void>>> = {
    async batch(of) {
      const outcomes = await batches.batch(Array.from({ length: of }, change));
      if (!outcomes.every((outcome) => 'dot' in outcome)) throw new Error('a write of a batch was refused');
    },
    grpc: async () => void (await changeEntity(change())),
    async http() {
      const entity = { type: 'document', id: entityId(load.nextEntity()) };
      const operations = [{ field: 'body', op: 'set', value: load.nextBody() }];
      await client.change(entity, { operations }, { mutationId: newMutationId(region) });
    },
  };
  return Promise.resolve({
    async carryOut({ surface, inFlight, batch: of, seconds }) {
      const each = surface === 'batch' ? of : 1;
      const cpu = process.cpuUsage();
      const result = await closedLoop({ inFlight: inFlight / each, seconds, act: () => acts[surface](each) });
      const { user, system } = process.cpuUsage(cpu);
      return { ...result, writes: result.writes * each, cpuMicros: user + system };
    },
    close() {
      client.close();
      channel.close();
      batches.close();
      return Promise.resolve();
    },
  });
});

type Method = (
  request: object,
  metadata: Metadata,
  done: (error: Error | null, message: unknown) => void,
) => void;
type Service = new (address: string, how: object) => Client & Readonly<Record<string, Method>>;

function serviceOf(): Service {
  const loaded = loadPackageDefinition(loadSync(atollProtoPaths(), atollLoaderOptions)) as unknown as {
    readonly atoll: { readonly v1: { readonly Atoll: Service } };
  };
  return loaded.atoll.v1.Atoll;
}
