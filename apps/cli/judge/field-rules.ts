import { isDeepStrictEqual } from 'node:util';
import type { EntityTypes } from '#core/merge/entity-type.js';
import type { Json, JsonObject } from '#core/json.js';

/**
 * How two changes of a field meet, as the table of policies says it, written down once more for the judge: it must not
 * ask the code that it judges.
 */
export type FieldRule =
  /** Counters, extremes, statuses: changes commute. */
  | { readonly kind: 'commutes' }
  /** `{ value }`: two writes of different values do not commute. */
  | { readonly kind: 'register'; readonly keepsSiblings: boolean }
  /** `{ add }` or `{ remove }`: an add and a removal of one element do not commute. */
  | { readonly kind: 'set' }
  /** `{ update, epoch }`: edits of one document commute; one without an epoch begins a document of its own. */
  | { readonly kind: 'text' }
  /** `enable` or `disable`. */
  | { readonly kind: 'flag' }
  /** `{ at, then }` or `{ remove }`: by key; within a key the inner rule. */
  | { readonly kind: 'map'; readonly inner: FieldRule };

/** Rules by type and field. */
export type FieldRules = ReadonlyMap<string, ReadonlyMap<string, FieldRule>>;

/** Reads from a declaration which policy each field has, by name. */
export function rulesOf(types: EntityTypes): FieldRules {
  return new Map(
    [...types].map(([name, type]) => [
      name,
      new Map([...type.fields].map(([field, { policy }]) => [field, ruleOf(policy.description)])),
    ]),
  );
}

function ruleOf(description: Json | undefined): FieldRule {
  const { name, of } = (description ?? {}) as JsonObject;
  switch (name) {
    case 'last-writer-wins':
      return { kind: 'register', keepsSiblings: false };
    case 'multi-value':
      return { kind: 'register', keepsSiblings: true };
    case 'add-wins-set':
    case 'remove-wins-set':
      return { kind: 'set' };
    case 'flag':
      return { kind: 'flag' };
    case 'text':
      return { kind: 'text' };
    case 'add-wins-map':
      return { kind: 'map', inner: ruleOf(of) };
    default:
      return { kind: 'commutes' };
  }
}

/** Whether two changes have the same outcome in either order. */
export function commute(rule: FieldRule, a: Json, b: Json): boolean {
  const [one, other] = [a as JsonObject, b as JsonObject];
  switch (rule.kind) {
    case 'commutes':
      return true;
    case 'register':
      return isDeepStrictEqual(one['value'], other['value']);
    case 'flag':
      return a === b;
    case 'text':
      return one['epoch'] !== undefined && isDeepStrictEqual(one['epoch'], other['epoch']);
    case 'set': {
      if ('add' in one === 'add' in other) return true;
      return (one['add'] ?? one['remove']) !== (other['add'] ?? other['remove']);
    }
    case 'map': {
      if ((one['at'] ?? one['remove']) !== (other['at'] ?? other['remove'])) return true;
      if ('at' in one && 'at' in other)
        return commute(rule.inner, one['then'] ?? null, other['then'] ?? null);
      return 'at' in one === 'at' in other;
    }
  }
}

/** Where in the field a change acts: an element, a key, a document. */
export function placeOf(rule: FieldRule, change: Json): string {
  const { add, remove, at, epoch } = change as JsonObject;
  switch (rule.kind) {
    case 'set':
      return JSON.stringify(add ?? remove);
    case 'map':
      return JSON.stringify(at ?? remove);
    case 'text':
      return JSON.stringify(epoch ?? null);
    default:
      return '';
  }
}

/** Whether changes at these two places of a field can fail to commute: a look that saves comparing all with all. */
export function placesCanClash(rule: FieldRule, a: string, b: string): boolean {
  if (rule.kind === 'text') return a !== b || a === 'null';
  return a === b;
}
