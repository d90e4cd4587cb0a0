import { AtollError, type FieldError } from '#core/errors.js';
import { isWellFormed } from '#core/event/text-limits.js';
import type { Json } from '#core/json.js';
import { parseJson } from '#core/parse-json.js';
import { jsonDepthMax } from './limits.js';
import { underflows } from './underflow.js';

/** Wrong places named in one answer; a body can have a million of them. */
const fieldErrorsMax = 20;

/**
 * Reads a client's JSON. Depth is checked on the raw bytes, before anything recursive meets them; then whatever JSON
 * allows and we could not store or compare alike everywhere is refused with its path: U+0000, lone surrogates, integers
 * that lose digits, what is written as more than 0 and read as 0, repeated keys, and `__proto__`, which some reader down the line would take for more than a key.
 *
 * @param depthMax below the limit where the text is only a part of what a body would be
 * @throws AtollError invalid_request, too_deep, invalid_value, out_of_range
 */
export function readJson(bytes: Uint8Array, depthMax = jsonDepthMax): Json {
  const { depth, keys } = scan(bytes, depthMax);
  if (depth > depthMax) throw new AtollError('too_deep', `JSON may nest ${jsonDepthMax} levels deep.`);
  const text = decode(bytes);
  const value = parse(text);
  const walk: Walk = { errors: [], keys: 0, hasZero: false };
  inspect(value, '', walk);
  if (walk.hasZero && mayUnderflow(text)) refuseUnderflows(text, walk);
  if (walk.errors.length > 0) throw refusal(walk.errors);
  if (walk.keys !== keys)
    throw new AtollError('invalid_request', 'The JSON repeats a key within one object.');
  return value;
}

const [quote, backslash, colon] = [0x22, 0x5c, 0x3a];
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];

/** Nesting and number of keys (colons outside strings), without parsing; stops when it is too deep anyway. */
function scan(bytes: Uint8Array, depthMax: number): { readonly depth: number; readonly keys: number } {
  let depth = 0;
  let deepest = 0;
  let keys = 0;
  let inString = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (inString) {
      if (byte === backslash) at += 1;
      else if (byte === quote) inString = false;
    } else if (byte === quote) inString = true;
    else if (byte === colon) keys += 1;
    else if (byte === openBrace || byte === openBracket) {
      depth += 1;
      if (depth > deepest) deepest = depth;
      if (deepest > depthMax) break;
    } else if (byte === closeBrace || byte === closeBracket) depth -= 1;
  }
  return { depth: deepest, keys };
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new AtollError('invalid_request', 'The body is not valid UTF-8.');
  }
}

function parse(text: string): Json {
  try {
    return parseJson(text) as Json;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : '';
    throw new AtollError('invalid_request', `The body is not JSON: ${reason}`);
  }
}

interface Walk {
  readonly errors: FieldError[];
  keys: number;
  /** Whether a 0 was read, whatever was written for it. */
  hasZero: boolean;
}

function inspect(value: Json, path: string, walk: Walk): void {
  if (walk.errors.length >= fieldErrorsMax) return;
  if (typeof value === 'string') {
    if (!isWellFormed(value)) walk.errors.push({ path, code: 'invalid_value', detail: badText });
  } else if (typeof value === 'number') {
    if (value === 0) walk.hasZero = true;
    else if (!isExact(value)) walk.errors.push({ path, code: 'out_of_range', detail: badNumber });
  } else if (Array.isArray(value)) {
    for (const [index, item] of (value as readonly Json[]).entries()) inspect(item, `${path}/${index}`, walk);
  } else if (typeof value === 'object' && value !== null) inspectObject(Object.entries(value), path, walk);
}

/** Neighbouring integers beyond ±(2^53−1) are one number to every JSON reader in JavaScript: what was meant is lost. */
function isExact(value: number): boolean {
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value));
}

/** Only an exponent, or hundreds of zeros behind the point, make so little of a number that it is read as 0. */
function mayUnderflow(text: string): boolean {
  return /\d[eE]/.test(text) || text.includes(manyZeros);
}

const manyZeros = '0'.repeat(300);

function refuseUnderflows(text: string, { errors }: Walk): void {
  for (const steps of underflows(text)) {
    if (errors.length >= fieldErrorsMax) return;
    const path = steps.map((step) => `/${escapePointer(String(step))}`).join('');
    errors.push({ path, code: 'out_of_range', detail: badNumber });
  }
}

const badNumber = 'An integer lies within ±(2^53−1), and any number must be representable.';
const badText = 'The text holds U+0000 or a lone surrogate.';

function inspectObject(entries: readonly (readonly [string, Json])[], path: string, walk: Walk): void {
  for (const [key, inner] of entries) {
    walk.keys += 1;
    const at = `${path}/${escapePointer(key)}`;
    if (key === '__proto__')
      walk.errors.push({ path: at, code: 'invalid_request', detail: 'No key may be called __proto__.' });
    else if (!isWellFormed(key)) walk.errors.push({ path: at, code: 'invalid_value', detail: badText });
    else inspect(inner, at, walk);
  }
}

function refusal(errors: readonly FieldError[]): AtollError {
  const [first] = errors;
  return new AtollError(first?.code ?? 'invalid_request', first?.detail ?? '', {
    fields: errors.map(withPrintablePath),
  });
}

/** What is wrong with the text must not travel on in the answer. */
function withPrintablePath({ path, ...rest }: FieldError): FieldError {
  return { ...rest, path: path.toWellFormed().replaceAll('\u0000', '\ufffd') };
}

/** One step of a JSON pointer (RFC 6901). */
export function escapePointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}
