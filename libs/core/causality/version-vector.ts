import type { Json } from '../json.js';
import type { Actor, Dot } from './dot.js';

/**
 * What has been seen, per actor: the highest seq. An absent actor means nothing (0 is never stored).
 *
 * The same shape serves an entity's `seen`, an event's context and a shard's cursors.
 */
export type VersionVector = ReadonlyMap<Actor, number>;

export const nothingSeen: VersionVector = new Map();

export function seqOf(vector: VersionVector, actor: Actor): number {
  return vector.get(actor) ?? 0;
}

/** Whether the vector holds this dot. */
export function includes(vector: VersionVector, dot: Dot): boolean {
  return (vector.get(dot.actor) ?? 0) >= dot.seq;
}

/** Whether `a` holds everything that `b` holds. */
export function covers(a: VersionVector, b: VersionVector): boolean {
  for (const [actor, seq] of b) if ((a.get(actor) ?? 0) < seq) return false;
  return true;
}

export type Ordering = 'before' | 'after' | 'equal' | 'concurrent';

/** The four outcomes of comparing two version vectors: two `covers` calls decide it. */
export function compare(a: VersionVector, b: VersionVector): Ordering {
  const aCovers = covers(a, b);
  const bCovers = covers(b, a);
  if (aCovers && bCovers) return 'equal';
  if (aCovers) return 'after';
  return bCovers ? 'before' : 'concurrent';
}

/** The first dot that `wanted` holds and `have` lacks, by actor name; `undefined` when nothing is missing. */
export function firstMissing(asked: {
  readonly wanted: VersionVector;
  readonly have: VersionVector;
}): Dot | undefined {
  let missing: Dot | undefined;
  for (const [actor, seq] of asked.wanted) {
    if ((asked.have.get(actor) ?? 0) >= seq) continue;
    if (missing === undefined || actor < missing.actor) missing = { actor, seq };
  }
  return missing;
}

/** The vector with one more dot; the very same vector when it was there already. */
export function withDot(vector: VersionVector, dot: Dot): VersionVector {
  if (includes(vector, dot)) return vector;
  return new Map(vector).set(dot.actor, dot.seq);
}

/** Everything that either holds. */
export function join(a: VersionVector, b: VersionVector): VersionVector {
  if (covers(a, b)) return a;
  if (a.size === 0) return b;
  const joined = new Map(a);
  for (const [actor, seq] of b) if ((joined.get(actor) ?? 0) < seq) joined.set(actor, seq);
  return joined;
}

/** Only what both hold. */
export function meet(a: VersionVector, b: VersionVector): VersionVector {
  const met = new Map<Actor, number>();
  for (const [actor, seq] of a) {
    const lower = Math.min(seq, b.get(actor) ?? 0);
    if (lower > 0) met.set(actor, lower);
  }
  return met;
}

/** The sum of all seqs. It grows along causality, so it orders any two causally ordered contexts. */
export function causalSize(vector: VersionVector): number {
  let size = 0;
  for (const seq of vector.values()) size += seq;
  return size;
}

/** As a JSON object; canonical JSON sorts its keys, so equal vectors have equal bytes. */
export function encodeVector(vector: VersionVector): { readonly [actor: string]: number } {
  // Both forms make own properties of any name, `__proto__` too.
  if (vector.size === 1) for (const [actor, seq] of vector) return { [actor]: seq };
  return Object.fromEntries([...vector].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Reads a vector from JSON; `undefined` when it is not an object of positive safe integers. */
export function decodeVector(json: Json | undefined): VersionVector | undefined {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return undefined;
  const vector = new Map<Actor, number>();
  for (const [actor, seq] of Object.entries(json)) {
    if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || seq < 1) return undefined;
    vector.set(actor, seq);
  }
  return vector;
}
