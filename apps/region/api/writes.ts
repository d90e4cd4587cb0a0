import { formatDot } from '#core/causality/dot.js';
import { AtollError, type FieldError } from '#core/errors.js';
import type { EntityRef } from '#core/event/event.js';
import type { Json } from '#core/json.js';
import { AcksIncomplete, type Command, type FieldOperation, type WriteOutcome } from '#flow/service.js';
import type { WriteAnswer } from '#io/http/answers.js';
import type { Call } from '#io/http/call.js';
import { escapePointer } from '#io/http/json-body.js';
import { AtollErrorWithMembers } from '#io/wire/problem.js';
import type { ChangeRequest } from '#io/http/requests.js';
import { encodeVersion, readVersion, toldEpoch, vectorObject, type Answer } from './answer.js';
import { assertType } from './entities.js';
import type { ApiParts } from './api-parts.js';

/** Policies whose fields PATCH can set. */
const registers: ReadonlySet<string> = new Set(['last-writer-wins', 'multi-value']);

/** Station 1: commands on one entity. */
export function writeOperations(parts: ApiParts) {
  return {
    async change(call: Call, entity: EntityRef, request: ChangeRequest): Promise<Answer<WriteAnswer>> {
      const observed = readVersion(request.observed, '/observed');
      const operations = request.operations as readonly FieldOperation[];
      return submit(parts, call, { entity, kind: 'update', operations, ...given({ observed }) });
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
        return await submit(parts, call, { entity, kind: 'update', operations });
      } catch (error) {
        if (error instanceof AtollError) throw movedTo(error, (path) => patchPath(path, operations));
        throw error;
      }
    },

    async remove(call: Call, entity: EntityRef): Promise<Answer<WriteAnswer>> {
      return submit(parts, call, { entity, kind: 'delete', operations: [] });
    },

    async resolve(call: Call, id: string, request: ChangeRequest): Promise<Answer<WriteAnswer>> {
      const row = await parts.service.conflict(id);
      if (row === undefined) throw new AtollError('conflict_not_found', `There is no conflict '${id}' here.`);
      const observed = readVersion(request.observed, '/observed');
      const operations = request.operations as readonly FieldOperation[];
      const command = { operations, ...given({ observed }), ...commandOfCall(call) };
      const { maxWaitMillis, acks } = call;
      const resolving = parts.service.resolveConflict(id, command, { maxWaitMillis, acks });
      return written(parts, row.entity, await resolving.catch(acksProblem));
    },
  };
}

/** A command without what the call's headers add to it. */
type BareCommand = Omit<Command, keyof CommandOfCall>;

type CommandOfCall = Pick<Command, 'mutationId' | 'ifMatch' | 'session' | 'consistency' | 'trace'>;

/** What a call's headers say of a command. */
export function commandOfCall({ mutationId, ifMatch, session, level, trace }: Call): CommandOfCall {
  const consistency = level.kind === 'causal' ? level.kind : undefined;
  return given({ mutationId, ifMatch, session, consistency, trace });
}

export async function submit(
  parts: ApiParts,
  call: Call,
  command: BareCommand,
): Promise<Answer<WriteAnswer>> {
  assertType(parts, command.entity.type);
  const { maxWaitMillis, acks } = call;
  const submitting = parts.service.submit({ ...command, ...commandOfCall(call) }, { maxWaitMillis, acks });
  return written(parts, command.entity, await submitting.catch(acksProblem));
}

/** What is known of a write that is stored, but not in as many regions as it asked for. */
function acksProblem(error: unknown): never {
  if (!(error instanceof AcksIncomplete)) throw error;
  const { mutationId, dot, shard, seen, session, replayed, confirmed } = error.outcome;
  throw new AtollErrorWithMembers('acks_incomplete', error.message, {
    mutationId,
    dot: formatDot(dot, shard),
    version: encodeVersion(seen),
    seen: vectorObject(seen),
    session,
    replayed,
    confirmed,
    unconfirmed: error.unconfirmed,
    ...toldEpoch(error.outcome),
  });
}

function written({ region }: ApiParts, entity: EntityRef, outcome: WriteOutcome): Answer<WriteAnswer> {
  const version = encodeVersion(outcome.seen);
  const { mutationId, replayed, session, confirmed } = outcome;
  const dot = formatDot(outcome.dot, outcome.shard);
  const body = {
    ...entity,
    mutationId,
    dot,
    version,
    seen: vectorObject(outcome.seen),
    replayed,
    confirmed: [...confirmed],
    ...toldEpoch(outcome),
    region,
    session,
  };
  return { body, version, session };
}

/** Without the properties that hold `undefined`: to the stations, absent means absent. */
export function given<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
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

/** The refusal of an update that changes nothing; `path` is where its operations were looked for. */
export function needsOperations(path: string): AtollError {
  const detail = 'An update needs at least one operation.';
  return new AtollError('invalid_request', detail, {
    fields: [{ path, code: 'invalid_request', detail }],
  });
}

/** `/operations/2/value/name` of the change that a patch became is `/<third field>/name` of the patch. */
function patchPath(path: string, operations: readonly { readonly field: string }[]): string {
  const [, at, rest = ''] = /^\/operations\/(\d+)(?:\/(?:value|field|op))?(\/.*)?$/.exec(path) ?? [];
  const field = at === undefined ? undefined : operations[Number(at)]?.field;
  return field === undefined ? path : `/${escapePointer(field)}${rest}`;
}

/** The same error, with the paths of its fields told from elsewhere. */
export function movedTo(error: AtollError, move: (path: string) => string): AtollError {
  if (error.fields.length === 0) return error;
  const fields = error.fields.map((field): FieldError => ({ ...field, path: move(field.path) }));
  return new AtollError(error.code, error.message, { fields, cause: error });
}
