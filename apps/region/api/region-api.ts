import { adminOperations } from './admin.js';
import { setTimeout as pause } from 'node:timers/promises';
import { asAtollError } from './as-atoll-error.js';
import type { ApiParts } from './api-parts.js';
import { batchOperations } from './batch.js';
import { entityOperations } from './entities.js';
import { feedOperations } from './feed.js';
import { reportOperations } from './reports.js';
import { rightsOperations } from './rights.js';
import { strongOperations } from './strong.js';
import { typeOperations } from './types.js';
import { transactionOperations } from './transactions.js';
import { writeOperations } from './writes.js';

/** How long whoever collects metrics waits for those that need the database. */
const gaugesMillisMax = 500;

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
    ...transactionOperations(parts),
    ...reportOperations(parts),
    ...adminOperations(parts),
    ...strongOperations(parts),
    ...typeOperations(parts),
    ...rightsOperations(parts),
    ...feedOperations(parts),
    isReady: () => parts.service.isReady(),
    /** Reading the status sets the gauges of what waits. Without a database they soon are left as they were. */
    async refreshGauges(): Promise<void> {
      const read = parts.service.status().catch((error: unknown) => asAtollError(error, parts.report));
      await Promise.race([read, pause(gaugesMillisMax)]);
    },
  };
}

export type RegionApi = ReturnType<typeof createRegionApi>;
