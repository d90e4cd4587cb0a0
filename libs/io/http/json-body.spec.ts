import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AtollError } from '#core/errors.js';
import { readJson } from './json-body.js';
import { jsonDepthMax } from './limits.js';

const read = (text: string) => readJson(Buffer.from(text));

function refusalOf(text: string | Uint8Array): AtollError {
  try {
    readJson(Buffer.from(text as string));
  } catch (error) {
    if (error instanceof AtollError) return error;
    throw error;
  }
  throw new Error('was not refused');
}

describe('a JSON body', () => {
  it('is read as JSON.parse reads it', () => {
    const readable = fc
      .jsonValue({ maxDepth: 20, noUnicodeString: false })
      .map((value) => JSON.stringify(value));
    fc.assert(
      fc.property(readable, (text) => {
        fc.pre(!/\\u0000|\\ud[89a-f]|__proto__|\d{16}|e\+/i.test(text));
        expect(read(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('may nest to the limit and no deeper', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    expect(read(nested(jsonDepthMax))).toBeDefined();
    expect(refusalOf(nested(jsonDepthMax + 1)).code).toBe('too_deep');
  });

  it.each([
    ['arrays', '['.repeat(100_000)],
    ['objects', '{"a":'.repeat(100_000)],
    ['brackets after a string with an escaped quote', `["\\"]",${'['.repeat(100_000)}`],
  ])('of 100 000 nested %s is refused before it is parsed', (_kind, text) => {
    const started = performance.now();
    expect(refusalOf(text).code).toBe('too_deep');
    expect(performance.now() - started).toBeLessThan(100);
  });

  it('counts no brackets inside strings', () => {
    expect(read(`["${'['.repeat(200)}\\\\"]`)).toEqual(['['.repeat(200) + '\\']);
  });

  it.each([
    ['U+0000', '{"operations":[{"value":"a\\u0000b"}]}', 'invalid_value', '/operations/0/value'],
    ['a lone surrogate', '{"a":{"b/c":"\\ud800"}}', 'invalid_value', '/a/b~1c'],
    ['U+0000 in a key', '{"a\\u0000":1}', 'invalid_value', '/a\ufffd'],
    ['a number beyond all numbers', '{"by":1e999}', 'out_of_range', '/by'],
    ['an integer that would lose digits', '{"a":[9007199254740993]}', 'out_of_range', '/a/0'],
    ['a number too small to be told from 0', '{"by":1e-400}', 'out_of_range', '/by'],
    ['one below zero', '{"a":[0,{"b/c":[1,-0.5E-999]}]}', 'out_of_range', '/a/1/b~1c/1'],
    ['one without an exponent', `[0.${'0'.repeat(400)}1]`, 'out_of_range', '/0'],
    ['one behind strings', '{"e1\\"":"1e-400","\\u0062y":1e-400}', 'out_of_range', '/by'],
    ['one after what is closed', '{"a":{"b":[1,2]},"c":7,"d":{"e":1e-400}}', 'out_of_range', '/d/e'],
    ['one that is the whole body', '1e-400', 'out_of_range', ''],
    ['__proto__', '{"value":{"__proto__":{"admin":true}}}', 'invalid_request', '/value/__proto__'],
    ['an escaped __proto__', '{"\\u005f_proto__":1}', 'invalid_request', '/__proto__'],
  ])('is refused for %s, with its path', (_what, text, code, path) => {
    const refused = refusalOf(text);
    expect(refused.code).toBe(code);
    expect(refused.fields).toMatchObject([{ path, code }]);
  });

  it.each([
    ['no JSON', '{'],
    ['nothing', ''],
    ['a repeated key', '{"a":1,"b":{"a":1,"a":2}}'],
    ['a key repeated by an escape', '{"a":1,"\\u0061":2}'],
    ['something after the value', '{} {}'],
  ])('is refused for %s', (_what, text) => {
    expect(refusalOf(text).code).toBe('invalid_request');
  });

  it('is refused for bytes that are not UTF-8', () => {
    expect(refusalOf(new Uint8Array([0x22, 0xff, 0x22])).message).toMatch(/UTF-8/);
  });

  it('may say 0 in any way, and be as small as numbers go', () => {
    const zeros = `[0,-0,0.0,0e5,0E-400,-0.00e+7,0.${'0'.repeat(400)},"1e-400",5e-324]`;
    expect(read(zeros)).toEqual(JSON.parse(zeros));
  });

  it('keeps constructor and prototype as the plain keys they are', () => {
    const value = read('{"constructor":{"prototype":1}}') as object;
    expect(Object.keys(value)).toEqual(['constructor']);
  });

  it('names at most 20 places', () => {
    expect(refusalOf(JSON.stringify(Array.from({ length: 100 }, () => '\u0000'))).fields).toHaveLength(20);
  });
});
