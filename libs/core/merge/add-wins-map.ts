import { type Actor, type Dot } from '../causality/dot.js';
import {
  decodeVector,
  encodeVector,
  nothingSeen,
  withDot,
  type VersionVector,
} from '../causality/version-vector.js';
import { assert } from '../assert.js';
import { canonicalText } from '../event/canonical-json.js';
import type { Json } from '../json.js';
import { hasExactly, invalidValue, isObject, unknownOperation, wrongArguments } from './operation.js';
import {
  split,
  type Decision,
  type MergePolicy,
  type Operation,
  type Rejection,
  type Split,
  type Stamped,
} from './policy.js';
import { takenBySeenRemovals } from './removal.js';
import { storedArray, storedObject } from './stored-form.js';

export type MapChange<Inner> =
  | { readonly kind: 'at'; readonly key: string; readonly then: Inner }
  | { readonly kind: 'remove'; readonly key: string };

export interface Entry<Inner> {
  /** Per actor, the last change at the key that nothing took. The key is in the map while it is not empty. */
  readonly touched: VersionVector;
  /** Also of a key that is not in the map, while a later change would have to know it (removals within). */
  readonly inner: Inner;
}

export type AddWinsMap<Inner> = ReadonlyMap<string, Entry<Inner>>;

/**
 * A map from strings to values of another policy. Removing a key takes what the removal's region had seen at it, change
 * by change: concurrent ones survive with their own quantity, and so the key (PROTOCOL §11).
 *
 * What was overwritten, removed or disabled within an entry stays so when the key is removed and comes back.
 *
 * Source: the map of riak_dt and of Antidote (`antidote_crdt_map_rr`); Almeida et al., "Delta State Replicated Data
 * Types", 2018, §7.4, arXiv:1603.01529.
 *
 * @param inner any policy, also a map or a set. The map has its version, since its changes are mostly inner ones.
 */
export function addWinsMap<Inner, InnerChange>(
  inner: MergePolicy<Inner, InnerChange>,
): MergePolicy<AddWinsMap<Inner>, MapChange<InnerChange>> {
  type State = AddWinsMap<Inner>;
  const entries = entriesOf(inner);
  return {
    name: 'add-wins-map',
    version: inner.version,
    description: { name: 'add-wins-map', version: inner.version, of: inner.description },
    foldsAliases: inner.foldsAliases,
    replacesObserved: inner.replacesObserved,

    initial: () => new Map(),
    decide(state, operation, stamp): Decision<MapChange<InnerChange>> {
      const asked = readOperation(operation);
      if (asked.kind === 'rejected') return asked;
      if (asked.kind === 'remove') return { kind: 'accepted', change: asked };
      const { key, then } = asked;
      const decision = inner.decide(state.get(key)?.inner ?? inner.initial(), then, stamp);
      if (decision.kind === 'rejected') return { ...decision, path: `/then${decision.path}` };
      return { kind: 'accepted', change: { kind: 'at', key, then: decision.change } };
    },
    readChange: (json) => readChange(json, inner),
    writeChange: (change) =>
      change.kind === 'at'
        ? { at: change.key, then: inner.writeChange(change.then) }
        : { remove: change.key },

    apply(state, stamped) {
      const { key } = stamped.change;
      const after = entries.apply(state.get(key) ?? entries.absent, stamped);
      if (after === split) return split;
      const next = new Map(state);
      if (entries.isForgettable(after)) next.delete(key);
      else next.set(key, after);
      return next;
    },
    take(state, taken) {
      const left = new Map<string, Entry<Inner>>();
      for (const [key, entry] of state) {
        const after = entries.take(entry, taken);
        if (after === split) return split;
        if (!entries.isForgettable(after)) left.set(key, after);
      }
      return left;
    },
    fold(log): State {
      const state = new Map<string, Entry<Inner>>();
      for (const [key, ofKey] of byKey(log)) {
        const entry = entries.fold(ofKey);
        if (!entries.isForgettable(entry)) state.set(key, entry);
      }
      return state;
    },
    reach(change) {
      if (change.kind === 'remove') return { place: [change.key], takes: 'seen' };
      const { place, takes } = inner.reach(change.then);
      return { place: [change.key, ...place], takes };
    },

    conflicts(a, b) {
      if (a.key !== b.key) return false;
      if (a.kind === 'at' && b.kind === 'at') {
        const key = inner.conflictKey(a.then);
        return key !== undefined && key === inner.conflictKey(b.then) && inner.conflicts(a.then, b.then);
      }
      return a.kind !== b.kind;
    },
    conflictKey: ({ key }) => key,

    value(state) {
      const shown = [...state].filter(([, { touched }]) => touched.size > 0);
      return Object.fromEntries(shown.map(([key, entry]) => [key, inner.value(entry.inner)]));
    },
    encode: (state) =>
      Object.fromEntries(
        [...state].map(([key, entry]) => [key, [encodeVector(entry.touched), inner.encode(entry.inner)]]),
      ),
    decode: (json): State =>
      new Map(Object.entries(storedObject(json)).map(([key, entry]) => [key, decodeEntry(entry, inner)])),
  };
}

/** What is done to the entry of one key. */
function entriesOf<Inner, InnerChange>(inner: MergePolicy<Inner, InnerChange>) {
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

  return { absent, apply, take, fold, isForgettable };
}

function untaken(touched: VersionVector, taken: (dot: Dot) => boolean): VersionVector {
  const left = new Map<Actor, number>();
  for (const [actor, seq] of touched) if (!taken({ actor, seq })) left.set(actor, seq);
  return left;
}

function byKey<Inner>(
  log: readonly Stamped<MapChange<Inner>>[],
): ReadonlyMap<string, readonly Stamped<MapChange<Inner>>[]> {
  const groups = new Map<string, Stamped<MapChange<Inner>>[]>();
  for (const stamped of log) {
    const group = groups.get(stamped.change.key);
    if (group) group.push(stamped);
    else groups.set(stamped.change.key, [stamped]);
  }
  return groups;
}

function readOperation(operation: Operation): Rejection | MapChange<Operation> {
  const { op, key, then } = operation;
  if (op !== 'at' && op !== 'remove') return unknownOperation('add-wins-map', operation, ['at', 'remove']);
  const wrong = wrongArguments(operation, op === 'at' ? ['key', 'then'] : ['key']);
  if (wrong) return wrong;
  if (typeof key !== 'string') return invalidValue('/key', 'A key is a string.');
  if (op === 'remove') return { kind: 'remove', key };
  if (!isObject(then) || typeof then.op !== 'string') {
    return invalidValue('/then', "It is an operation on the value: an object with 'op'.");
  }
  return { kind: 'at', key, then: then as Operation };
}

function readChange<InnerChange>(
  json: Json,
  inner: MergePolicy<unknown, InnerChange>,
): MapChange<InnerChange> | undefined {
  if (hasExactly(json, ['remove'])) {
    return typeof json.remove === 'string' ? { kind: 'remove', key: json.remove } : undefined;
  }
  if (!hasExactly(json, ['at', 'then']) || typeof json.at !== 'string') return undefined;
  const then = inner.readChange(json.then as Json);
  return then === undefined ? undefined : { kind: 'at', key: json.at, then };
}

function decodeEntry<Inner>(json: Json, inner: MergePolicy<Inner>): Entry<Inner> {
  const [vector, within] = storedArray(json);
  const touched = decodeVector(vector);
  assert(touched !== undefined, 'a stored map entry says who touched it');
  return { touched, inner: inner.decode(within as Json) };
}
