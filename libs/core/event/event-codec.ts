import type { Dot } from '../causality/dot.js';
import { hybridCounterMax } from '../causality/hybrid-timestamp.js';
import { decodeVector, encodeVector, type VersionVector } from '../causality/version-vector.js';
import { isObject, type Json, type JsonObject } from '../json.js';
import { parseJson } from '../parse-json.js';
import { canonicalText, quoted } from './canonical-json.js';
import { groupSizeMax, type EntityRef, type Event, type EventGroup, type FieldChange } from './event.js';
import { isWellFormed, nestingDepth } from './text-limits.js';

/** Version of the envelope. Unknown further keys are carried through untouched: bytes are forwarded, never re-encoded. */
const envelopeVersion = 1;

/** How deep an event's JSON may nest: far above what accept lets in, far below what overflows a stack. */
export const eventDepthMax = 96;

export const entityIdLengthMax = 512;
export const typeNameLengthMax = 64;

/**
 * The event as canonical JSON (RFC 8785), without its hash, which is over exactly these bytes. The keys stand in
 * canonical order here and what is between them is put together by hand: an object of twenty keys, made to be written once,
 * cost more than its text.
 */
export function encodeEvent(event: Event): string {
  const { dot, entity, time, mutation, observed, dependencies, group } = event;
  const optional = (key: string, json: Json | undefined): string =>
    json === undefined ? '' : `"${key}":${canonicalText(json)},`;
  return (
    `{${optional('acks', event.acks)}"actor":${quoted(dot.actor)},"changes":[${changesText(event.changes)}],` +
    `"context":${canonicalText(encodeVector(event.context))},` +
    optional('dependencies', dependencies && encodeDependencies(dependencies)) +
    optional('epoch', event.epoch) +
    optional('group', group && [group.index, group.size]) +
    `"id":${quoted(entity.id)},"kind":"${event.kind}","mutation":[${quoted(mutation.id)},${quoted(mutation.digest)}],` +
    optional('observed', observed && encodeVector(observed)) +
    optional('phase', event.phase) +
    `"prev":${quoted(event.prev)},${optional('resolves', event.resolves)}` +
    `"schema":${event.schemaVersion},"seq":${dot.seq},"shard":${event.shard},` +
    `"time":[${time.wallMillis},${time.counter}],${optional('trace', event.trace)}` +
    `"type":${quoted(entity.type)},"v":${envelopeVersion}}`
  );
}

function changesText(changes: readonly FieldChange[]): string {
  let text = '';
  for (const { field, policyVersion, change } of changes) {
    text += `${text === '' ? '' : ','}[${quoted(field)},${policyVersion},${canonicalText(change)}]`;
  }
  return text;
}

/**
 * Reads an envelope that a peer or the log wrote. Whether its changes can be folded is for `readiness` to say.
 *
 * @returns `undefined` when it is not an envelope at all: it then takes no dot (INV-14).
 */
export function decodeEvent(text: string): Event | undefined {
  if (nestingDepth(text, eventDepthMax) > eventDepthMax) return undefined;
  let json: Json;
  try {
    json = parseJson(text) as Json;
  } catch {
    return undefined;
  }
  if (!isObject(json) || json.v !== envelopeVersion) return undefined;
  return readEnvelope(json);
}

function readEnvelope(json: JsonObject): Event | undefined {
  const { actor, seq, shard, prev, type, id, kind, schema } = json;
  if (!isText(actor, 128) || !isCount(seq) || seq < 1 || !isCount(shard) || !isText(prev, 64))
    return undefined;
  if (!isType(type) || !isEntityId(id) || !isCount(schema)) return undefined;
  if (kind !== 'update' && kind !== 'delete') return undefined;
  const changes = readChanges(json.changes);
  const context = decodeVector(json.context);
  const time = readPair(json.time);
  const mutation = json.mutation;
  if (!changes || !context || !time || time[1] > hybridCounterMax || !isArray(mutation)) return undefined;
  const [mutationId, digest] = mutation;
  if (!isText(mutationId, 256) || !isText(digest, 64)) return undefined;
  const optional = readOptional(json);
  if (!optional) return undefined;
  const dot: Dot = { actor, seq };
  return {
    shard,
    dot,
    prev,
    entity: { type, id },
    kind,
    schemaVersion: schema,
    changes,
    context,
    time: { wallMillis: time[0], counter: time[1], actor },
    mutation: { id: mutationId, digest },
    ...optional,
  };
}

