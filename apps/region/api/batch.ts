import { AtollError } from '#core/errors.js';
import type { FieldOperation } from '#flow/service.js';
import type { WriteAnswer } from '#io/http/answers.js';
import { readMutationId, type Call } from '#io/http/call.js';
import type { BatchChange } from '#io/http/requests.js';
import { problemOf, type Problem } from '#io/wire/problem.js';
import { readVersion, type Answer } from './answer.js';
import { asAtollError } from './as-atoll-error.js';
import type { ApiParts } from './api-parts.js';
import { given, movedTo, needsOperations, submit } from './writes.js';

export type BatchOutcome =
  { readonly ok: true; readonly write: WriteAnswer } | { readonly ok: false; readonly error: Problem };

export interface BatchAnswer {
  readonly outcomes: readonly BatchOutcome[];
  readonly region: string;
  readonly session: string | null;
}

/** Station 1: many commands in one request. */
export function batchOperations(parts: ApiParts) {
  const { service, region } = parts;

  return {
    /** Every change is handed on before any is waited for: they share commits, and those of one entity keep their order. */
    async batch(call: Call, changes: readonly BatchChange[]): Promise<Answer<BatchAnswer>> {
      refusePerChange(call);
      const outcomes = await Promise.all(changes.map((change, at) => outcomeOf(parts, call, { change, at })));
      const sessions = new Set(outcomes.flatMap((outcome) => (outcome.ok ? [outcome.write.session] : [])));
      if (call.session !== undefined) sessions.add(call.session);
      const [first] = sessions;
      const session = sessions.size > 1 ? service.joinSessions(sessions) : first;
      return { body: { outcomes, region, session: session ?? null }, ...given({ session }) };
    },
  };
}

interface Placed {
  readonly change: BatchChange;
  readonly at: number;
}

async function outcomeOf(parts: ApiParts, call: Call, { change, at }: Placed): Promise<BatchOutcome> {
  try {
    return { ok: true, write: (await submitOne(parts, call, change)).body };
  } catch (thrown) {
    const error = movedTo(asAtollError(thrown, parts.report), (path) => `/changes/${at}${path}`);
    return { ok: false, error: problemOf(error, { requestId: call.requestId, region: parts.region }) };
  }
}

async function submitOne(parts: ApiParts, call: Call, change: BatchChange): Promise<Answer<WriteAnswer>> {
  const own: Call = {
    requestId: call.requestId,
    level: call.level,
    acks: call.acks,
    maxWaitMillis: call.maxWaitMillis,
    trace: call.trace,
    session: change.session ?? call.session,
    mutationId: readMutationId(change.mutationId),
    ifMatch: readVersion(change.ifMatch, '/ifMatch'),
  };
  const observed = readVersion(change.observed, '/observed');
  const operations = change.operations as readonly FieldOperation[];
  if (change.kind === 'update' && operations.length === 0) throw needsOperations('/operations');
  const entity = { type: change.type, id: change.id };
  return submit(parts, own, { entity, kind: change.kind, operations, ...given({ observed }) });
}

function refusePerChange({ mutationId, ifMatch }: Call): void {
  if (mutationId === undefined && ifMatch === undefined) return;
  throw new AtollError(
    'invalid_request',
    'A batch takes no Idempotency-Key or If-Match: give each change its mutationId or ifMatch.',
  );
}
