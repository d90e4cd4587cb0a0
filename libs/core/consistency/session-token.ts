import type { Actor, Dot } from '../causality/dot.js';
import {
  decodeVector,
  encodeVector,
  includes,
  join,
  nothingSeen,
  type VersionVector,
} from '../causality/version-vector.js';
import type { Json, JsonObject } from '../json.js';

/** Stored cursors per shard that a client depends on (PROTOCOL §7). */
export type SessionCursors = ReadonlyMap<number, VersionVector>;

export const emptySession: SessionCursors = new Map();

export function sessionWith(session: SessionCursors, shard: number, vector: VersionVector): SessionCursors {
  const before = session.get(shard) ?? nothingSeen;
  const joined = join(before, vector);
  return joined === before ? session : new Map(session).set(shard, joined);
}

export function joinSessions(a: SessionCursors, b: SessionCursors): SessionCursors {
  let joined = a;
  for (const [shard, vector] of b) joined = sessionWith(joined, shard, vector);
  return joined;
}

/** Leaves out what is stable: every region has folded it, so nobody needs to wait for it. */
export function withoutStable(
  session: SessionCursors,
  stable: (shard: number) => VersionVector,
): SessionCursors {
  const kept = new Map<number, VersionVector>();
  for (const [shard, vector] of session) {
    const known = stable(shard);
    const rest = [...vector].filter(([actor, seq]) => !includes(known, { actor, seq }));
    if (rest.length > 0) kept.set(shard, new Map(rest));
  }
  return kept;
}

/** The first dot the session depends on that is not stored; `undefined` when the cursors cover it. */
export function firstUncovered(
  session: SessionCursors,
  stored: (shard: number) => VersionVector,
): { readonly shard: number; readonly dot: Dot } | undefined {
  for (const [shard, vector] of session) {
    const have = stored(shard);
    for (const [actor, seq] of vector)
      if (!includes(have, { actor, seq })) return { shard, dot: { actor, seq } };
  }
  return undefined;
}

export function encodeSession(session: SessionCursors): JsonObject {
  const encoded: Record<string, Json> = {};
  for (const [shard, vector] of session) encoded[String(shard)] = encodeVector(vector);
  return encoded;
}

/** `undefined` when it is not an object of shard numbers below `shards` and vectors. */
export function decodeSession(json: Json | undefined, shards: number): SessionCursors | undefined {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined;
  const session = new Map<number, VersionVector>();
  for (const [key, encoded] of Object.entries(json)) {
    const shard = Number(key);
    const vector = decodeVector(encoded as Json);
    if (!/^\d{1,5}$/.test(key) || shard >= shards || !vector) return undefined;
    session.set(shard, vector);
  }
  return session;
}

/**
 * A session as tokens carry it, in canonical JSON: each actor is named once, each shard has a seq per actor, 0 where it has
 * none. Names of actors are most of a session: a region's whole cursor set shrinks to a fifth.
 *
 * Written as text at once: it is made for every write and every notice of a feed, and objects with numbers for keys cost
 * several times as much.
 */
export function compactSessionText(
  session: SessionCursors,
  { region, version }: { readonly region: string; readonly version: number },
): string {
  const actors: Actor[] = [];
  let cursors = '';
  for (const [shard, vector] of byName(session)) {
    if (vector.size === 0) continue;
    const seqs = actors.map((actor) => vector.get(actor) ?? 0);
    for (const [actor, seq] of vector) {
      if (actors.includes(actor)) continue;
      actors.push(actor);
      seqs.push(seq);
    }
    while (seqs.at(-1) === 0) seqs.pop();
    cursors += `${cursors === '' ? '' : ','}"${shard}":[${seqs.join(',')}]`;
  }
  const names = JSON.stringify(actors);
  return `{"actors":${names},"cursors":{${cursors}},"region":${JSON.stringify(region)},"v":${version}}`;
}

/** Shards in the canonical order of their numbers as text. */
function byName(session: SessionCursors): readonly (readonly [string, VersionVector])[] {
  const named = Array.from(session, ([shard, vector]) => [String(shard), vector] as const);
  return named.length > 1 ? named.sort(([a], [b]) => (a < b ? -1 : 1)) : named;
}

/** `undefined` when it is not what `compactSessionText` writes, for shard numbers below `shards`. */
export function readCompactSession(
  actors: Json | undefined,
  cursors: Json | undefined,
  shards: number,
): SessionCursors | undefined {
  if (!Array.isArray(actors) || typeof cursors !== 'object' || cursors === null || Array.isArray(cursors))
    return undefined;
  const named = actors as readonly Json[];
  if (!named.every((actor) => typeof actor === 'string')) return undefined;
  const vectors: Record<string, Json> = {};
  for (const [shard, seqs] of Object.entries(cursors as JsonObject)) {
    if (!Array.isArray(seqs) || seqs.length > named.length) return undefined;
    const held = (seqs as readonly Json[]).map((seq, place) => [named[place], seq] as const);
    vectors[shard] = Object.fromEntries(held.filter(([, seq]) => seq !== 0)) as JsonObject;
  }
  return decodeSession(vectors, shards);
}
