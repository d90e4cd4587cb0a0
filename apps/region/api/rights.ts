import type { RightsRun } from '#flow/service.js';
import type { Call } from '#io/http/call.js';
import type { ApiParts } from './api-parts.js';
import { audited } from './audit.js';

/** What operators have done about rights to bounded counters. */
export function rightsOperations({ service, region, audit }: ApiParts) {
  const answer = ({ executed, found, counters }: RightsRun) => ({
    body: {
      region,
      applied: executed,
      found,
      counters: counters.map(({ entity, actor, spend, increment, done }) => ({
        ...entity,
        ...{ actor, spend, increment, done },
      })),
    },
  });
  return {
    drainRights: (call: Call, { to, dryRun }: { readonly to: string; readonly dryRun: boolean }) =>
      audited(audit, call, { action: 'DrainRights', target: { to }, dryRun }, async () =>
        answer(await service.drainRights(to, !dryRun)),
      ),

    reclaimRights: (call: Call, { from, dryRun }: { readonly from: string; readonly dryRun: boolean }) =>
      audited(audit, call, { action: 'ReclaimRights', target: { from }, dryRun }, async () =>
        answer(await service.reclaimRights(from, !dryRun)),
      ),
  };
}