/** Whether an event may be about it. Who mints asks too: nobody could read again what this does not let pass. */
export function isEntityRef({ type, id }: EntityRef): boolean {
  return isType(type) && isEntityId(id);
}

function isType(json: Json | undefined): json is string {
  return isText(json, typeNameLengthMax);
}

function isEntityId(json: Json | undefined): json is string {
  return isText(json, entityIdLengthMax);
}

type OptionalParts = Pick<
  Event,
  'acks' | 'observed' | 'dependencies' | 'resolves' | 'epoch' | 'group' | 'phase' | 'trace'
>;

function readOptional(json: JsonObject): OptionalParts | undefined {
  const parts: { -readonly [K in keyof OptionalParts]: OptionalParts[K] } = {};
  if (json.acks !== undefined) {
    if (json.acks !== true) return undefined;
    parts.acks = true;
  }
  if (json.observed !== undefined) {
    const observed = decodeVector(json.observed);
    if (!observed) return undefined;
    parts.observed = observed;
  }
  if (json.dependencies !== undefined) {
    const dependencies = decodeDependencies(json.dependencies);
    if (!dependencies) return undefined;
    parts.dependencies = dependencies;
  }
  if (json.resolves !== undefined) {
    if (!isArray(json.resolves) || !json.resolves.every((id) => isText(id, 128))) return undefined;
    parts.resolves = json.resolves as readonly string[];
  }
  if (json.epoch !== undefined) {
    if (!isText(json.epoch, 64)) return undefined;
    parts.epoch = json.epoch;
  }
  if (json.group !== undefined) {
    const pair = readPair(json.group);
    if (!pair || pair[0] >= pair[1] || pair[1] > groupSizeMax) return undefined;
    const group: EventGroup = { index: pair[0], size: pair[1] };
    parts.group = group;
  }
  if (json.phase !== undefined) {
    if (!isCount(json.phase) || json.phase === 0) return undefined;
    parts.phase = json.phase;
  }
  if (json.trace !== undefined) {
    if (!isText(json.trace, 256)) return undefined;
    parts.trace = json.trace;
  }
  return parts;
}

function readChanges(json: Json | undefined): readonly FieldChange[] | undefined {
  if (!isArray(json)) return undefined;
  const changes: FieldChange[] = [];
  for (const entry of json) {
    if (!isArray(entry) || entry.length !== 3) return undefined;
    const [field, policyVersion, change] = entry;
    if (!isText(field, 256) || !isCount(policyVersion) || change === undefined) return undefined;
    changes.push({ field, policyVersion, change });
  }
  return changes;
}

function encodeDependencies(dependencies: ReadonlyMap<number, VersionVector>): JsonObject {
  const encoded: Record<string, Json> = {};
  for (const [shard, vector] of dependencies) encoded[String(shard)] = encodeVector(vector);
  return encoded;
}

function decodeDependencies(json: Json): ReadonlyMap<number, VersionVector> | undefined {
  if (!isObject(json)) return undefined;
  const dependencies = new Map<number, VersionVector>();
  for (const [shard, encoded] of Object.entries(json)) {
    const vector = decodeVector(encoded);
    // To the letter: '1' and '01' would name one shard twice.
    if (!vector || !/^(0|[1-9]\d{0,4})$/.test(shard)) return undefined;
    dependencies.set(Number(shard), vector);
  }
  return dependencies;
}

function readPair(json: Json | undefined): readonly [number, number] | undefined {
  if (!isArray(json) || json.length !== 2) return undefined;
  const [first, second] = json;
  return isCount(first) && isCount(second) ? [first, second] : undefined;
}

function isArray(json: Json | undefined): json is readonly Json[] {
  return Array.isArray(json);
}

function isCount(json: Json | undefined): json is number {
  return typeof json === 'number' && Number.isSafeInteger(json) && json >= 0;
}

function isText(json: Json | undefined, lengthMax: number): json is string {
  return typeof json === 'string' && json.length <= lengthMax && isWellFormed(json);
}
