import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json } from '../json.js';
import { canonicalText, compareCanonical, compareUtf8 } from './canonical-json.js';

describe('canonical JSON', () => {
  it('writes the example of RFC 8785 §3.2.2', () => {
    const input = JSON.parse(String.raw`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`) as Json;

    expect(canonicalText(input)).toBe(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
  });

  it('sorts the keys of RFC 8785 §3.2.3 by UTF-16 code units', () => {
    const input = JSON.parse(String.raw`{
      "\u20ac": "Euro Sign",
      "\r": "Carriage Return",
      "\ufb33": "Hebrew Letter Dalet With Dagesh",
      "1": "One",
      "\ud83d\ude00": "Emoji: Grinning Face",
      "\u0080": "Control",
      "\u00f6": "Latin Small Letter O With Diaeresis"
    }`) as Json;

    expect(Object.values(JSON.parse(canonicalText(input)) as Record<string, string>)).toEqual([
      'One',
      'Carriage Return',
      'Control',
      'Latin Small Letter O With Diaeresis',
      'Euro Sign',
      'Emoji: Grinning Face',
      'Hebrew Letter Dalet With Dagesh',
    ]);
    expect(canonicalText(input)).toBe(
      `{"\\r":"Carriage Return","1":"One","\u0080":"Control","ö":"Latin Small Letter O With Diaeresis",` +
        `"€":"Euro Sign","😀":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet With Dagesh"}`,
    );
  });

  it.each([
    ['0000000000000000', '0'],
    ['8000000000000000', '0'],
    ['0000000000000001', '5e-324'],
    ['8000000000000001', '-5e-324'],
    ['7fefffffffffffff', '1.7976931348623157e+308'],
    ['4340000000000000', '9007199254740992'],
    ['c340000000000000', '-9007199254740992'],
    ['4430000000000000', '295147905179352830000'],
    ['44b52d02c7e14af5', '9.999999999999997e+22'],
    ['44b52d02c7e14af6', '1e+23'],
    ['44b52d02c7e14af7', '1.0000000000000001e+23'],
    ['444b1ae4d6e2ef4e', '999999999999999700000'],
    ['444b1ae4d6e2ef50', '1e+21'],
    ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['41b3de4355555553', '333333333.3333332'],
    ['becbf647612f3696', '-0.0000033333333333333333'],
    ['43143ff3c1cb0959', '1424953923781206.2'],
  ])('writes the number %s of RFC 8785 appendix B as %s', (bits, text) => {
    const view = new DataView(new ArrayBuffer(8));
    view.setBigUint64(0, BigInt(`0x${bits}`));
    expect(canonicalText(view.getFloat64(0))).toBe(text);
  });

  it('gives a key that is named like a prototype no special meaning', () => {
    const input = JSON.parse('{"b":1,"__proto__":{"constructor":2}}') as Json;
    expect(canonicalText(input)).toBe('{"__proto__":{"constructor":2},"b":1}');
  });

  it('sorts keys that look like numbers as text, although objects list them by value', () => {
    expect(canonicalText({ 2: 'b', 10: 'a', '-1': 'c' })).toBe('{"-1":"c","10":"a","2":"b"}');
    expect(canonicalText([{ 1: { 10: 0, 9: 0 } }])).toBe('[{"1":{"10":0,"9":0}}]');
  });

  it('escapes a lone surrogate instead of throwing', () => {
    expect(canonicalText('a\ud800')).toBe('"a\\ud800"');
    expect(canonicalText('😀')).toBe('"😀"');
  });

  it('reads back as what was written, and depends on no order of keys', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalText(value as Json);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalText(JSON.parse(text) as Json)).toBe(text);
        expect(canonicalText(backwards(value as Json))).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('canonical order', () => {
  it('is the order of the UTF-8 bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => {
        const bytes = Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
        expect(Math.sign(compareUtf8(a, b))).toBe(bytes);
      }),
      { numRuns: 1000 },
    );
    expect(compareUtf8('\ufb33', '😀')).toBeLessThan(0);
  });

  it('puts strings before numbers before literals', () => {
    const values: Json[] = [true, 'b', 10, -1, 'a', false, 9];
    expect(values.sort(compareCanonical)).toEqual(['a', 'b', -1, 10, 9, false, true]);
  });
});

function backwards(json: Json): Json {
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) return json.map((item) => backwards(item as Json));
  return Object.fromEntries(
    Object.entries(json)
      .reverse()
      .map(([key, value]) => [key, backwards(value as Json)]),
  );
}
