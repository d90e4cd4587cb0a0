import { formatDot } from '#core/causality/dot.js';
import { formatEpoch } from '#core/strong/epoch.js';
import type { ApiParts } from './api-parts.js';

/** What operators ask about strong shards, and have them do. */
export function strongOperations({ service, region }: ApiParts) {
  return {
    async refused(limit: number) {
      const rows = await service.refused(limit);
      const events = rows.map(({ dot, shard, entity, epoch, mutationId }) => ({
        dot: formatDot(dot, shard),
        ...entity,
        epoch,
        mutationId,
      }));
      return { body: { region, events } };
    },

    async handover(shard: number, to: string, force: boolean) {
      const { region: home, epoch } = await service.handover(shard, to, force);
      return { body: { region, shard, home, epoch: formatEpoch(epoch) } };
    },
  };
}
