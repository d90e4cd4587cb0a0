import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { EntityTypes } from '#core/merge/entity-type.js';
import type { Atoll } from '#declare/define-atoll.js';
import { limitsDefault, timingDefault } from '#flow/limits.js';
import { createRegionProcess, type RegionProcess } from '#flow/region-process.js';
import { BearerTokens, type KnownToken } from '#io/http/bearer-tokens.js';
import { createPrometheusTelemetry, type PrometheusTelemetry } from '#io/telemetry/prometheus.js';
import { policyHashes } from '#io/wire/policy-hash.js';
import { systemClock } from '#io/wire/system-clock.js';
import { systemRandom } from '#io/wire/system-random.js';
import { FixedLinks } from '#kit/memory/links.js';
import { kitAuth, kitHashing } from '#kit/memory/memory-auth.js';
import { MemoryClusters } from '#kit/memory/memory-clusters.js';
import { MemoryDatabase } from '#kit/memory/memory-database.js';
import { MemoryEventLog } from '#kit/memory/memory-event-log.js';
import { MemoryNetwork } from '#kit/memory/memory-peers.js';
import { MemoryTransport } from '#kit/memory/memory-transport.js';
import type { AuditLine } from '#region/api/audit.js';
import { createRegionApi, type RegionApi } from '#region/api/region-api.js';
import { closeRim, createRim } from '#region/create-rim.js';
import { grpcServerOptions } from '#region/grpc/grpc-server.js';
import { freePort } from './free-port.js';
import { rimDeclaration } from './rim-declaration.js';

const regions = ['us', 'eu'];
const shards = 4;

/** Starting takes a second; on a machine that does much else at the same time, many. */
export const rimStartMillisMax = 60_000;

export interface MemoryRim {
  readonly app: NestFastifyApplication;
  readonly api: RegionApi;
  readonly process: RegionProcess;
  readonly telemetry: PrometheusTelemetry;
  /** What clients saw only as `internal`. */
  readonly reported: unknown[];
  /** What operators asked for, and what became of it. */
  readonly audited: AuditLine[];
}

/** Two regions on in-memory ports and real time, each with its rim: enough to test HTTP and gRPC without any server. */
export class MemoryRims {
  readonly links = new FixedLinks(5);
  private readonly clusters = new MemoryClusters({ regions, shards, clock: systemClock, links: this.links });
  private readonly network = new MemoryNetwork({ regions, clock: systemClock, links: this.links });
  private readonly rims = new Map<string, MemoryRim>();
  /** How far the wall clock of the regions' processes is ahead of that of their databases. */
  wallAheadMillis = 0;

  /** `declarations`: of regions that declare other types than the rest. */
  static async started(
    tokens: readonly KnownToken[] = [],
    declarations: Readonly<Record<string, Atoll>> = {},
  ): Promise<MemoryRims> {
    const world = new MemoryRims();
    for (const region of regions) await world.join(region, tokens, declarations[region] ?? rimDeclaration);
    await Promise.all([...world.rims.values()].map(({ process }) => process.start()));
    return world;
  }

  at(region: string): MemoryRim {
    const rim = this.rims.get(region);
    if (rim === undefined) throw new Error(`there is no region ${region}`);
    return rim;
  }

  cut(): void {
    this.links.cut('us', 'eu');
    this.links.cut('eu', 'us');
  }

  /** Serves HTTP and gRPC, each on a free port; answers the HTTP base and the gRPC address. */
  async listen(region: string): Promise<{ readonly base: string; readonly grpc: string }> {
    const { app, api, process } = this.at(region);
    const grpc = `127.0.0.1:${await freePort()}`;
    app.connectMicroservice(
      grpcServerOptions({
        address: grpc,
        region,
        admission: process.admission,
        isReady: () => api.isReady(),
      }),
    );
    await app.startAllMicroservices();
    await app.listen(0, '127.0.0.1');
    return { base: await app.getUrl(), grpc };
  }

  heal(): void {
    this.links.heal('us', 'eu');
    this.links.heal('eu', 'us');
  }

  async stop(): Promise<void> {
    for (const { app, api, process } of this.rims.values()) {
      api.stopFeeds();
      await process.stop();
      await closeRim(app);
    }
  }

  private async join(
    region: string,
    tokens: readonly KnownToken[],
    { entityTypes: types }: Atoll,
  ): Promise<void> {
    const telemetry = createPrometheusTelemetry(() => undefined);
    const process = this.processOf(region, telemetry, types);
    const reported: unknown[] = [];
    const report = (error: unknown): void => void reported.push(error);
    const audited: AuditLine[] = [];
    const api = createRegionApi({
      service: process,
      types,
      policyHashes: policyHashes(types),
      region,
      members: regions,
      quantiles: (name) => telemetry.quantiles(name),
      report,
      audit: (line) => audited.push(line),
    });
    const app = await createRim({
      api,
      tokens: new BearerTokens(tokens),
      admission: process.admission,
      telemetry,
      report,
      log: () => undefined,
      version: '0.0.0',
    });
    this.rims.set(region, { app, api, process, telemetry, reported, audited });
  }

  private processOf(region: string, telemetry: PrometheusTelemetry, types: EntityTypes): RegionProcess {
    const database = new MemoryDatabase({
      region,
      actor: `${region}~1`,
      shards,
      nowMillis: () => Date.now(),
    });
    const address = `${region}:1`;
    const handlers = () => this.at(region).process.handlers;
    const peers = this.network.join({
      region,
      address,
      handlers: {
        fetch: (request) => handlers().fetch(request),
        cursors: (shard) => handlers().cursors(shard),
        grantRights: (request) => handlers().grantRights(request),
        forward: (payload) => handlers().forward(payload),
        asked: (from, payload) => handlers().asked(from, payload),
        relayed: (heartbeat) => handlers().relayed(heartbeat),
      },
    });
    return createRegionProcess(
      {
        log: new MemoryEventLog(database),
        transport: new MemoryTransport(this.clusters, region),
        peers,
        siblings: peers,
        auth: kitAuth(region),
        hashing: kitHashing,
        random: systemRandom,
        clock: { ...systemClock, wallMillis: () => systemClock.wallMillis() + this.wallAheadMillis },
        telemetry,
      },
      {
        processId: `${region}-1`,
        address,
        types,
        policyHashes: policyHashes(types),
        members: regions,
        limits: limitsDefault,
        timing: timingDefault,
      },
    );
  }
}
