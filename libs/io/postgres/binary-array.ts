import { GrowingBytes } from './growing-bytes.js';

/**
 * Arrays in Postgres' binary format, written by hand.
 *
 * `pg` sends a `Buffer` parameter as it is, and JavaScript arrays as text that Postgres must parse again: encoding
 * them here makes a batch about half as dear. One dimension, lower bound 1; an empty array has no dimension.
 *
 * Source: `array_send` and `array_recv` in Postgres' `src/backend/utils/adt/arrayfuncs.c`.
 */
export type ArrayWriter<T> = (to: GrowingBytes, values: readonly (T | null)[]) => void;

const oid = { bytea: 17, int8: 20, int2: 21, int4: 23, text: 25 } as const;
const nullLength = -1;

export const writeInt2Array = arrayOf<number>(oid.int2, (to, value) => {
  to.int32(2);
  to.int16(value);
});

export const writeInt4Array = arrayOf<number>(oid.int4, (to, value) => {
  to.int32(4);
  to.int32(value);
});

/** Safe integers as `bigint[]`. */
export const writeInt8Array = arrayOf<number>(oid.int8, (to, value) => {
  to.int32(8);
  to.int64(value);
});

export const writeTextArray = arrayOf<string>(oid.text, writeText);

/** Texts as `bytea[]` of their UTF-8. */
export const writeUtf8Array = arrayOf<string>(oid.bytea, writeText);

export const writeByteaArray = arrayOf<Uint8Array>(oid.bytea, (to, value) => {
  to.int32(value.length);
  to.bytes(value);
});

/** Hexadecimal texts (hashes) as `bytea[]`. */
export const writeHexArray = arrayOf<string>(oid.bytea, (to, value) => {
  to.int32(value.length / 2);
  to.text(value, 'hex');
});

export const int2Array = alone(writeInt2Array);
export const int4Array = alone(writeInt4Array);
export const int8Array = alone(writeInt8Array);
export const textArray = alone(writeTextArray);
export const byteaArray = alone(writeByteaArray);
export const hexArray = alone(writeHexArray);

function writeText(to: GrowingBytes, value: string): void {
  const length = to.gap32();
  to.fillInt32(length, to.text(value, 'utf8'));
}

function arrayOf<T>(elementType: number, write: (to: GrowingBytes, value: T) => void): ArrayWriter<T> {
  return (to, values) => {
    const empty = values.length === 0;
    to.int32(empty ? 0 : 1);
    const nulls = to.gap32();
    to.int32(elementType);
    if (empty) return;
    to.int32(values.length);
    to.int32(1);
    // By index: an iterator makes an object for each of some thousands of cells per batch.
    for (let index = 0; index < values.length; index += 1) {
      const value = values[index] as T | null;
      if (value === null) {
        to.fillInt32(nulls, 1);
        to.int32(nullLength);
      } else write(to, value);
    }
  };
}

/** The array as a parameter of its own. */
function alone<T>(write: ArrayWriter<T>): (values: readonly (T | null)[]) => Buffer {
  return (values) => {
    const bytes = new GrowingBytes(32 + values.length * 16);
    write(bytes, values);
    return bytes.written();
  };
}
