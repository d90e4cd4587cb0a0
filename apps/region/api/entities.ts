import { formatDot, regionOf } from '#core/causality/dot.js';
import { AtollError } from '#core/errors.js';
import type { EntityRef } from '#core/event/event.js';
import type { HistoryEntry, ReadOptions, ReadOutcome } from '#flow/service.js';
import type { EntitiesAnswer, EntityAnswer, HistoryAnswer, ListedEntity } from '#io/http/answers.js';
import type { Call } from '#io/http/call.js';
import { AtollErrorWithMembers } from '#io/wire/problem.js';
import { encodeVersion, vectorObject, type Answer } from './answer.js';
import type { ApiParts } from './api-parts.js';

/** Station 6: reads. */
export function entityOperations(parts: ApiParts) {
  const { service, region } = parts;

  return {
    async get(call: Call, ref: EntityRef): Promise<Answer<EntityAnswer>> {
      assertType(parts, ref.type);
      const outcome = await service.read(ref, readOptions(call));
      const session = sessionAfter(parts, call, [outcome]);
      if (outcome.value === undefined) throw notFound(outcome, session);
      const listed = { ...listedEntity(outcome), value: outcome.value };
      return { body: { ...listed, region, session }, version: listed.version, session };
    },

    async getMany(call: Call, type: string, ids: readonly string[]): Promise<Answer<EntitiesAnswer>> {
      assertType(parts, type);
      const refs = ids.map((id) => ({ type, id }));
      const outcomes = await service.readMany(refs, readOptions(call));
      const session = sessionAfter(parts, call, outcomes);
      return { body: { entities: outcomes.map(listedEntity), next: null, region, session }, session };
    },

    async list(
      call: Call,
      type: string,
      page: { readonly after?: string | undefined; readonly limit: number },
    ): Promise<Answer<EntitiesAnswer>> {
      assertType(parts, type);
      if (call.level !== 'eventual') {
        throw new AtollError(
          'level_not_available',
          'A list is local and eventual; read its entities by POST …/get for more.',
        );
      }
      const outcomes = await service.list(type, page.after, page.limit);
      const next = outcomes.length < page.limit ? null : (outcomes.at(-1)?.entity.id ?? null);
      return {
        body: { entities: outcomes.map(listedEntity), next, region, session: call.session ?? null },
        session: call.session,
      };
    },

    async history(
      _call: Call,
      ref: EntityRef,
      page: { readonly limit: number; readonly offset: number },
    ): Promise<Answer<HistoryAnswer>> {
      assertType(parts, ref.type);
      const entries = await service.history(ref, page);
      const next = entries.length < page.limit ? null : page.offset + entries.length;
      return { body: { ...ref, entries: entries.map(historyEntry), next, region } };
    },
  };
}

export function assertType({ types }: ApiParts, type: string): void {
  if (!types.has(type)) throw new AtollError('unknown_type', `There is no entity type '${type}'.`);
}

export function readOptions({ level, session, maxWaitMillis }: Call): ReadOptions {
  return level === 'session' && session !== undefined ? { session, maxWaitMillis } : { maxWaitMillis };
}

/** The client's own token and what it read now, in one. */
function sessionAfter({ service }: ApiParts, call: Call, outcomes: readonly ReadOutcome[]): string {
  const tokens = new Set(outcomes.map(({ session }) => session));
  if (call.session !== undefined) tokens.add(call.session);
  return [...tokens].reduce((joined, token) => service.joinSessions(joined, token));
}

function listedEntity({ entity, value, seen, openConflicts, quarantined }: ReadOutcome): ListedEntity {
  return {
    ...entity,
    value: value ?? null,
    version: encodeVersion(seen),
    seen: vectorObject(seen),
    conflicts: [...openConflicts],
    quarantined,
  };
}

/** A reader can tell from `seen` whether it was never written or deleted, and can write on top of what it saw. */
function notFound({ entity, seen, quarantined }: ReadOutcome, session: string): AtollError {
  const detail = seen.size === 0 ? 'was never written, as far as this region has seen.' : 'is deleted.';
  return new AtollErrorWithMembers('not_found', `${entity.type}/${entity.id} ${detail}`, {
    seen: vectorObject(seen),
    version: encodeVersion(seen),
    session,
    quarantined,
  });
}

function historyEntry({
  event,
  hash,
  bytes,
  merged,
  reason,
}: HistoryEntry): HistoryAnswer['entries'][number] {
  return {
    dot: formatDot(event.dot, event.shard),
    origin: regionOf(event.dot.actor),
    kind: event.kind,
    changes: event.changes.map(({ field, policyVersion, change }) => ({ field, policyVersion, change })),
    context: vectorObject(event.context),
    observed: event.observed === undefined ? null : vectorObject(event.observed),
    time: { wallMillis: event.time.wallMillis, counter: event.time.counter },
    schemaVersion: event.schemaVersion,
    mutationId: event.mutation.id,
    resolves: [...(event.resolves ?? [])],
    hash,
    prev: event.prev,
    bytes,
    trace: event.trace ?? null,
    merged,
    reason: reason ?? null,
  };
}
