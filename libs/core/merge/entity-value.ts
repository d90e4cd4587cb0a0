import { assert } from '../assert.js';
import { compareDots, dotKey, type Dot } from '../causality/dot.js';
import { compare, decodeVector, encodeVector, type VersionVector } from '../causality/version-vector.js';
import type { Dependencies } from '../consistency/dependencies.js';
import { decodeSession, encodeSession } from '../consistency/session-token.js';
import { shardsMax } from '../event/shard-of.js';
import type { Json, JsonObject } from '../json.js';
import type { CopiesByDot } from './copies.js';
import { fieldOf } from './entity-fold.js';
import type { EntityState } from './entity-state.js';
import type { EntityType } from './entity-type.js';
import type { Here } from './policy.js';
import { decodeDot, encodeDot, storedArray, storedObject } from './stored-form.js';

/**
 * What a read shows: every declared field, with its fallback where it has no value.
 *
 * @param here where it is shown to clients; left out: what is the same everywhere, as it is stored and compared.
 * @returns `undefined` when the entity does not exist: never written, or all that was written is deleted.
 */
export function entityValue(type: EntityType, state: EntityState, here?: Here): JsonObject | undefined {
  if (state.touched.size === 0) return undefined;
  const shown: [string, Json][] = [];
  for (const [name, { policy, fallback }] of type.fields) {
    const field: unknown = state.fields.has(name) ? state.fields.get(name) : policy.initial();
    const value = here && policy.valueHere ? policy.valueHere(field, here) : policy.value(field);
    shown.push([name, value === null && fallback !== undefined ? fallback : value]);
  }
  return Object.fromEntries(shown);
}

/**
 * The state as JSON; its canonical text (RFC 8785) is the same for equal states. `touched` is named where it is not what was
 * seen: until a delete or an alias comes the two are one, and each region's name would stand there twice.
 */
export function encodeEntity(type: EntityType, state: EntityState): JsonObject {
  const { seen, touched } = state;
  const isTouchedBySeen = touched === seen || compare(touched, seen) === 'equal';
  const fields: [string, Json][] = [];
  for (const [name, field] of state.fields) fields.push([name, fieldOf(type, name).policy.encode(field)]);
  // In canonical order: see `canonicalText`.
  return {
    copies: copyGroups(state.copies).map((group) => group.map(encodeDot)),
    deletes: state.deletes.toSorted(compareDots).map(encodeDot),
    ...(state.dependencies && { dependencies: encodeSession(state.dependencies) }),
    fields: Object.fromEntries(fields),
    seen: encodeVector(seen),
    ...(!isTouchedBySeen && { touched: encodeVector(touched) }),
  };
}

/** Each command with several copies once, by its survivor; the survivor's dot stays first. */
function copyGroups(copies: CopiesByDot): readonly (readonly Dot[])[] {
  const groups: (readonly Dot[])[] = [];
  for (const [key, group] of copies) {
    const [survivor] = group;
    if (survivor !== undefined && dotKey(survivor) === key) groups.push(group);
  }
  return groups.sort(([a], [b]) => compareDots(a as Dot, b as Dot));
}

/** Reads what `encodeEntity` wrote, now or when it always named `touched`. What this region stored itself is not checked like a peer's event. */
export function decodeEntity(type: EntityType, json: Json): EntityState {
  const stored = storedObject(json);
  const copies = new Map<string, readonly Dot[]>();
  for (const group of storedArray(stored.copies)) {
    const dots = storedArray(group).map(decodeDot);
    for (const dot of dots) copies.set(dotKey(dot), dots);
  }
  const fields = new Map<string, unknown>();
  for (const [name, field] of Object.entries(storedObject(stored.fields))) {
    fields.set(name, fieldOf(type, name).policy.decode(field));
  }
  const seen = vectorOf(stored.seen);
  return {
    seen,
    touched: stored.touched === undefined ? seen : vectorOf(stored.touched),
    deletes: storedArray(stored.deletes).map(decodeDot),
    fields,
    copies,
    ...(stored.dependencies !== undefined && { dependencies: dependenciesOf(stored.dependencies) }),
  };
}

function dependenciesOf(json: Json): Dependencies {
  const dependencies = decodeSession(json, shardsMax);
  assert(dependencies !== undefined, 'stored dependencies are cursors by shard');
  return dependencies;
}

function vectorOf(json: Json | undefined): VersionVector {
  const vector = decodeVector(json);
  assert(vector !== undefined, 'a stored version vector is an object of seqs');
  return vector;
}
