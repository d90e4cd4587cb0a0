import type { RightsRun } from '#flow/service.js';
import type { ApiParts } from './api-parts.js';

/** What operators have done about rights to bounded counters. */
export function rightsOperations({ service, region }: ApiParts) {
  const answer = ({ executed, found, counters }: RightsRun) => ({
    body: {
      region,
      executed,
      found,
      counters: counters.map(({ entity, actor, spend, increment, done }) => ({
        ...entity,
        ...{ actor, spend, increment, done },
      })),
    },
  });
  return {
    drainRights: async (to: string, execute: boolean) => answer(await service.drainRights(to, execute)),
    reclaimRights: async (from: string, execute: boolean) =>
      answer(await service.reclaimRights(from, execute)),
  };
}
