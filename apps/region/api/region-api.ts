import { adminOperations } from './admin.js';
import type { ApiParts } from './api-parts.js';
import { batchOperations } from './batch.js';
import { entityOperations } from './entities.js';
import { feedOperations } from './feed.js';
import { reportOperations } from './reports.js';
import { writeOperations } from './writes.js';

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
