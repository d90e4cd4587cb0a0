import type { Json, JsonObject } from '#core/json.js';

/**
 * The same JSON with the keys of every object in canonical order (RFC 8785), so that regions that hold the same show the same
 * bytes: what a region decided itself has the keys as its client wrote them, what it was sent or has read back has them in order,
 * and fields come as they are declared. What is in order already, as most of it is, is answered as it stands.
 */
export function inCanonicalOrder<T extends Json>(json: T): T {
  return ordered(json) as T;
}

function ordered(json: Json): Json {
  if (typeof json !== 'object' || json === null) return json;
  return isArray(json) ? orderedItems(json) : orderedObject(json);
}

function orderedItems(items: readonly Json[]): readonly Json[] {
  let copy: Json[] | undefined;
  for (const [index, item] of items.entries()) {
    const told = ordered(item);
    if (told !== item) (copy ??= [...items])[index] = told;
  }
  return copy ?? items;
}

function orderedObject(object: JsonObject): JsonObject {
  let isSorted = true;
  let changed: Map<string, Json> | undefined;
  let last = '';
  for (const key in object) {
    if (key < last && !isIndex(key)) isSorted = false;
    last = key;
    const inner = object[key] as Json;
    const told = ordered(inner);
    if (told !== inner) (changed ??= new Map<string, Json>()).set(key, told);
  }
  if (isSorted && !changed) return object;
  const entries = Object.entries(object).map(([key, inner]) => [key, changed?.get(key) ?? inner] as const);
  return Object.fromEntries(isSorted ? entries : entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

const indexMax = 2 ** 32 - 2;

/** JavaScript lists such keys by their number and before all others, whatever was written first: alike everywhere, too. */
function isIndex(key: string): boolean {
  return /^(?:0|[1-9]\d{0,9})$/.test(key) && Number(key) <= indexMax;
}

function isArray(json: readonly Json[] | JsonObject): json is readonly Json[] {
  return Array.isArray(json);
}
