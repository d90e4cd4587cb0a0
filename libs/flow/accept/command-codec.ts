import { decodeVector, encodeVector, type VersionVector } from '#core/causality/version-vector.js';
import type { Dot } from '#core/causality/dot.js';
import { parseAcks, type Acks } from '#core/consistency/acks.js';
import type { Dependencies } from '#core/consistency/dependencies.js';
import { decodeSession, encodeSession } from '#core/consistency/session-token.js';
import { AtollError, type ErrorCode, type FieldError } from '#core/errors.js';
import { canonicalText } from '#core/event/canonical-json.js';
import { shardsMax } from '#core/event/shard-of.js';
import type { Json, JsonObject } from '#core/json.js';
import { formatEpoch, parseEpoch, type Epoch } from '#core/strong/epoch.js';
import { parseJson } from '#core/parse-json.js';
import type { Hashing } from '../ports/record-auth.js';
import type { FieldOperation, PartOutcome } from '../service.js';
import type { PreparedCommand } from './prepared-command.js';

/** What a process hands to the owner of a command's shard. */
export interface ForwardedCommand {
  readonly command: PreparedCommand;
  readonly waitMillis: number;
}

export interface ForwardedOutcome extends PartOutcome {
  readonly replayed: boolean;
  /** Of the further parts of an atomic change. */
  readonly also?: readonly PartOutcome[];
  /** In which the home of the shard answered, that decided it. Absent: the region did alone. */
  readonly epoch?: Epoch;
  /** Of the entity, where the command is causal and there are any. */
  readonly dependencies?: Dependencies;
}

/** The dot of the last event of a command: the others of a group are right before it. */
export function lastDot({ dot, also }: Pick<ForwardedOutcome, 'dot' | 'also'>): Dot {
  return also?.at(-1)?.dot ?? dot;
}

export function encodeForward({ command, waitMillis }: ForwardedCommand, hashing: Hashing): Uint8Array {
  const body: Record<string, Json> = {
    ...encodePart(command),
    mutationId: command.mutationId,
    digest: command.digest,
    isFirstTry: command.isFirstTry,
    depends: encodeVector(command.depends),
    bytes: command.bytes,
    asksAcks: command.asksAcks,
    waitMillis,
  };
  if (command.isEarly === true) body.isEarly = true;
  if (command.acks !== undefined) body.acks = command.acks;
  if (command.also) body.also = command.also.map(encodePart);
  if (command.resolves) body.resolves = command.resolves;
  if (command.trace !== undefined) body.trace = command.trace;
  if (command.consistency !== undefined) body.consistency = command.consistency;
  if (command.dependencies) body.dependencies = encodeSession(command.dependencies);
  return hashing.utf8(canonicalText(body));
}

function encodePart({ entity, kind, operations, observed, ifMatch }: PreparedCommand): JsonObject {
  return {
    type: entity.type,
    id: entity.id,
    kind,
    operations,
    ...(observed && { observed: encodeVector(observed) }),
    ...(ifMatch && { ifMatch: encodeVector(ifMatch) }),
  };
}

function readPart(
  body: JsonObject,
): Pick<PreparedCommand, 'entity' | 'key' | 'kind' | 'operations' | 'hasObserved' | 'observed' | 'ifMatch'> {
  const entity = { type: String(body.type), id: String(body.id) };
  return {
    entity,
    key: `${entity.type}/${entity.id}`,
    kind: body.kind === 'delete' ? 'delete' : 'update',
    operations: body.operations as readonly FieldOperation[],
    hasObserved: body.observed !== undefined,
    ...(body.observed !== undefined && { observed: readVector(body.observed) }),
    ...(body.ifMatch !== undefined && { ifMatch: readVector(body.ifMatch) }),
  };
}

const readVector = (json: Json | undefined): VersionVector => decodeVector(json) ?? new Map<string, number>();

