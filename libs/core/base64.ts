const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const valueOf = new Int8Array(128).fill(-1);
for (let value = 0; value < alphabet.length; value += 1) valueOf[alphabet.charCodeAt(value)] = value;

/** Bytes as base64 with padding (RFC 4648 §4). */
export function encodeBase64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const [first = 0, second, third] = [bytes[at], bytes[at + 1], bytes[at + 2]];
    text += digit(first >> 2) + digit(((first & 3) << 4) | ((second ?? 0) >> 4));
    text += second === undefined ? '=' : digit(((second & 15) << 2) | ((third ?? 0) >> 6));
    text += third === undefined ? '=' : digit(third & 63);
  }
  return text;
}

function digit(value: number): string {
  return alphabet.charAt(value);
}

/** Reads what `encodeBase64` writes; `undefined` for anything else: equal bytes have one text. */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  let buffer = 0;
  let bits = 0;
  let at = 0;
  for (let index = 0; index < text.length - padding; index += 1) {
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
