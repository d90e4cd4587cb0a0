import { formatDot } from '#core/causality/dot.js';
import { AtollError, type FieldError } from '#core/errors.js';
import type { EntityRef } from '#core/event/event.js';
import type { Json } from '#core/json.js';
import type { Command, FieldOperation, WriteOutcome } from '#flow/service.js';
import type { WriteAnswer } from '#io/http/answers.js';
import { readMutationId, type Call } from '#io/http/call.js';
import { escapePointer } from '#io/http/json-body.js';
import type { BatchChange, ChangeRequest } from '#io/http/requests.js';
import { problemOf, type Problem } from '#io/wire/problem.js';
import { asAtollError } from './as-atoll-error.js';
import { encodeVersion, readVersion, vectorObject, type Answer } from './answer.js';
import { assertType } from './entities.js';
import type { ApiParts } from './region-api.js';

export type BatchOutcome =
  { readonly ok: true; readonly write: WriteAnswer } | { readonly ok: false; readonly error: Problem };

export interface BatchAnswer {
  readonly outcomes: readonly BatchOutcome[];
  readonly region: string;
  readonly session: string | null;
}

/** Policies whose fields PATCH can set. */
const registers: ReadonlySet<string> = new Set(['last-writer-wins', 'multi-value']);

/** Station 1: commands. */
export function writeOperations(parts: ApiParts) {
  const { service, region } = parts;

  async function submit(
    call: Call,
    command: Omit<Command, 'mutationId' | 'ifMatch' | 'session' | 'trace'>,
  ): Promise<Answer<WriteAnswer>> {
    assertType(parts, command.entity.type);
    const { mutationId, ifMatch, session, trace, maxWaitMillis } = call;
    const full: Command = { ...command, ...given({ mutationId, ifMatch, session, trace }) };
    return written(command.entity, await service.submit(full, { maxWaitMillis }));
  }

  function written(entity: EntityRef, outcome: WriteOutcome): Answer<WriteAnswer> {
    const version = encodeVersion(outcome.seen);
    const { mutationId, replayed, session } = outcome;
    const dot = formatDot(outcome.dot, outcome.shard);
    const body = {
      ...entity,
      mutationId,
      dot,
      version,
      seen: vectorObject(outcome.seen),
      replayed,
      region,
      session,
    };
    return { body, version, session };
  }

  async function outcomeOf(call: Call, change: BatchChange, at: number): Promise<BatchOutcome> {
    try {
      return { ok: true, write: (await submitOne(call, change)).body };
    } catch (thrown) {
      const error = asAtollError(thrown, parts.report);
      return {
        ok: false,
        error: problemOf(
          movedTo(error, (path) => `/changes/${at}${path}`),
          { requestId: call.requestId, region },
        ),
      };
    }
  }

  async function submitOne(call: Call, change: BatchChange): Promise<Answer<WriteAnswer>> {
    const own: Call = {
      requestId: call.requestId,
      level: call.level,
      maxWaitMillis: call.maxWaitMillis,
      trace: call.trace,
      session: change.session ?? call.session,
      mutationId: readMutationId(change.mutationId),
      ifMatch: readVersion(change.ifMatch, '/ifMatch'),
    };
    const observed = readVersion(change.observed, '/observed');
    const operations = change.operations as readonly FieldOperation[];
    if (change.kind === 'update' && operations.length === 0) throw needsOperations();
    return submit(own, {
      entity: { type: change.type, id: change.id },
      kind: change.kind,
      operations,
      ...given({ observed }),
    });
  }

  return {
    async change(call: Call, entity: EntityRef, request: ChangeRequest): Promise<Answer<WriteAnswer>> {
      const observed = readVersion(request.observed, '/observed');
      return submit(call, {
        entity,
        kind: 'update',
        operations: request.operations as readonly FieldOperation[],
        ...given({ observed }),
      });
    },

    async patch(
      call: Call,
      entity: EntityRef,
      fields: Readonly<Record<string, unknown>>,
    ): Promise<Answer<WriteAnswer>> {
      assertType(parts, entity.type);
      assertRegisters(parts, entity.type, Object.keys(fields));
      const operations = Object.entries(fields).map(([field, value]) => ({
        field,
        op: 'set',
        value: value as Json,
      }));
      try {
        return await submit(call, { entity, kind: 'update', operations });
      } catch (error) {
        if (error instanceof AtollError) throw movedTo(error, (path) => patchPath(path, operations));
        throw error;
      }
    },

    async remove(call: Call, entity: EntityRef): Promise<Answer<WriteAnswer>> {
      return submit(call, { entity, kind: 'delete', operations: [] });
    },

    async resolve(call: Call, id: string, request: ChangeRequest): Promise<Answer<WriteAnswer>> {
      const row = await service.conflict(id);
      if (row === undefined) throw new AtollError('conflict_not_found', `There is no conflict '${id}' here.`);
      const { mutationId, ifMatch, session, trace, maxWaitMillis } = call;
      const observed = readVersion(request.observed, '/observed');
      const operations = request.operations as readonly FieldOperation[];
      const command = { operations, ...given({ observed, mutationId, ifMatch, session, trace }) };
      return written(row.entity, await service.resolveConflict(id, command, { maxWaitMillis }));
    },

    /** Every change is handed on before any is waited for: they share commits, and those of one entity keep their order. */
    async batch(call: Call, changes: readonly BatchChange[]): Promise<Answer<BatchAnswer>> {
      refusePerChange(call);
      const outcomes = await Promise.all(changes.map((change, at) => outcomeOf(call, change, at)));
      const sessions = new Set(outcomes.flatMap((outcome) => (outcome.ok ? [outcome.write.session] : [])));
      if (call.session !== undefined) sessions.add(call.session);
      const session = [...sessions].reduce<string | null>(
        (joined, one) => (joined === null ? one : service.joinSessions(joined, one)),
        null,
      );
      return { body: { outcomes, region, session }, session: session ?? undefined };
    },
  };
}