/** Siblings are authenticated, and run the same release: what does not read is a programming error of ours. */
export function decodeForward(payload: Uint8Array, hashing: Hashing): ForwardedCommand {
  const body = readObject(payload, hashing);
  const common = {
    mutationId: String(body.mutationId),
    digest: String(body.digest),
    isFirstTry: body.isFirstTry === true,
    depends: readVector(body.depends),
    asksAcks: body.asksAcks === true,
    ...(body.isEarly === true && { isEarly: true }),
    ...readAcks(body.acks),
    ...(typeof body.trace === 'string' && { trace: body.trace }),
    ...(body.consistency === 'causal' && { consistency: 'causal' as const }),
    ...readDependencies(body.dependencies),
  };
  const also = (body.also as readonly JsonObject[] | undefined)?.map((part) => ({
    ...readPart(part),
    ...common,
    bytes: 0,
  }));
  const command: PreparedCommand = {
    ...readPart(body),
    ...common,
    bytes: Number(body.bytes),
    ...(body.resolves !== undefined && { resolves: body.resolves as readonly string[] }),
    ...(also && { also }),
  };
  return { command, waitMillis: Number(body.waitMillis) };
}

export function encodeOutcome(outcome: ForwardedOutcome, hashing: Hashing): Uint8Array {
  const { dot, seen, replayed, dependencies, also, epoch } = outcome;
  const ok: Json[] = [dot.actor, dot.seq, encodeVector(seen), replayed];
  if (dependencies || also) ok.push(dependencies ? encodeSession(dependencies) : null);
  if (also) ok.push(also.map((part) => [part.dot.actor, part.dot.seq, encodeVector(part.seen)]));
  return hashing.utf8(canonicalText(epoch ? { ok, epoch: formatEpoch(epoch) } : { ok }));
}

export function encodeFailure(error: AtollError, hashing: Hashing): Uint8Array {
  const fields = error.fields.map(({ path, code, detail }) => ({ path, code, detail }));
  return hashing.utf8(canonicalText({ error: { code: error.code, detail: error.message, fields } }));
}

/** @throws AtollError what the owner refused with. */
export function decodeOutcome(payload: Uint8Array, hashing: Hashing): ForwardedOutcome {
  const body = readObject(payload, hashing);
  if (Array.isArray(body.ok)) {
    const [actor, seq, seen, replayed, dependencies, also] = body.ok as readonly Json[];
    return {
      ...readPartOutcome([actor, seq, seen]),
      replayed: replayed === true,
      ...readDependencies(dependencies ?? undefined),
      ...readEpoch(body.epoch),
      ...(Array.isArray(also) && { also: (also as readonly (readonly Json[])[]).map(readPartOutcome) }),
    };
  }
  const { code, detail, fields } = body.error as unknown as Failure;
  throw new AtollError(code, detail, { fields });
}

function readPartOutcome([actor, seq, seen]: readonly (Json | undefined)[]): PartOutcome {
  return { dot: { actor: String(actor), seq: Number(seq) }, seen: readVector(seen) };
}

function readDependencies(json: Json | undefined): { readonly dependencies?: Dependencies } {
  const dependencies = decodeSession(json, shardsMax);
  return dependencies ? { dependencies } : {};
}

function readAcks(json: Json | undefined): { readonly acks?: Acks } {
  const acks = parseAcks(String(json));
  return acks ? { acks } : {};
}

function readEpoch(json: Json | undefined): { readonly epoch?: Epoch } {
  const epoch = typeof json === 'string' ? parseEpoch(json) : undefined;
  return epoch ? { epoch } : {};
}

interface Failure {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly fields: readonly FieldError[];
}

function readObject(payload: Uint8Array, hashing: Hashing): JsonObject {
  const text = hashing.fromUtf8(payload);
  if (text === undefined) throw new AtollError('internal', 'a sibling sent bytes that are not UTF-8');
  return parseJson(text) as JsonObject;
}
