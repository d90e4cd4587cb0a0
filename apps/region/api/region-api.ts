import type { HistogramName } from '#flow/ports/telemetry.js';
import type { RegionService } from '#flow/service.js';
import type { EntityTypes } from '#core/merge/entity-type.js';
import type { Quantiles } from '#io/telemetry/prometheus.js';
import type { Report } from './as-atoll-error.js';
import { adminOperations } from './admin.js';
import { batchOperations } from './batch.js';
import { entityOperations } from './entities.js';
import { feedOperations } from './feed.js';
import { reportOperations } from './reports.js';
import { writeOperations } from './writes.js';

export interface ApiParts {
  readonly service: RegionService;
  readonly types: EntityTypes;
  readonly policyHashes: ReadonlyMap<string, string>;
  readonly region: string;
  readonly members: readonly string[];
  readonly quantiles: (name: HistogramName) => Promise<readonly Quantiles[]>;
  readonly report: Report;
}

/**
 * Every operation a client can ask for, once: HTTP and gRPC only read requests and write answers, so that the two cannot
 * say different things.
 */
export function createRegionApi(parts: ApiParts) {
  return {
    region: parts.region,
    ...entityOperations(parts),
    ...writeOperations(parts),
    ...batchOperations(parts),
    ...reportOperations(parts),
    ...adminOperations(parts),
    ...feedOperations(parts),
    isReady: () => parts.service.isReady(),
    /** Reading the status sets the gauges of what waits; without a database they stay as they were. */
    refreshGauges: (): Promise<void> =>
      parts.service.status().then(
        () => undefined,
        () => undefined,
      ),
  };
}

export type RegionApi = ReturnType<typeof createRegionApi>;
