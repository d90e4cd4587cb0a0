import { canonicalText } from '../event/canonical-json.js';
import { isObject, type Json, type JsonObject } from '../json.js';
import type { FieldDescription, TypeDescription } from './type-description.js';

/** Events of a type that may be stored already: of one schema version, of one field where it is named; or of all above one. */
export type StoredKind =
  | { readonly schema: number; readonly field?: string; readonly schemaAbove?: undefined }
  | { readonly schemaAbove: number; readonly schema?: undefined; readonly field?: undefined };

/** A difference between two declarations of one type that stored events of some kind do not survive. */
export interface Misfit {
  /** With no such event, nothing speaks against the difference. */
  readonly needsNone: StoredKind;
  /** What differs and what to do, as a sentence that begins with the name of the type. */
  readonly detail: string;
}

/**
 * What stands between the events that were written under one declaration of a type, which are those of its schema version,
 * and another declaration. Pure.
 *
 * Whoever folds an entity again folds all of its events, and a stored state is read as it was written. So fields are added,
 * and stay; their policies stay what they are. What only says which values a client may send (the schema of a register, more
 * statuses, the default of a field) changes with the schema version, for that is what an event carries of it.
 */
export function misfits(before: TypeDescription, now: TypeDescription): readonly Misfit[] {
  const { name } = now;
  const ofItsEvents = typeDifferences(before, now).map(({ field, detail }) => ({
    needsNone: { schema: before.schemaVersion, ...(field !== undefined && { field }) },
    detail,
  }));
  if (before.schemaVersion <= now.schemaVersion) return ofItsEvents;
  const detail = `${name}: schemaVersion was ${before.schemaVersion} and is ${now.schemaVersion}; it only grows`;
  return [{ needsNone: { schemaAbove: now.schemaVersion }, detail }, ...ofItsEvents];
}

interface Difference {
  /** Absent: of the type as a whole. */
  readonly field?: string;
  readonly detail: string;
}

function typeDifferences(before: TypeDescription, now: TypeDescription): readonly Difference[] {
  const { name } = now;
  const found: Difference[] = [];
  if (before.onDelete !== now.onDelete)
    found.push({ detail: `${name}: onDelete was '${before.onDelete}' and is '${now.onDelete}'` });
  if (before.consistency !== now.consistency) {
    const detail = `consistency was '${before.consistency}' and is '${now.consistency}'`;
    found.push({ detail: `${name}: ${detail}; declare it as it was, and move it with 'atoll type move'` });
  }
  if (before.partitionBy?.idBefore !== now.partitionBy?.idBefore)
    found.push({ detail: `${name}: partitionBy decides the shard of an entity, and differs from before` });
  for (const [field, was] of Object.entries(before.fields)) {
    const versions = { before: before.schemaVersion, now: now.schemaVersion };
    const is = Object.hasOwn(now.fields, field) ? now.fields[field] : undefined;
    const detail = fieldDifference(was, is, versions);
    if (detail !== undefined) found.push({ field, detail: `${name}.${field} ${detail}` });
  }
  return found;
}

function fieldDifference(
  was: FieldDescription,
  is: FieldDescription | undefined,
  versions: { readonly before: number; readonly now: number },
): string | undefined {
  if (is === undefined) return 'is not declared any more; a field that was written stays declared';
  if (!foldsAlike(was.policy, is.policy))
    return `was ${nameOf(was.policy)} and is ${nameOf(is.policy)}; keep it as it was and declare a new field`;
  if (versions.before !== versions.now || canonicalText(was) === canonicalText(is)) return undefined;
  return `has other options than before; raise schemaVersion above ${versions.now}`;
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
