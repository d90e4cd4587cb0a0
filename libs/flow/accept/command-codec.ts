import { decodeVector, encodeVector, type VersionVector } from '#core/causality/version-vector.js';
import type { Dot } from '#core/causality/dot.js';
import type { Dependencies } from '#core/consistency/dependencies.js';
import { decodeSession, encodeSession } from '#core/consistency/session-token.js';
import { AtollError, type ErrorCode, type FieldError } from '#core/errors.js';
import { canonicalText } from '#core/event/canonical-json.js';
import { shardsMax } from '#core/event/shard-of.js';
import type { Json, JsonObject } from '#core/json.js';
import type { Hashing } from '../ports/record-auth.js';
import type { FieldOperation } from '../service.js';
import type { PreparedCommand } from './prepared-command.js';

/** What a process hands to the owner of a command's shard. */
export interface ForwardedCommand {
  readonly command: PreparedCommand;
  readonly waitMillis: number;
}

export interface ForwardedOutcome {
  readonly dot: Dot;
  readonly seen: VersionVector;
  readonly replayed: boolean;
  /** Of the entity, where the command is causal and there are any. */
  readonly dependencies?: Dependencies;
}

export function encodeForward({ command, waitMillis }: ForwardedCommand, hashing: Hashing): Uint8Array {
  const body: Record<string, Json> = {
    type: command.entity.type,
    id: command.entity.id,
    kind: command.kind,
    operations: command.operations,
    mutationId: command.mutationId,
    digest: command.digest,
    isFirstTry: command.isFirstTry,
    depends: encodeVector(command.depends),
    bytes: command.bytes,
    asksAcks: command.asksAcks,
    waitMillis,
  };
  if (command.isEarly === true) body.isEarly = true;
  if (command.observed) body.observed = encodeVector(command.observed);
  if (command.ifMatch) body.ifMatch = encodeVector(command.ifMatch);
  if (command.resolves) body.resolves = command.resolves;
  if (command.trace !== undefined) body.trace = command.trace;
  if (command.consistency !== undefined) body.consistency = command.consistency;
  if (command.dependencies) body.dependencies = encodeSession(command.dependencies);
  return hashing.utf8(canonicalText(body));
}

/** Siblings are authenticated, and run the same release: what does not read is a programming error of ours. */
export function decodeForward(payload: Uint8Array, hashing: Hashing): ForwardedCommand {
  const body = readObject(payload, hashing);
  const vector = (json: Json | undefined): VersionVector => decodeVector(json) ?? new Map<string, number>();
  const entity = { type: String(body.type), id: String(body.id) };
  const command: PreparedCommand = {
    entity,
    key: `${entity.type}/${entity.id}`,
    kind: body.kind === 'delete' ? 'delete' : 'update',
    operations: body.operations as readonly FieldOperation[],
    mutationId: String(body.mutationId),
    digest: String(body.digest),
    isFirstTry: body.isFirstTry === true,
    depends: vector(body.depends),
    hasObserved: body.observed !== undefined,
    bytes: Number(body.bytes),
    asksAcks: body.asksAcks === true,
    ...(body.isEarly === true && { isEarly: true }),
    ...(body.observed !== undefined && { observed: vector(body.observed) }),
    ...(body.ifMatch !== undefined && { ifMatch: vector(body.ifMatch) }),
    ...(body.resolves !== undefined && { resolves: body.resolves as readonly string[] }),
    ...(typeof body.trace === 'string' && { trace: body.trace }),
    ...(body.consistency === 'causal' && { consistency: body.consistency }),
    ...readDependencies(body.dependencies),
  };
  return { command, waitMillis: Number(body.waitMillis) };
}

export function encodeOutcome(outcome: ForwardedOutcome, hashing: Hashing): Uint8Array {
  const { dot, seen, replayed, dependencies } = outcome;
  const ok: Json[] = [dot.actor, dot.seq, encodeVector(seen), replayed];
  if (dependencies) ok.push(encodeSession(dependencies));
  return hashing.utf8(canonicalText({ ok }));
}

export function encodeFailure(error: AtollError, hashing: Hashing): Uint8Array {
  const fields = error.fields.map(({ path, code, detail }) => ({ path, code, detail }));
  return hashing.utf8(canonicalText({ error: { code: error.code, detail: error.message, fields } }));
}

/** @throws AtollError what the owner refused with. */
export function decodeOutcome(payload: Uint8Array, hashing: Hashing): ForwardedOutcome {
  const body = readObject(payload, hashing);
  if (Array.isArray(body.ok)) {
    const [actor, seq, seen, replayed, dependencies] = body.ok as readonly Json[];
    return {
      dot: { actor: String(actor), seq: Number(seq) },
      seen: decodeVector(seen) ?? new Map<string, number>(),
      replayed: replayed === true,
      ...readDependencies(dependencies),
    };
  }
  const { code, detail, fields } = body.error as unknown as Failure;
  throw new AtollError(code, detail, { fields });
}

function readDependencies(json: Json | undefined): { readonly dependencies?: Dependencies } {
  const dependencies = decodeSession(json, shardsMax);
  return dependencies ? { dependencies } : {};
}

interface Failure {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly fields: readonly FieldError[];
}

function readObject(payload: Uint8Array, hashing: Hashing): JsonObject {
  const text = hashing.fromUtf8(payload);
  if (text === undefined) throw new AtollError('internal', 'a sibling sent bytes that are not UTF-8');
  return JSON.parse(text) as JsonObject;
}
