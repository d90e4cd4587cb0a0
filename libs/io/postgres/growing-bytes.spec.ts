import { describe, expect, test } from 'vitest';
import { GrowingBytes } from './growing-bytes.js';

describe('growing bytes', () => {
  test('keep what was written when they grow', () => {
    const bytes = new GrowingBytes(4);
    bytes.byte(1);
    const gap = bytes.gap32();
    bytes.int16(-2);
    bytes.bytes(Uint8Array.of(7, 8, 9));
    expect(bytes.text('ä€😀', 'utf8')).toBe(9);
    expect(bytes.text('00ff', 'hex')).toBe(2);
    bytes.fillInt32(gap, bytes.length);
    const hex = `01${'00000015'}fffe070809${Buffer.from('ä€😀').toString('hex')}00ff`;
    expect(bytes.written().toString('hex')).toBe(hex);
  });

  test('carry safe integers of both signs as eight bytes', () => {
    const values = [0, -1, 2 ** 31, -(2 ** 32) - 5, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
    const bytes = new GrowingBytes(1);
    for (const value of values) bytes.int64(value);
    expect(values.map((_, at) => Number(bytes.written().readBigInt64BE(at * 8)))).toEqual(values);
  });

  test('begin anew when they are cleared', () => {
    const bytes = new GrowingBytes(1);
    bytes.int32(1);
    bytes.clear();
    bytes.byte(5);
    expect([...bytes.written()]).toEqual([5]);
  });
});