/** Without the properties that hold `undefined`: to the stations, absent means absent. */
function given<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}

function refusePerChange({ mutationId, ifMatch }: Call): void {
  if (mutationId === undefined && ifMatch === undefined) return;
  throw new AtollError(
    'invalid_request',
    'A batch takes no Idempotency-Key or If-Match: give each change its mutationId or ifMatch.',
  );
}

function needsOperations(): AtollError {
  const detail = 'An update needs at least one operation.';
  return new AtollError('invalid_request', detail, {
    fields: [{ path: '/operations', code: 'invalid_request', detail }],
  });
}

function assertRegisters({ types }: ApiParts, type: string, names: readonly string[]): void {
  const declared = types.get(type)?.fields;
  for (const name of names) {
    const policy = declared?.get(name)?.policy.name;
    if (policy !== undefined && registers.has(policy)) continue;
    const path = `/${escapePointer(name)}`;
    const code = policy === undefined ? 'unknown_field' : 'unknown_operation';
    const detail =
      policy === undefined
        ? `${type} has no field '${name}'.`
        : `PATCH sets registers; '${name}' is a ${policy}: use POST …/changes.`;
    throw new AtollError(code, detail, { fields: [{ path, code, detail }] });
  }
}

/** `/operations/2/value/name` of the change that a patch became is `/<third field>/name` of the patch. */
function patchPath(path: string, operations: readonly { readonly field: string }[]): string {
  const [, at, rest = ''] = /^\/operations\/(\d+)(?:\/(?:value|field|op))?(\/.*)?$/.exec(path) ?? [];
  const field = at === undefined ? undefined : operations[Number(at)]?.field;
  return field === undefined ? path : `/${escapePointer(field)}${rest}`;
}

function movedTo(error: AtollError, move: (path: string) => string): AtollError {
  if (error.fields.length === 0) return error;
  const fields = error.fields.map((field): FieldError => ({ ...field, path: move(field.path) }));
  return new AtollError(error.code, error.message, { fields, cause: error });
}
