import { randomBytes, randomFillSync } from 'node:crypto';
import type { Random } from '#flow/ports/record-auth.js';

/** Random bytes for so many ids are asked for at once: asking costs more than the bytes. */
const idsPerDraw = 256;
const bytesPerId = 16;
const drawn = new Uint8Array(idsPerDraw * bytesPerId);
let used = drawn.length;

/** Sixteen bytes that nobody else is given. */
function freshBytes(): Uint8Array {
  if (used === drawn.length) {
    randomFillSync(drawn);
    used = 0;
  }
  used += bytesPerId;
  return drawn.subarray(used - bytesPerId, used);
}

const hexUnits = new TextEncoder().encode('0123456789abcdef');
const uuidLength = 36;
const hyphens: ReadonlySet<number> = new Set([8, 13, 18, 23]);
/** Where each of the sixteen bytes begins in the text of a UUID. */
const places = Array.from({ length: uuidLength }, (_, at) => at)
  .filter((at) => !hyphens.has(at))
  .filter((_, digit) => digit % 2 === 0);
const text = Buffer.alloc(uuidLength, '-');

/**
 * A UUID of version 7, as one flat text: put together from pieces, it was kept in pieces as long as its write was on its
 * way. Source: RFC 9562, section 5.7.
 */
function uuidV7(millis: number): string {
  const bytes = freshBytes();
  for (let index = 5, rest = millis; index >= 0; index -= 1, rest = Math.floor(rest / 256))
    bytes[index] = rest % 256;
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  for (let index = 0; index < bytesPerId; index += 1) {
    const byte = bytes[index] ?? 0;
    const at = places[index] ?? 0;
    text[at] = hexUnits[byte >> 4] ?? 0;
    text[at + 1] = hexUnits[byte & 0x0f] ?? 0;
  }
  return text.toString('latin1');
}

/** Randomness of the operating system. */
export const systemRandom: Random = {
  mutationId: (region, wallMillis) => `${region}.${uuidV7(Math.floor(wallMillis))}`,
  // 48 bits are what a double in [0, 1) can use of six bytes without rounding up to 1.
  fraction: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
};
