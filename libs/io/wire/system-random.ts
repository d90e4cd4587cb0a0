import { randomBytes } from 'node:crypto';
import { v7 } from 'uuid';
import type { Random } from '#flow/ports/record-auth.js';

/** Randomness of the operating system. */
export const systemRandom: Random = {
  mutationId: (region, wallMillis) => `${region}.${v7({ msecs: Math.floor(wallMillis) })}`,
  // 48 bits are what a double in [0, 1) can use of six bytes without rounding up to 1.
  fraction: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
};
