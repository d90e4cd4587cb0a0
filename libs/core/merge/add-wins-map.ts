import type { Dot } from '../causality/dot.js';
import { isObject, type Json, type JsonObject } from '../json.js';
import { entryRule, type Entry, type EntryRule, type MapChange } from './map-entry.js';
import { hasExactly, invalidValue, isStorable, unknownOperation, wrongArguments } from './operation.js';
import {
  split,
  type Decision,
  type DecisionStamp,
  type MergePolicy,
  type Operation,
  type Rejection,
  type Split,
  type Stamped,
} from './policy.js';
import { storedObject } from './stored-form.js';

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
  const entries = entryRule(inner);
  return {
    name: 'add-wins-map',
    version: inner.version,
    description: { name: 'add-wins-map', version: inner.version, of: inner.description },
    foldsAliases: inner.foldsAliases,
    replacesObserved: inner.replacesObserved,

    initial: () => new Map(),
    decide: (state, operation, stamp) => decide(state, { operation, stamp, inner }),
    readChange: (json) => readChange(json, inner),
    isValid: (change) => change.kind !== 'at' || (inner.isValid?.(change.then) ?? true),
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
    take: (state, taken) => takeEntries(state, taken, entries),
    fold: (log) => foldEntries(log, entries),
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
    encode: (state) => Object.fromEntries([...state].map(([key, entry]) => [key, entries.encode(entry)])),
    decode: (json): State =>
      new Map(Object.entries(storedObject(json)).map(([key, entry]) => [key, entries.decode(entry)])),
  };
}

function takeEntries<Inner, InnerChange>(
  state: AddWinsMap<Inner>,
  taken: (dot: Dot) => boolean,
  entries: EntryRule<Inner, InnerChange>,
): AddWinsMap<Inner> | Split {
  const left = new Map<string, Entry<Inner>>();
  for (const [key, entry] of state) {
    const after = entries.take(entry, taken);
    if (after === split) return split;
    if (!entries.isForgettable(after)) left.set(key, after);
  }
  return left;
}

function foldEntries<Inner, InnerChange>(
  log: readonly Stamped<MapChange<InnerChange>>[],
  entries: EntryRule<Inner, InnerChange>,
): AddWinsMap<Inner> {
  const state = new Map<string, Entry<Inner>>();
  for (const [key, ofKey] of byKey(log)) {
    const entry = entries.fold(ofKey);
    if (!entries.isForgettable(entry)) state.set(key, entry);
  }
  return state;
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

interface Asked<Inner, InnerChange> {
  readonly operation: Operation;
  readonly stamp: DecisionStamp;
  readonly inner: MergePolicy<Inner, InnerChange>;
}

function decide<Inner, InnerChange>(
  state: AddWinsMap<Inner>,
  { operation, stamp, inner }: Asked<Inner, InnerChange>,
): Decision<MapChange<InnerChange>> {
  const asked = readOperation(operation);
  if (asked.kind === 'rejected') return asked;
  if (asked.kind === 'remove') return { kind: 'accepted', change: asked };
  const { key, then } = asked;
  const decision = inner.decide(state.get(key)?.inner ?? inner.initial(), then, stamp);
  if (decision.kind === 'rejected') return { ...decision, path: `/then${decision.path}` };
  return { kind: 'accepted', change: { kind: 'at', key, then: decision.change } };
}

function readOperation(operation: Operation): Rejection | MapChange<Operation> {
  const { op, key, then } = operation;
  if (op !== 'at' && op !== 'remove') return unknownOperation('add-wins-map', operation, ['at', 'remove']);
  const wrong = wrongArguments(operation, op === 'at' ? ['key', 'then'] : ['key']);
  if (wrong) return wrong;
  if (!isKey(key)) return invalidValue('/key', 'A key is a string, without U+0000 or half a character.');
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
  if (!isObject(json)) return undefined;
  if (hasExactly(json, ['remove'])) {
    return isKey(json.remove) ? { kind: 'remove', key: json.remove } : undefined;
  }
  const { at, then } = json as JsonObject;
  if (!hasExactly(json, ['at', 'then']) || !isKey(at)) return undefined;
  const inside = inner.readChange(then as Json);
  return inside === undefined ? undefined : { kind: 'at', key: at, then: inside };
}

function isKey(json: Json | undefined): json is string {
  return typeof json === 'string' && isStorable(json);
}
