import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJson } from './parse-json.js';

/** Makes V8 expect these keys of the next object that begins alike. */
const prime = (text: string): unknown => JSON.parse(text);

describe('JSON with escaped keys', () => {
  test.each([
    [String.raw`{"left":0,"\\":0}`, String.raw`{"left":1,"\n":2}`],
    [String.raw`{"a":0,"b\\":0}`, String.raw`{"a":5,"b\"":7}`],
    [String.raw`{"\"a\"":0,"\\\"b":0}`, String.raw`{"\"a\"":1,"\"b\"":2}`],
    [String.raw`{"zz":0,"\\":0}`, String.raw`[{"zz":0,"\\":0},{"zz":1,"\t":{"zz":2,"\n":[]}}]`],
  ])('is read with its own keys after %s', (before, text) => {
    prime(before);
    expect(JSON.stringify(parseJson(text))).toBe(text);
  });

  test('is read as it was written, whatever was read before', () => {
    const part = fc.constantFrom('\\', 'n', 'a', '"', '\n', 'é', '\u0001', '\u2028', '😀');
    const text = fc.array(part, { maxLength: 4 }).map((parts) => parts.join(''));
    const { json } = fc.letrec((tie) => ({
      json: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.oneof(text, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(true, null)),
        fc.array(tie('json'), { maxLength: 3 }),
        fc.dictionary(text, tie('json'), { maxKeys: 4, noNullPrototype: true }),
      ),
    }));
    const law = fc.property(json, fc.constantFrom(undefined, 1, '\t'), (value, space) => {
      const written = JSON.stringify(value, undefined, space);
      expect(JSON.stringify(parseJson(written), undefined, space)).toBe(written);
    });
    fc.assert(law, { numRuns: 20_000 });
  });

  test('is refused where JSON.parse refuses it', () => {
    const piece = fc.constantFrom(
      ...'{}[]:,"\\ 019-+.eE'.split(''),
      String.raw`{"\n":`,
      'true',
      'nul',
      '"a"',
      '\u0001',
      '\t',
    );
    const text = fc.array(piece, { maxLength: 12 }).map((pieces) => `{"\\n":${pieces.join('')}`);
    const law = fc.property(text, (malformed) => {
      let refused: string | undefined;
      try {
        prime(malformed);
      } catch (error) {
        refused = (error as Error).message;
      }
      if (refused === undefined) expect(parseJson(malformed)).toEqual(prime(malformed));
      else expect(() => parseJson(malformed)).toThrow(new SyntaxError(refused));
    });
    fc.assert(law, { numRuns: 20_000 });
  });

  test('keeps the last of repeated keys, and __proto__ as a key', () => {
    expect(JSON.stringify(parseJson(String.raw`{"\n":1,"\n":2,"__proto__":3}`))).toBe(
      String.raw`{"\n":2,"__proto__":3}`,
    );
  });

  test('is refused when it nests too deep, and not with an overflow', () => {
    const deep = `{"\\n":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    expect(() => parseJson(deep)).toThrow(SyntaxError);
  });
});
