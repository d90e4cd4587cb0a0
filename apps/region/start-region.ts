import type { Server } from '@grpc/grpc-js';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { InvariantViolation } from '#core/assert.js';
import { firstMembership, type Memberships } from '#core/strong/membership.js';
import { limitsDefault, timingDefault, type Limits } from '#flow/limits.js';
import { createRegionProcess, type RegionProcess } from '#flow/region-process.js';
import { tokenAuthentication } from '#io/grpc/peer-authentication.js';
import { peerServiceDefinition } from '#io/grpc/peer-definition.js';
import { peerService } from '#io/grpc/peer-service.js';
import { BearerTokens } from '#io/http/bearer-tokens.js';
import type { Log } from '#io/telemetry/json-log.js';
import { createPrometheusTelemetry, type PrometheusTelemetry } from '#io/telemetry/prometheus.js';
import { policyHashes } from '#io/wire/policy-hash.js';
import { createRegionApi, type RegionApi } from './api/region-api.js';
import { loadDeclaration } from './config/load-declaration.js';
import { formatEndpoint } from './config/read-settings.js';
import type { Settings } from './config/settings.js';
import { closeRim, createRim } from './create-rim.js';
import { grpcServerOptions } from './grpc/grpc-server.js';
import { ReplicatorStrategy } from './replication/replicator.strategy.js';
import { openAdapters, type Adapters } from './wiring/adapters.js';

export interface RunningRegion {
  /** Base URL. */
  readonly http: string;
  /** `host:port` */
  readonly grpc: string;
  readonly api: RegionApi;
  /** Finishes what is under way, gives the shards up and closes every connection. */
  stop(): Promise<void>;
}

const hourMillis = 3_600_000;

/**
 * Starts one process of a region: adapters, stations, then the rim over them. It listens when this resolves; whether it
 * is ready is for `api.isReady` to say, for a sibling may hold the shards until its lease lapses.
 *
 * @throws SettingsError, DatabaseRefused, PartitionMismatch and what listening throws
 */
export async function startRegion(settings: Settings, log: Log, version: string): Promise<RunningRegion> {
  const { entityTypes: types } = await loadDeclaration(settings.config);
  const telemetry = createPrometheusTelemetry(log);
  const adapters = await openAdapters(settings, types, telemetry);
  try {
    const members = [settings.region, ...settings.peers.keys()];
    const hashes = policyHashes(types);
    const process = createRegionProcess(adapters.ports, {
      processId: adapters.processId,
      address: settings.advertise,
      types,
      policyHashes: hashes,
      members,
      strongMembers: strongMembersOf(settings, members),
      limits: limitsOf(settings),
      timing: { ...timingDefault, mutationRetentionMillis: settings.mutationRetentionHours * hourMillis },
    });
    const report = reportTo(log);
    const quantiles = telemetry.quantiles.bind(telemetry);
    const api = createRegionApi({
      service: process,
      types,
      policyHashes: hashes,
      region: settings.region,
      members,
      quantiles,
      report,
      audit: (line) => log('audit', `${line.action}: ${line.outcome}`, { ...line }),
    });
    const app = await createRim({
      api,
      tokens: new BearerTokens(settings.tokens),
      admission: process.admission,
      telemetry,
      report,
      log,
      version,
    });
    mountGrpc(app, { settings, adapters, process, api, log });
    return await listen(app, { settings, adapters, api });
  } catch (error) {
    await adapters.close();
    throw error;
  }
}

function limitsOf({ kafkaRecords, requestsMax, requestMebibytesMax, commandQueueMax }: Settings): Limits {
  const requestBytesMax = requestMebibytesMax * 1024 * 1024;
  const limits = { ...limitsDefault, requestsMax, requestBytesMax, commandQueueMax };
  return kafkaRecords === 'events' ? { ...limits, recordEventsMax: 1 } : limits;
}

/** The first membership of strong shards: configured, the same in every region. */
function strongMembersOf({ strongMembers }: Settings, members: readonly string[]): Memberships {
  if (!strongMembers) return firstMembership(members);
  const regions = [...strongMembers.keys()];
  return firstMembership(
    regions,
    regions.filter((region) => strongMembers.get(region) === 'witness'),
  );
}

/** A broken invariant stops the process, wherever it was noticed; its client has been answered `internal`. */
function reportTo(log: Log): (error: unknown) => void {
  return (error) => {
    log('error', 'a request met an error of ours', { error });
    if (!(error instanceof InvariantViolation)) return;
    setImmediate(() => {
      throw error;
    });
  };
}

interface GrpcParts {
  readonly settings: Settings;
  readonly adapters: Adapters;
  readonly process: RegionProcess;
  readonly api: RegionApi;
  readonly log: PrometheusTelemetry['log'];
}

/** One gRPC server for clients, peers and siblings; and the replicator, whose life is the application's. */
function mountGrpc(app: NestFastifyApplication, { settings, adapters, process, api, log }: GrpcParts): void {
  const service = peerService({
    region: settings.region,
    authenticate: tokenAuthentication(adapters.peerTokens),
    handlers: process.handlers,
    heard: adapters.peers.heard,
    acked: adapters.peers.acked,
    told: adapters.peers.told,
    refused: (reason) => log('warn', 'a peer call was refused', { reason }),
  });
  app.connectMicroservice(
    grpcServerOptions({
      region: settings.region,
      address: formatEndpoint(settings.grpc),
      admission: process.admission,
      isReady: () => api.isReady(),
      addServices: (server: Server) => server.addService(peerServiceDefinition(), service),
    }),
  );
  const replicator = {
    start: () => process.start(),
    stop: () => process.stop(),
    isHealthy: () => adapters.ports.transport.isConnected(),
  };
  app.connectMicroservice({ strategy: new ReplicatorStrategy(replicator) });
}

interface ListenParts {
  readonly settings: Settings;
  readonly adapters: Adapters;
  readonly api: RegionApi;
}

async function listen(
  app: NestFastifyApplication,
  { settings, adapters, api }: ListenParts,
): Promise<RunningRegion> {
  const stop = async (): Promise<void> => {
    api.stopFeeds();
    await closeRim(app);
    await adapters.close();
  };
  try {
    await app.startAllMicroservices();
    await app.listen(settings.http.port, settings.http.host);
    return { http: await app.getUrl(), grpc: formatEndpoint(settings.grpc), api, stop };
  } catch (error) {
    await app.close();
    throw error;
  }
}
