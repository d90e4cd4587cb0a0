import type { Json } from '#core/json.js';

/** JSON text that is equal for equal values, whatever the order in which an answer lists the keys. */
export function stableText(value: Json): string {
  return JSON.stringify(value, (_key, inner: Json) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}
