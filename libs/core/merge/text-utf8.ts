/**
 * Length in UTF-16 code units of strictly valid UTF-8 without U+0000; `undefined` for anything else. yjs counts in code
 * units, and what a document holds must be storable like any other string.
 *
 * Source: Unicode 15, table 3-7, "Well-Formed UTF-8 Byte Sequences".
 */
export function utf16LengthOf(bytes: Uint8Array): number | undefined {
  let units = 0;
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at] ?? 0;
    const size = sizeOf(first);
    if (size === 0 || first === 0 || at + size > bytes.length) return undefined;
    if (size > 1 && !isSecond(first, bytes[at + 1] ?? 0)) return undefined;
    for (let next = at + 2; next < at + size; next += 1) {
      if (((bytes[next] ?? 0) & 0xc0) !== 0x80) return undefined;
    }
    units += size === 4 ? 2 : 1;
    at += size;
  }
  return units;
}

/** Bytes of the character that begins with this one; 0 when none does. */
function sizeOf(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc2) return 0;
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf5 ? 4 : 0;
}

/** The second byte is what keeps out surrogates, overlong forms, and what lies beyond U+10FFFF. */
function isSecond(first: number, second: number): boolean {
  if (first === 0xe0) return second >= 0xa0 && second <= 0xbf;
  if (first === 0xed) return second >= 0x80 && second <= 0x9f;
  if (first === 0xf0) return second >= 0x90 && second <= 0xbf;
  if (first === 0xf4) return second >= 0x80 && second <= 0x8f;
  return second >= 0x80 && second <= 0xbf;
}

/** Decodes valid UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const first = bytes[at] ?? 0;
    const size = Math.max(1, sizeOf(first));
    let point = size === 1 ? first : first & (0xff >> (size + 1));
    for (let next = at + 1; next < at + size; next += 1) point = (point << 6) | ((bytes[next] ?? 0) & 0x3f);
    text += String.fromCodePoint(point);
    at += size;
  }
  return text;
}
