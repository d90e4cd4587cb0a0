import { assert } from '../assert.js';
import type { Dot } from '../causality/dot.js';
import {
  decodeVector,
  encodeVector,
  nothingSeen,
  withDot,
  type VersionVector,
} from '../causality/version-vector.js';
import { canonicalText } from '../event/canonical-json.js';
import type { Json } from '../json.js';
import { split, type MergePolicy, type Split, type Stamped } from './policy.js';
import { takenBySeenRemovals, untaken } from './removal.js';
import { storedArray } from './stored-form.js';

export type MapChange<Inner> =
  | { readonly kind: 'at'; readonly key: string; readonly then: Inner }
  | { readonly kind: 'remove'; readonly key: string };

export interface Entry<Inner> {
  /** Per actor, the last change at the key that nothing took. The key is in the map while it is not empty. */
  readonly touched: VersionVector;
  /** Also of a key that is not in the map, while a later change would have to know it (removals within). */
  readonly inner: Inner;
}

/** What is done to the entry of one key of a map. An entry that says nothing is as good as none. */
export interface EntryRule<Inner, InnerChange> {
  readonly absent: Entry<Inner>;
  apply(entry: Entry<Inner>, stamped: Stamped<MapChange<InnerChange>>): Entry<Inner> | Split;
  take(entry: Entry<Inner>, taken: (dot: Dot) => boolean): Entry<Inner> | Split;
  fold(log: readonly Stamped<MapChange<InnerChange>>[]): Entry<Inner>;
  isForgettable(entry: Entry<Inner>): boolean;
  encode(entry: Entry<Inner>): Json;
  decode(json: Json): Entry<Inner>;
}

export function entryRule<Inner, InnerChange>(
  inner: MergePolicy<Inner, InnerChange>,
): EntryRule<Inner, InnerChange> {
  const absent: Entry<Inner> = { touched: nothingSeen, inner: inner.initial() };
  const nothingWithin = canonicalText(inner.encode(absent.inner));

  function take(entry: Entry<Inner>, taken: (dot: Dot) => boolean): Entry<Inner> | Split {
    const left = inner.take(entry.inner, taken);
    return left === split ? split : { touched: untaken(entry.touched, taken), inner: left };
  }

  function apply(entry: Entry<Inner>, stamped: Stamped<MapChange<InnerChange>>): Entry<Inner> | Split {
    const { change, role, effective, dot, survivorCovers } = stamped;
    if (change.kind === 'remove') return role === 'alias' ? entry : take(entry, survivorCovers);
    const after = inner.apply(entry.inner, { ...stamped, change: change.then });
    if (after === split) return split;
    return { touched: effective ? withDot(entry.touched, dot) : entry.touched, inner: after };
  }

  function fold(log: readonly Stamped<MapChange<InnerChange>>[]): Entry<Inner> {
    const taken = takenBySeenRemovals(log, ({ kind }) => kind === 'remove');
    const within: Stamped<InnerChange>[] = [];
    let touched = nothingSeen;
    log.forEach((stamped, at) => {
      const { change, dot } = stamped;
      if (change.kind === 'remove') return;
      const effective = stamped.effective && taken[at] !== true;
      if (effective) touched = withDot(touched, dot);
      within.push({ ...stamped, change: change.then, effective });
    });
    return { touched, inner: inner.fold(within) };
  }

  const isForgettable = (entry: Entry<Inner>): boolean =>
    entry.touched.size === 0 && canonicalText(inner.encode(entry.inner)) === nothingWithin;

  const encode = ({ touched, inner: within }: Entry<Inner>): Json => [
    encodeVector(touched),
    inner.encode(within),
  ];

  function decode(json: Json): Entry<Inner> {
    const [vector, within] = storedArray(json);
    const touched = decodeVector(vector);
    assert(touched !== undefined, 'a stored map entry says who touched it');
    return { touched, inner: inner.decode(within as Json) };
  }

  return { absent, apply, take, fold, isForgettable, encode, decode };
}
