import { randomBytes, randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';
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

/** Randomness of the operating system. */
export const systemRandom: Random = {
  mutationId: (region, wallMillis) =>
    `${region}.${v7({ msecs: Math.floor(wallMillis), random: freshBytes() })}`,
  // 48 bits are what a double in [0, 1) can use of six bytes without rounding up to 1.
  fraction: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
};
