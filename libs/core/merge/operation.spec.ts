import { describe, expect, it } from 'vitest';
import type { Json } from '../json.js';
import { addWinsMap } from './add-wins-map.js';
import { isStorable, pointer, readInteger, readNumber } from './operation.js';
import { addWinsSet, counter, custom, lastWriterWins, multiValue } from './policies.js';

const unstorable: readonly Json[] = [
  JSON.parse('1e999') as Json,
  JSON.parse('[{"a":-1e999}]') as Json,
  'a\0',
  '\ud800',
  ['\udc00x'],
  { 'k\0': 1 },
  { k: { l: ['\ud800'] } },
];

describe('what can be stored everywhere', () => {
  it.each(unstorable.map((json) => [JSON.stringify(json), json] as const))('is not %s', (_text, json) => {
    expect(isStorable(json)).toBe(false);
    const anything = custom<Json, Json>({
      name: 'any',
      version: 1,
      operations: ['put'],
      initial: null,
      decide: (_value, operation) => ({ change: operation }),
      apply: (_value, change) => change,
    });
    for (const policy of [lastWriterWins(), multiValue()]) {
      expect(policy.readChange({ value: json })).toBeUndefined();
      const stamp = {
        dot: { actor: 'eu~1', seq: 1 },
        time: { wallMillis: 1, counter: 0, actor: 'eu~1' },
        hasObserved: true,
      };
      expect(policy.decide(policy.initial(), { op: 'set', value: json }, stamp)).toMatchObject({
        path: '/value',
      });
    }
    expect(anything.readChange(json)).toBeUndefined();
    expect(addWinsSet().readChange({ add: json })).toBeUndefined();
    expect(addWinsMap(counter()).readChange({ remove: json })).toBeUndefined();
  });

  it('is any other JSON', () => {
    for (const json of [null, true, 0, -1.5, '', '😀', [], {}, { a: [1, 'b', { c: null }] }] as Json[]) {
      expect(isStorable(json)).toBe(true);
    }
  });
});

describe('numbers', () => {
  it('are those that JSON carries exactly', () => {
    expect(readNumber(1.5)).toBe(1.5);
    expect(Object.is(readNumber(-0), 0)).toBe(true);
    expect(readNumber(2 ** 53)).toBe('out of range');
    expect(readNumber(Infinity)).toBe('invalid');
    expect(readNumber('1')).toBe('invalid');
    expect(readInteger(1.5)).toBe('invalid');
    expect(readInteger(2 ** 53 - 1)).toBe(2 ** 53 - 1);
  });
});

describe('a JSON pointer', () => {
  it('escapes what RFC 6901 says', () => {
    expect(pointer('a/b~c')).toBe('/a~1b~0c');
  });
});
