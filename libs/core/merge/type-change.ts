import { canonicalText } from '../event/canonical-json.js';
import { isObject, type Json, type JsonObject } from '../json.js';
import type { FieldDescription, TypeDescription } from './type-description.js';

/** Events of a type that are stored already. */
export type StoredKind =
  /** All of the type. */
  | { readonly kind: 'any' }
  /** Those that change this field; of a schema version above `schemaAbove` only, where it is given. */
  | { readonly kind: 'field'; readonly field: string; readonly schemaAbove?: number }
  /** Those of a higher schema version. */
  | { readonly kind: 'schema'; readonly schemaAbove: number };

/** A difference between two declarations of one type that stored events of some kind do not survive. */
export interface Misfit {
  /** With no such event, nothing speaks against the difference. */
  readonly needsNone: StoredKind;
  /** What differs and what to do, as a sentence that begins with the name of the type. */
  readonly detail: string;
}

/**
 * What stands between the events that were written under one declaration of a type and the next one. Pure.
 *
 * Whoever folds an entity again folds all of its events, and a stored state is read as it was written. So fields are added,
 * and stay; their policies stay what they are. What only says which values a client may send (the schema of a register, more
 * statuses, the default of a field) changes with the schema version, for that is what an event carries of it.
 */
export function misfits(before: TypeDescription, now: TypeDescription): readonly Misfit[] {
  const found: Misfit[] = [];
  const refuse = (needsNone: StoredKind, detail: string): void => {
    found.push({ needsNone, detail });
  };
  const { name } = now;
  if (before.onDelete !== now.onDelete)
    refuse({ kind: 'any' }, `${name}: onDelete was '${before.onDelete}' and is '${now.onDelete}'`);
  if (before.consistency !== now.consistency) {
    const detail = `consistency was '${before.consistency}' and is '${now.consistency}'`;
    refuse({ kind: 'any' }, `${name}: ${detail}; declare it as it was, and move it with 'atoll type move'`);
  }
  if (before.partitionBy?.idBefore !== now.partitionBy?.idBefore)
    refuse({ kind: 'any' }, `${name}: partitionBy decides the shard of an entity, and differs from before`);
  if (before.schemaVersion > now.schemaVersion) {
    const detail = `schemaVersion was ${before.schemaVersion} and is ${now.schemaVersion}; it only grows`;
    refuse({ kind: 'schema', schemaAbove: now.schemaVersion }, `${name}: ${detail}`);
  }
  for (const [field, was] of Object.entries(before.fields)) {
    const misfit = fieldMisfit({ field, was, is: now.fields[field] }, before, now);
    if (misfit) found.push(misfit);
  }
  return found;
}

interface FieldPair {
  readonly field: string;
  readonly was: FieldDescription;
  readonly is: FieldDescription | undefined;
}

function fieldMisfit(
  { field, was, is }: FieldPair,
  before: TypeDescription,
  now: TypeDescription,
): Misfit | undefined {
  const path = `${now.name}.${field}`;
  if (is === undefined) {
    return {
      needsNone: { kind: 'field', field },
      detail: `${path} is not declared any more; a field that was written stays declared`,
    };
  }
  if (!foldsAlike(was.policy, is.policy)) {
    const detail = `was ${nameOf(was.policy)} and is ${nameOf(is.policy)}; keep it as it was and declare a new field`;
    return { needsNone: { kind: 'field', field }, detail: `${path} ${detail}` };
  }
  const isSame = canonicalText(was) === canonicalText(is);
  if (isSame || now.schemaVersion > before.schemaVersion) return undefined;
  return {
    needsNone: { kind: 'field', field, schemaAbove: now.schemaVersion - 1 },
    detail: `${path} has other options than before; raise schemaVersion above ${before.schemaVersion}`,
  };
}

/** Whether the one policy reads the states and the changes of the other, and makes the same of them. */
function foldsAlike(was: Json, is: Json): boolean {
  if (!isObject(was) || !isObject(is)) return canonicalText(was) === canonicalText(is);
  return (
    canonicalText(fixedPartOf(was)) === canonicalText(fixedPartOf(is)) &&
    keepsOrder(was.statuses, is.statuses) &&
    foldsAlike(was.of ?? null, is.of ?? null)
  );
}

/** What of a policy's description may differ, or is compared by itself. */
const looseParts: ReadonlySet<string> = new Set(['schema', 'statuses', 'of']);

function fixedPartOf(description: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(description).filter(([part]) => !looseParts.has(part)));
}

/** Statuses are added behind the first one: each region keeps the furthest per actor, so none may overtake another. */
function keepsOrder(was: Json | undefined, is: Json | undefined): boolean {
  if (!Array.isArray(was) || !Array.isArray(is)) return was === is;
  if (was[0] !== is[0]) return false;
  let at = 0;
  for (const status of is as readonly Json[]) if (status === was[at]) at += 1;
  return at === was.length;
}

/** Name, version and options, as in `flag 1 {"concurrent":"enable"}`. */
function nameOf(policy: Json): string {
  if (!isObject(policy)) return canonicalText(policy);
  const options = Object.fromEntries(Object.entries(policy).filter(([part]) => !namedApart.has(part)));
  const words = [String(policy.name), String(policy.version)];
  if (policy.of !== undefined) words.push(`of ${nameOf(policy.of)}`);
  if (Object.keys(options).length > 0) words.push(canonicalText(options));
  return words.join(' ');
}

const namedApart: ReadonlySet<string> = new Set(['name', 'version', 'of', 'schema']);
