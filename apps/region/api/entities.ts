import { formatDot, regionOf } from '#core/causality/dot.js';
import { AtollError } from '#core/errors.js';
import type { EntityRef } from '#core/event/event.js';
import { TooStale, type HistoryEntry, type ReadOptions, type ReadOutcome } from '#flow/service.js';
import type { EntitiesAnswer, EntityAnswer, HistoryAnswer, ListedEntity } from '#io/http/answers.js';
import type { Call } from '#io/http/call.js';
import { AtollErrorWithMembers } from '#io/wire/problem.js';
import { encodeVersion, toldEpoch, vectorObject, type Answer } from './answer.js';
import type { ApiParts } from './api-parts.js';
import { inCanonicalOrder } from './canonical-order.js';

/** Station 6: reads. */
export function entityOperations(parts: ApiParts) {
  const { service, region } = parts;

  return {
    async get(call: Call, ref: EntityRef): Promise<Answer<EntityAnswer>> {
      assertType(parts, ref.type);
      const outcome = await service.read(ref, readOptions(call)).catch(staleProblem);
      const session = sessionAfter(parts, call, [outcome]);
      const listed = listedEntity(outcome);
      const { value, version } = listed;
      if (value === null) throw notFound(outcome, session);
      return { body: { ...listed, value, region, session }, version, session, ...stalest([outcome]) };
    },

    async getMany(call: Call, type: string, ids: readonly string[]): Promise<Answer<EntitiesAnswer>> {
      assertType(parts, type);
      const refs = ids.map((id) => ({ type, id }));
      const outcomes = await service.readMany(refs, readOptions(call)).catch(staleProblem);
      const session = sessionAfter(parts, call, outcomes);
      const body = { entities: outcomes.map(listedEntity), next: null, region, session };
      return { body, session, ...stalest(outcomes) };
    },

    async list(
      call: Call,
      type: string,
      page: { readonly after?: string | undefined; readonly limit: number },
    ): Promise<Answer<EntitiesAnswer>> {
      assertType(parts, type);
      if (call.level.kind !== 'eventual') {
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
        ...stalest(outcomes),
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
  const waitsFor = level.kind === 'eventual' ? undefined : session;
  return { level, maxWaitMillis, ...(waitsFor !== undefined && { session: waitsFor }) };
}

/** Absent where nobody can tell how old one of them is. */
function stalest(outcomes: readonly ReadOutcome[]): { readonly stalenessMs?: number } {
  let stalenessMs = 0;
  for (const { stalenessMillis } of outcomes) {
    if (stalenessMillis === null) return {};
    stalenessMs = Math.max(stalenessMs, stalenessMillis);
  }
  return outcomes.length === 0 ? {} : { stalenessMs };
}

function staleProblem(error: unknown): never {
  if (!(error instanceof TooStale)) throw error;
  const { stalenessMillis: stalenessMs, regions } = error.told;
  throw new AtollErrorWithMembers(error.code, error.message, { stalenessMs, regions });
}

/** The client's own token and what it read now, in one. */
function sessionAfter({ service }: ApiParts, call: Call, outcomes: readonly ReadOutcome[]): string {
  const tokens = new Set(outcomes.map(({ session }) => session));
  if (call.session !== undefined) tokens.add(call.session);
  const [first] = tokens;
  return tokens.size === 1 && first !== undefined ? first : service.joinSessions(tokens);
}

function listedEntity(outcome: ReadOutcome): ListedEntity {
  const { entity, value, seen, openConflicts, quarantined, stalenessMillis: stalenessMs } = outcome;
  return {
    ...entity,
    value: value === undefined ? null : inCanonicalOrder(value),
    version: encodeVersion(seen),
    seen: vectorObject(seen),
    conflicts: [...openConflicts],
    quarantined,
    stalenessMs,
    ...toldEpoch(outcome),
  };
}

/** A reader can tell from `seen` whether it was never written or deleted, and can write on top of what it saw. */
function notFound(outcome: ReadOutcome, session: string): AtollError {
  const { entity, seen, quarantined, stalenessMillis: stalenessMs } = outcome;
  const detail = seen.size === 0 ? 'was never written, as far as this region has seen.' : 'is deleted.';
  return new AtollErrorWithMembers('not_found', `${entity.type}/${entity.id} ${detail}`, {
    seen: vectorObject(seen),
    version: encodeVersion(seen),
    session,
    quarantined,
    stalenessMs,
    ...toldEpoch(outcome),
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
    changes: event.changes.map(({ field, policyVersion, change }) => ({
      field,
      policyVersion,
      change: inCanonicalOrder(change),
    })),
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
