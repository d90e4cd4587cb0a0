const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const codeOf = Uint8Array.from(alphabet, (digit) => digit.charCodeAt(0));
const valueOf = new Int8Array(128).fill(-1);
codeOf.forEach((code, value) => (valueOf[code] = value));
const padding = '='.charCodeAt(0);

/** Characters that are joined at once: as many as a call takes as arguments everywhere. */
const charactersAtOnce = 8_192;

/** Bytes as base64 with padding (RFC 4648 §4). */
export function encodeBase64(bytes: Uint8Array): string {
  const codes = new Uint8Array(Math.ceil(bytes.length / 3) * 4);
  for (let from = 0, to = 0; from < bytes.length; from += 3, to += 4) {
    const first = bytes[from] ?? 0;
    const second = bytes[from + 1] ?? 0;
    const third = bytes[from + 2] ?? 0;
    codes[to] = codeOf[first >> 2] ?? 0;
    codes[to + 1] = codeOf[((first & 3) << 4) | (second >> 4)] ?? 0;
    codes[to + 2] = codeOf[((second & 15) << 2) | (third >> 6)] ?? 0;
    codes[to + 3] = codeOf[third & 63] ?? 0;
  }
  for (let rest = bytes.length % 3; rest > 0 && rest < 3; rest += 1) codes[codes.length - 3 + rest] = padding;
  let text = '';
  for (let at = 0; at < codes.length; at += charactersAtOnce) {
    const some: ArrayLike<number> = codes.subarray(at, at + charactersAtOnce);
    text += String.fromCharCode.apply(undefined, some as number[]);
  }
  return text;
}

/** Reads what `encodeBase64` writes; `undefined` for anything else: equal bytes have one text. */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined;
  const padded = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padded);
  let buffer = 0;
  let bits = 0;
  let at = 0;
  for (let index = 0; index < text.length - padded; index += 1) {
    const value = valueOf[text.charCodeAt(index)] ?? -1;
    if (value < 0) return undefined;
    buffer = ((buffer << 6) | value) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at] = (buffer >> bits) & 0xff;
    at += 1;
  }
  return (buffer & ((1 << bits) - 1)) === 0 ? bytes : undefined;
}
