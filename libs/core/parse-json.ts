import { closingQuote } from '#core/event/text-limits.js';

/** Nesting that is read where a key has to be read by hand; whoever takes JSON from strangers allows far less. */
const depthMax = 1_000;

/**
 * `JSON.parse`, with the keys that are in the text.
 *
 * V8 guesses that an object has the keys of one like it that it has parsed before, and compares a key that is written with a
 * backslash by the wrong bytes: after `{"left":1,"\\":2}` it reads `{"left":1,"\n":2}` with the key `\`, so that one text is two
 * values in two processes, by what each has parsed before. Seen from V8 13.6 (Node 24.0) to 14.6 (Node 26.10); not in 11.3.
 * Source: nodejs/node#63785.
 *
 * @throws SyntaxError as `JSON.parse` does
 */
export function parseJson(text: string): unknown {
  if (!text.includes('\\') || !hasEscapedKey(text)) return JSON.parse(text) as unknown;
  const reader = new Reader(text);
  const read = reader.document();
  if (read !== malformed) return read;
  JSON.parse(text); // says what is wrong, and where
  throw new SyntaxError(`JSON nests more than ${depthMax} levels deep`);
}

/** Whether a string with a backslash in it is a key. Of malformed text nothing is promised. */
function hasEscapedKey(text: string): boolean {
  let slash = text.indexOf('\\');
  for (let from = text.indexOf('"'); from >= 0 && slash >= 0;) {
    const end = closingQuote(text, from);
    if (end === text.length) return false;
    if (slash < end) {
      if (text[skipSpace(text, end + 1)] === ':') return true;
      slash = text.indexOf('\\', end);
    }
    from = text.indexOf('"', end + 1);
  }
  return false;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  for (let code = text.charCodeAt(at); isSpace(code); code = text.charCodeAt(at)) at += 1;
  return at;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

const malformed = Symbol('malformed');
const plain = { configurable: true, enumerable: true, writable: true };
type Read = unknown;

/** What stands in a string as something else, or may not stand in one. */
const notItself = /[\u0000-\u001f\\]/;

const nine = 0x39;
const scalar = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

/** Reads a document value by value: what is not plain by `JSON.parse`, which guesses nothing about strings and numbers. */
class Reader {
  private readonly text: string;
  private at = 0;
  private depth = 0;

  constructor(text: string) {
    this.text = text;
  }

  document(): Read {
    const value = this.value();
    return value === malformed || this.next() !== undefined ? malformed : value;
  }

  private value(): Read {
    const first = this.next();
    if (first === '"') return this.string();
    if (first !== '{' && first !== '[') return this.scalar();
    if (this.depth === depthMax) return malformed;
    this.depth += 1;
    this.at += 1;
    const read = first === '{' ? this.object() : this.array();
    this.depth -= 1;
    return read;
  }

  private object(): Read {
    const object: Record<string, unknown> = {};
    if (this.takes('}')) return object;
    do {
      const key = this.next() === '"' ? this.string() : malformed;
      if (typeof key !== 'string' || !this.takes(':')) return malformed;
      const value = this.value();
      if (value === malformed) return malformed;
      // Written plainly it would be more than a key.
      if (key === '__proto__') Object.defineProperty(object, key, { value, ...plain });
      else object[key] = value;
    } while (this.takes(','));
    return this.takes('}') ? object : malformed;
  }

  private array(): Read {
    const items: unknown[] = [];
    if (this.takes(']')) return items;
    do {
      const value = this.value();
      if (value === malformed) return malformed;
      items.push(value);
    } while (this.takes(','));
    return this.takes(']') ? items : malformed;
  }

  private string(): Read {
    const end = closingQuote(this.text, this.at);
    if (end === this.text.length) return malformed;
    const inside = this.text.slice(this.at + 1, end);
    this.at = end + 1;
    return notItself.test(inside) ? parsed(`"${inside}"`) : inside;
  }

  private scalar(): Read {
    scalar.lastIndex = this.at;
    const [token] = scalar.exec(this.text) ?? [];
    if (token === undefined) return malformed;
    this.at += token.length;
    const code = token.charCodeAt(0);
    return code <= nine ? Number(token) : parsed(token);
  }

  /** The next character that is not space; `undefined` at the end. */
  private next(): string | undefined {
    this.at = skipSpace(this.text, this.at);
    return this.text[this.at];
  }

  private takes(character: string): boolean {
    if (this.next() !== character) return false;
    this.at += 1;
    return true;
  }
}

function parsed(token: string): Read {
  try {
    return JSON.parse(token) as unknown;
  } catch {
    return malformed;
  }
}
