import { describe, expect, it } from 'vitest';
import { canonicalText } from '../event/canonical-json.js';
import type { Json } from '../json.js';
import { decodeVector, encodeVector, join, nothingSeen } from './version-vector.js';

describe('a version vector', () => {
  it('is written with its actors in order, whatever order they were seen in', () => {
    const vector = new Map([
      ['us~1', 3],
      ['ap~1', 1],
      ['eu~2', 2],
    ]);
    expect(JSON.stringify(encodeVector(vector))).toBe('{"ap~1":1,"eu~2":2,"us~1":3}');
    expect(decodeVector(encodeVector(vector))).toEqual(vector);
  });

  it.each([[['__proto__']], [['__proto__', 'us~1']]])('keeps actors of any name: %j', (names) => {
    const vector = new Map(names.map((name, at) => [name, at + 1]));
    const text = canonicalText(encodeVector(vector));
    expect(decodeVector(JSON.parse(text) as Json)).toEqual(vector);
  });

  it('joined with nothing is itself', () => {
    const vector = new Map([['us~1', 3]]);
    expect(join(nothingSeen, vector)).toEqual(vector);
    expect(join(vector, nothingSeen)).toBe(vector);
  });
});
