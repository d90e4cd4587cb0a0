import type { Actor, Dot } from '../causality/dot.js';
import type { Json, JsonObject } from '../json.js';
import { split, type Split } from './policy.js';
import { storedArray, storedNumber, storedObject } from './stored-form.js';

/** What one actor contributed, drawn together, and the seqs of its first and last contribution. */
export interface Tally<Total> {
  readonly total: Total;
  readonly first: number;
  readonly last: number;
}

/**
 * Contributions drawn together per actor (PROTOCOL §4): enough while each delete and removal takes all of an actor's
 * contributions or none. One that falls between first and last splits.
 */
export type Tallies<Total> = ReadonlyMap<Actor, Tally<Total>>;

export interface Contribution<Total> {
  readonly dot: Dot;
  readonly amount: Total;
}

export function contribute<Total>(
  tallies: Tallies<Total>,
  { dot: { actor, seq }, amount }: Contribution<Total>,
  together: (a: Total, b: Total) => Total,
): Tallies<Total> {
  const had = tallies.get(actor);
  const tally = had
    ? { total: together(had.total, amount), first: Math.min(had.first, seq), last: Math.max(had.last, seq) }
    : { total: amount, first: seq, last: seq };
  return new Map(tallies).set(actor, tally);
}

/** What is taken of one actor is a prefix: so its first and last contribution tell. */
export function takeTallies<Total>(
  tallies: Tallies<Total>,
  taken: (dot: Dot) => boolean,
): Tallies<Total> | Split {
  const left = new Map<Actor, Tally<Total>>();
  for (const [actor, tally] of tallies) {
    if (taken({ actor, seq: tally.last })) continue;
    if (tally.first !== tally.last && taken({ actor, seq: tally.first })) return split;
    left.set(actor, tally);
  }
  return left.size === tallies.size ? tallies : left;
}

export function encodeTallies<Total>(
  tallies: Tallies<Total>,
  encodeTotal: (total: Total) => Json,
): JsonObject {
  // In canonical order: see `canonicalText`.
  return Object.fromEntries(
    [...tallies]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([actor, { total, first, last }]) => [actor, [encodeTotal(total), first, last]]),
  );
}

export function decodeTallies<Total>(json: Json, decodeTotal: (json: Json) => Total): Tallies<Total> {
  const tallies = new Map<Actor, Tally<Total>>();
  for (const [actor, tally] of Object.entries(storedObject(json))) {
    const [total, first, last] = storedArray(tally);
    tallies.set(actor, {
      total: decodeTotal(total as Json),
      first: storedNumber(first),
      last: storedNumber(last),
    });
  }
  return tallies;
}
