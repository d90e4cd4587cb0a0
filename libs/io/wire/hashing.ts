import { hash } from 'node:crypto';
import type { Hashing } from '#flow/ports/record-auth.js';

const encoder = new TextEncoder();
/** Strict, and a leading byte order mark is a character like any other: what comes in must go out. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Short texts become parts of a slab: memory of its own for each of a few per write made the garbage collector the
 * busiest part of the process. What keeps one of them keeps its slab, so slabs are small, and long texts have their own.
 */
const slabBytes = 64 * 1024;
const bytesPerUnitMax = 3;
const slabUnitsMax = 2 * 1024;
let slab = Buffer.allocUnsafeSlow(slabBytes);
let slabUsed = 0;

function utf8(text: string): Uint8Array {
  if (text.length > slabUnitsMax) return encoder.encode(text);
  if (slabUsed + text.length * bytesPerUnitMax > slabBytes) {
    slab = Buffer.allocUnsafeSlow(slabBytes);
    slabUsed = 0;
  }
  const from = slabUsed;
  slabUsed += slab.write(text, from, 'utf8');
  return slab.subarray(from, slabUsed);
}

export const nodeHashing: Hashing = {
  sha256Hex: (bytes) => hash('sha256', bytes, 'hex'),
  sha256OfText: (text) => hash('sha256', text, 'base64url'),
  utf8,
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
