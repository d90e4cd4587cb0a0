import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import type { RecordAuth } from '#flow/ports/record-auth.js';

export interface RecordAuthConfig {
  /** The region that signs. */
  readonly region: string;
  /** Each member's key, this region's own among them: any bytes, at least 16. Every member holds all keys. */
  readonly keys: ReadonlyMap<string, Uint8Array>;
}

/** As long as a guess must be at least; the HMAC block is 64 bytes, so longer keys than that gain nothing. */
const keyBytesMin = 16;

/**
 * HMAC-SHA256 with one key per member: 32 bytes over exactly the bytes of a record.
 *
 * It proves that some member made the record and that nothing changed on the way; since keys are shared by all members,
 * it does not prove which one to an outsider.
 *
 * @throws Error when the own region has no key, or a key is shorter than 16 bytes
 */
export function createRecordAuth(config: RecordAuthConfig): RecordAuth {
  const keys = new Map<string, KeyObject>();
  for (const [member, key] of config.keys) {
    if (key.byteLength < keyBytesMin)
      throw new Error(`the record key of ${member} is shorter than ${keyBytesMin} bytes`);
    keys.set(member, createSecretKey(key));
  }
  const own = keys.get(config.region);
  if (own === undefined) throw new Error(`there is no record key for ${config.region}`);

  return {
    sign: (bytes) => macOf(own, bytes),
    verify(member, bytes, mac) {
      const key = keys.get(member);
      if (key === undefined) return false;
      const expected = macOf(key, bytes);
      // Lengths are public; only the bytes must be compared in constant time.
      return mac.byteLength === expected.byteLength && timingSafeEqual(mac, expected);
    },
  };
}

function macOf(key: KeyObject, bytes: Uint8Array): Uint8Array {
  return createHmac('sha256', key).update(bytes).digest();
}
