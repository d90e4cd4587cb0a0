import type { EntityTypes } from '#core/merge/entity-type.js';
import type { RegionProcess } from '#flow/region-process.js';
import { BearerTokens } from '#io/http/bearer-tokens.js';
import type { Log } from '#io/telemetry/json-log.js';
import type { PrometheusTelemetry } from '#io/telemetry/prometheus.js';
import { createRegionApi } from '#region/api/region-api.js';
import { closeRim, createRim } from '#region/create-rim.js';
import { grpcServerOptions } from '#region/grpc/grpc-server.js';

/** Where a region listens for its clients, each as `host:port`. */
export interface ClientAddresses {
  readonly http: string;
  readonly grpc: string;
}

export interface ServedParts {
  readonly region: string;
  readonly process: RegionProcess;
  readonly types: EntityTypes;
  readonly policyHashes: ReadonlyMap<string, string>;
  readonly members: readonly string[];
  readonly telemetry: PrometheusTelemetry;
  readonly log: Log;
}

export interface ServedClients {
  close(): Promise<void>;
}

/** The public API in front of a region that a bench has opened: HTTP and gRPC, as apps/region serves them. */
export async function serveClients(
  parts: ServedParts,
  { http, grpc }: ClientAddresses,
): Promise<ServedClients> {
  const { region, process, types, policyHashes, members, telemetry, log } = parts;
  const report = (error: unknown): void => log('error', 'a request met an error of ours', { error });
  const quantiles = telemetry.quantiles.bind(telemetry);
  const api = createRegionApi({
    service: process,
    types,
    policyHashes,
    region,
    members,
    quantiles,
    report,
    audit: () => undefined,
  });
  const app = await createRim({
    api,
    tokens: new BearerTokens([]),
    admission: process.admission,
    telemetry,
    report,
    log,
    version: '0.0.0',
  });
  app.connectMicroservice(
    grpcServerOptions({
      address: grpc,
      region,
      admission: process.admission,
      isReady: () => api.isReady(),
    }),
  );
  await app.startAllMicroservices();
  const cut = http.lastIndexOf(':');
  await app.listen(Number(http.slice(cut + 1)), http.slice(0, cut));
  return {
    async close() {
      api.stopFeeds();
      await closeRim(app);
    },
  };
}
