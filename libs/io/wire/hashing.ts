import { hash } from 'node:crypto';
import type { Hashing } from '#flow/ports/record-auth.js';

const encoder = new TextEncoder();
/** Strict, and a leading byte order mark is a character like any other: what comes in must go out. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export const nodeHashing: Hashing = {
  sha256Hex: (bytes) => hash('sha256', bytes, 'hex'),
  utf8: (text) => encoder.encode(text),
  fromUtf8(bytes) {
    try {
      return decoder.decode(bytes);
    } catch {
      return undefined;
    }
  },
  base64Url: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url'),
  fromBase64Url(text) {
    const bytes = Buffer.from(text, 'base64url');
    // Node skips what it does not know, takes padding and stray last bits; only what we would write ourselves is good.
    return bytes.toString('base64url') === text ? new Uint8Array(bytes) : undefined;
  },
};
