import { describe, expect, test } from 'vitest';
import { byteaArray, hexArray, int2Array, int4Array, int8Array, textArray } from './binary-array.js';

/** The format read by its definition, slowly. */
function decode(buffer: Buffer): {
  readonly oid: number;
  readonly nulls: boolean;
  readonly cells: (string | null)[];
} {
  const dimensions = buffer.readInt32BE(0);
  const nulls = buffer.readInt32BE(4) === 1;
  const oid = buffer.readInt32BE(8);
  if (dimensions === 0) return { oid, nulls, cells: [] };
  expect(dimensions).toBe(1);
  expect(buffer.readInt32BE(16)).toBe(1);
  const cells: (string | null)[] = [];
  let at = 20;
  for (let cell = 0; cell < buffer.readInt32BE(12); cell += 1) {
    const length = buffer.readInt32BE(at);
    at += 4;
    cells.push(length < 0 ? null : buffer.toString('hex', at, at + length));
    at += Math.max(0, length);
  }
  expect(at).toBe(buffer.length);
  return { oid, nulls, cells };
}

describe('arrays in binary format', () => {
  test('carry integers of each width in two’s complement', () => {
    expect(decode(int2Array([0, 1, -2, 32_767]))).toEqual({
      oid: 21,
      nulls: false,
      cells: ['0000', '0001', 'fffe', '7fff'],
    });
    expect(decode(int4Array([-1, 65_536]))).toEqual({
      oid: 23,
      nulls: false,
      cells: ['ffffffff', '00010000'],
    });
  });

  test('carry every safe integer as a bigint', () => {
    const values = [
      0,
      1,
      -1,
      2 ** 31,
      2 ** 32,
      -(2 ** 32) - 5,
      Number.MAX_SAFE_INTEGER,
      Number.MIN_SAFE_INTEGER,
    ];
    const expected = values.map((value) => BigInt.asUintN(64, BigInt(value)).toString(16).padStart(16, '0'));
    expect(decode(int8Array(values))).toEqual({ oid: 20, nulls: false, cells: expected });
  });

  test('carry texts by their UTF-8 bytes', () => {
    const values = ['', 'plain', 'ä€😀', 'x'.repeat(10_000)];
    const cells = values.map((value) => Buffer.from(value).toString('hex'));
    expect(decode(textArray(values))).toEqual({ oid: 25, nulls: false, cells });
  });

  test('carry bytes, of views into larger buffers too', () => {
    const large = Uint8Array.from({ length: 300 }, (_, index) => index % 256);
    expect(decode(byteaArray([large.subarray(254, 258), new Uint8Array()]))).toEqual({
      oid: 17,
      nulls: false,
      cells: ['feff0001', ''],
    });
  });

  test('carry hashes given in hexadecimal as bytes', () => {
    expect(decode(hexArray(['00ff', '', 'AB']))).toEqual({
      oid: 17,
      nulls: false,
      cells: ['00ff', '', 'ab'],
    });
  });

  test('carry nulls, and say so', () => {
    expect(decode(int2Array([null, 1]))).toEqual({ oid: 21, nulls: true, cells: [null, '0001'] });
    expect(decode(int8Array([1, null]))).toEqual({ oid: 20, nulls: true, cells: ['0000000000000001', null] });
    expect(decode(textArray([null, 'a', null]))).toEqual({ oid: 25, nulls: true, cells: [null, '61', null] });
    expect(decode(byteaArray([null]))).toEqual({ oid: 17, nulls: true, cells: [null] });
  });

  test('have no dimension when they are empty', () => {
    const encoders = [int2Array, int4Array, int8Array, textArray, byteaArray, hexArray];
    expect(encoders.map((encode) => decode(encode([])).cells)).toEqual(encoders.map(() => []));
  });
});
