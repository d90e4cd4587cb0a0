import { hash } from 'node:crypto';
import type { Hashing, RecordAuth } from '#flow/ports/record-auth.js';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Real digests, so that simulated and real logs are the same bytes. */
export const kitHashing: Hashing = {
  sha256Hex: (bytes) => hash('sha256', bytes, 'hex'),
  sha256OfText: (text) => hash('sha256', text, 'base64url'),
  utf8: (text) => Buffer.from(text, 'utf8'),
  fromUtf8(bytes) {
    try {
      return utf8.decode(bytes);
    } catch {
      return undefined;
    }
  },
  base64Url: (bytes) => Buffer.from(bytes).toString('base64url'),
  fromBase64Url(text) {
    const bytes = Buffer.from(text, 'base64url');
    return bytes.toString('base64url') === text ? bytes : undefined;
  },
};

/** Every member's key follows from its name: enough to tell members and forgeries apart in a test. */
export function kitAuth(region: string): RecordAuth {
  const mac = (member: string, bytes: Uint8Array): Buffer =>
    hash('sha256', Buffer.concat([Buffer.from(`key of ${member}`), bytes]), 'buffer');
  return {
    sign: (bytes) => mac(region, bytes),
    verify: (member, bytes, given) => mac(member, bytes).equals(given),
  };
}
