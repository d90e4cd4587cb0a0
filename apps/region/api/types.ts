import type { ShardMode, TypeMove } from '#flow/service.js';
import type { TypeMovedAnswer, TypeStandingAnswer } from '#io/http/admin-answers.js';
import type { Call } from '#io/http/call.js';
import type { MoveTypeRequest } from '#io/http/requests.js';
import type { Answer } from './answer.js';
import type { ApiParts } from './api-parts.js';
import { audited } from './audit.js';

/** What operators ask about how types are written, and have them moved between strong and eventual. */
export function typeOperations({ service, region, audit }: ApiParts) {
  return {
    async typeStanding(): Promise<Answer<TypeStandingAnswer>> {
      const types = await service.typeStanding();
      return {
        body: {
          region,
          types: types.map(({ type, declared, shards }) => ({
            type,
            declared,
            shards: shards.map(describe),
          })),
        },
      };
    },

    moveType(
      call: Call,
      type: string,
      { to, abort, dryRun }: MoveTypeRequest,
    ): Promise<Answer<TypeMovedAnswer>> {
      const asked = { action: 'MoveType', target: { type, to, abort }, dryRun };
      return audited(audit, call, asked, async () => {
        const move: TypeMove = { type, to, isAbort: abort, dryRun };
        const moved = await service.moveType(move, { maxWaitMillis: call.maxWaitMillis });
        const { goal, isApplied, isDone, shards } = moved;
        return {
          body: { region, type, goal, applied: isApplied, done: isDone, shards: shards.map(describe) },
        };
      });
    },
  };
}

function describe({ shard, mode, phase, closed, failure }: ShardMode): TypeMovedAnswer['shards'][number] {
  return { shard, mode, phase, closed: [...closed], failure: failure ?? null };
}
