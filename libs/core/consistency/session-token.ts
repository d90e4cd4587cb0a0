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

/** A session as tokens carry it: each actor is named once, each shard has a seq per actor, 0 where it has none. */
export interface CompactSession {
  readonly actors: readonly Actor[];
  readonly cursors: { readonly [shard: string]: readonly number[] };
}

/** Names of actors are most of a session: a region's whole cursor set shrinks to a fifth. */
export function compactSession(session: SessionCursors): CompactSession {
  const places = new Map<Actor, number>();
  for (const vector of session.values())
    for (const actor of vector.keys()) if (!places.has(actor)) places.set(actor, places.size);
  const cursors: Record<string, number[]> = {};
  for (const [shard, vector] of session) {
    const seqs: number[] = [];
    for (const [actor, seq] of vector) {
      const place = places.get(actor) ?? 0;
      while (seqs.length <= place) seqs.push(0);
      seqs[place] = seq;
    }
    cursors[String(shard)] = seqs;
  }
  return { actors: [...places.keys()], cursors };
}

/** `undefined` when it is not what `compactSession` writes, for shard numbers below `shards`. */
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
