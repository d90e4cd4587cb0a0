import { formatDot } from '#core/causality/dot.js';
import { AtollError } from '#core/errors.js';
import type { ConflictPlace, ConflictQuery, ConflictRow } from '#flow/ports/event-log.js';
import type { ConflictAnswer } from '#io/http/answers.js';
import type { Call } from '#io/http/call.js';
import type { Answer } from './answer.js';
import { assertType } from './entities.js';
import type { ApiParts } from './api-parts.js';
import { inCanonicalOrder } from './canonical-order.js';

export interface ConflictsPage {
  readonly type?: string | undefined;
  readonly id?: string | undefined;
  readonly unresolved: boolean;
  readonly after?: string | undefined;
  readonly limit: number;
}

/** What is known about conflicts, writes and barriers. */
export function reportOperations(parts: ApiParts) {
  const { service, region } = parts;

  return {
    async conflicts(page: ConflictsPage) {
      if (page.type !== undefined) assertType(parts, page.type);
      const rows = await service.conflicts(conflictQuery(page));
      const last = rows.length < page.limit ? undefined : rows.at(-1);
      const next = last === undefined ? null : `${last.detectedMillis}.${last.id}`;
      return { body: { conflicts: rows.map(conflictAnswer), next, region } };
    },

    async conflict(id: string): Promise<Answer<ConflictAnswer>> {
      const row = await service.conflict(id);
      if (row === undefined) throw new AtollError('conflict_not_found', `There is no conflict '${id}' here.`);
      return { body: conflictAnswer(row) };
    },

    async write(mutationId: string) {
      const status = await service.writeStatus(mutationId);
      if (status === undefined)
        throw new AtollError('write_not_found', `There is no write '${mutationId}' here.`);
      const { entity, state, copies } = status;
      return {
        body: {
          mutationId,
          state,
          type: entity.type,
          id: entity.id,
          copies: copies.map((copy) => ({ ...copy })),
          region,
        },
      };
    },

    async createBarrier() {
      return { body: { token: await service.barrier(), region } };
    },

    async awaitBarrier(call: Call, token: string) {
      const { reached, missing } = await service
        .awaitBarrier(token, { maxWaitMillis: call.maxWaitMillis })
        .catch(barrierNotFound);
      return { body: { reached, missing: [...missing], region } };
    },
  };
}

/** A barrier's token has the form of a session token; what is wrong with it is told in the barrier's terms. */
function barrierNotFound(error: unknown): never {
  if (error instanceof AtollError && error.code === 'invalid_session') {
    throw new AtollError('barrier_not_found', 'This is not a token that POST /v1/barriers gave.', {
      cause: error,
    });
  }
  throw error;
}

/** @throws AtollError invalid_request */
function conflictQuery({ type, id, unresolved, after, limit }: ConflictsPage): ConflictQuery {
  return {
    limit,
    onlyUnresolved: unresolved,
    ...(after === undefined ? {} : { after: readPlace(after) }),
    ...(type === undefined ? {} : id === undefined ? { type } : { entity: { type, id } }),
  };
}

function readPlace(after: string): ConflictPlace {
  const [, millis, id] = /^(\d{1,15})\.(.+)$/s.exec(after) ?? [];
  if (millis !== undefined && id !== undefined) return { detectedMillis: Number(millis), id };
  const detail = 'This is not the `next` of a page of conflicts.';
  throw new AtollError('invalid_request', detail, {
    fields: [{ path: '/query/after', code: 'invalid_request', detail }],
  });
}

function conflictAnswer(row: ConflictRow): ConflictAnswer {
  const { id, shard, entity, field, policy, low, high, lowChange, highChange, resolvedBy, detectedMillis } =
    row;
  return {
    id,
    type: entity.type,
    entityId: entity.id,
    field,
    policy,
    low: { dot: formatDot(low, shard), change: inCanonicalOrder(lowChange) },
    high: { dot: formatDot(high, shard), change: inCanonicalOrder(highChange) },
    resolvedBy: resolvedBy === null ? null : formatDot(resolvedBy, shard),
    detectedMillis,
  };
}
