import { assert } from '../assert.js';
import type { Dot } from '../causality/dot.js';
import type { HybridTimestamp } from '../causality/hybrid-timestamp.js';
import type { Json, JsonObject } from '../json.js';

/** What the region stored itself: read back without the suspicion that a peer's event meets, but never misread. */
export function storedArray(json: Json | undefined): readonly Json[] {
  assert(Array.isArray(json), 'a stored state has an array here');
  return json as readonly Json[];
}

export function storedObject(json: Json | undefined): JsonObject {
  assert(
    typeof json === 'object' && json !== null && !Array.isArray(json),
    'a stored state has an object here',
  );
  return json as JsonObject;
}

export function storedNumber(json: Json | undefined): number {
  assert(typeof json === 'number', 'a stored state has a number here');
  return json;
}

export function storedString(json: Json | undefined): string {
  assert(typeof json === 'string', 'a stored state has a string here');
  return json;
}

export function encodeDot(dot: Dot): Json {
  return [dot.actor, dot.seq];
}

export function decodeDot(json: Json | undefined): Dot {
  const [actor, seq] = storedArray(json);
  return { actor: storedString(actor), seq: storedNumber(seq) };
}

export function encodeTime(time: HybridTimestamp): Json {
  return [time.wallMillis, time.counter, time.actor];
}

export function decodeTime(json: Json | undefined): HybridTimestamp {
  const [wallMillis, counter, actor] = storedArray(json);
  return {
    wallMillis: storedNumber(wallMillis),
    counter: storedNumber(counter),
    actor: storedString(actor),
  };
}
