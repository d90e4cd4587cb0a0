import type { EntityTypes } from '#core/merge/entity-type.js';
import type { HistogramName } from '#flow/ports/telemetry.js';
import type { Quantiles } from '#io/telemetry/prometheus.js';
import type { RegionService } from '#flow/service.js';
import type { Report } from './as-atoll-error.js';
import type { Audit } from './audit.js';

/** What the operations of the rim need. */
export interface ApiParts {
  readonly service: RegionService;
  readonly types: EntityTypes;
  readonly policyHashes: ReadonlyMap<string, string>;
  readonly region: string;
  readonly members: readonly string[];
  readonly quantiles: (name: HistogramName) => Promise<readonly Quantiles[]>;
  readonly report: Report;
  readonly audit: Audit;
}
