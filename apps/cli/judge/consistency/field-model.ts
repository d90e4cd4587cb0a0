import { isDeepStrictEqual } from 'node:util';
import type { Json, JsonObject } from '#core/json.js';
import { partsOf, type OperationLine, type Part } from '../history-line.js';
import { stableText } from '../stable-json.js';

/** What a field is to a judge who knows nothing but the history. */
export type FieldModel =
  /** Written values are unique, and a read shows one of them or `null`. */
  | 'register'
  /** Elements are added and removed; a read shows a sorted list. */
  | 'set'
  /** A sum; a read shows it as a decimal string. */
  | 'counter'
  /** A sum of increments less what was spent, which never leaves its bounds. */
  | 'bounded-counter'
  /** Anything else: what was written does not tell what may be read. */
  | 'other';

/** `type`, `id` and `field` in one; no name has a line break. */
export function placeOf({ type, id, field }: Pick<Part, 'type' | 'id' | 'field'>): string {
  return `${type}\n${id}\n${field}`;
}

/** A place for people: `cart/42 coupon`. */
export function namePlace(place: string): string {
  const [type = '', id = '', field = ''] = place.split('\n');
  return `${type}/${id} ${field}`;
}

/** The value that a write leaves in a register. */
export function writtenValue({ kind, input }: Part): Json {
  return kind === 'cas' ? ((input as JsonObject)['value'] ?? null) : input;
}

/** By place, from the kinds of the operations. Entities that were deleted as a whole are `other` in all their fields. */
export function fieldModels(operations: readonly OperationLine[]): ReadonlyMap<string, FieldModel> {
  const seen = new Map<
    string,
    { readonly kinds: Set<string>; readonly values: Set<string>; twice: boolean }
  >();
  const deleted = new Set<string>();
  for (const part of operations.flatMap(partsOf)) {
    if (part.field === '*') deleted.add(`${part.type}\n${part.id}\n`);
    if (part.kind === 'read') continue;
    const place = placeOf(part);
    let found = seen.get(place);
    if (found === undefined) seen.set(place, (found = { kinds: new Set(), values: new Set(), twice: false }));
    found.kinds.add(part.kind);
    if (part.kind !== 'write' && part.kind !== 'cas') continue;
    const value = stableText(writtenValue(part));
    if (found.values.has(value)) found.twice = true;
    found.values.add(value);
  }
  return new Map(
    [...seen].map(([place, { kinds, twice }]) => {
      const isDeleted = deleted.has(place.slice(0, place.lastIndexOf('\n') + 1));
      return [place, isDeleted || twice ? 'other' : modelOf(kinds)];
    }),
  );
}

function modelOf(kinds: ReadonlySet<string>): FieldModel {
  const only = (...allowed: readonly string[]): boolean => [...kinds].every((kind) => allowed.includes(kind));
  if (only('write', 'cas')) return 'register';
  if (only('add', 'remove')) return 'set';
  if (only('increment')) return 'counter';
  if (only('increment', 'spend', 'transfer')) return 'bounded-counter';
  return 'other';
}

/** The elements of a set as it was read. */
export function elementsOf(output: Json): readonly Json[] {
  return Array.isArray(output) ? (output as readonly Json[]) : [];
}

export function sameJson(a: Json, b: Json): boolean {
  return a === b || isDeepStrictEqual(a, b);
}
