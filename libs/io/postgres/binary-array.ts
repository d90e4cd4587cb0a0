/**
 * Arrays in Postgres' binary format, written by hand.
 *
 * `pg` sends a `Buffer` parameter as it is, and JavaScript arrays as text that Postgres must parse again: encoding
 * them here makes a batch about half as dear. One dimension, lower bound 1; an empty array has no dimension.
 *
 * Source: `array_send` and `array_recv` in Postgres' `src/backend/utils/adt/arrayfuncs.c`.
 */
const headerBytes = 20;

const oid = { bytea: 17, int8: 20, int2: 21, int4: 23, text: 25 } as const;

export function int2Array(values: readonly (number | null)[]): Buffer {
  return fixedWidth(oid.int2, 2, values, (buffer, value, at) => buffer.writeInt16BE(value, at));
}

export function int4Array(values: readonly (number | null)[]): Buffer {
  return fixedWidth(oid.int4, 4, values, (buffer, value, at) => buffer.writeInt32BE(value, at));
}

/** Safe integers as `bigint[]`. */
export function int8Array(values: readonly (number | null)[]): Buffer {
  return fixedWidth(oid.int8, 8, values, (buffer, value, at) => {
    buffer.writeInt32BE(Math.floor(value / 0x1_0000_0000), at);
    buffer.writeUInt32BE(value >>> 0, at + 4);
  });
}

function fixedWidth(
  elementType: number,
  width: number,
  values: readonly (number | null)[],
  write: (buffer: Buffer, value: number, at: number) => void,
): Buffer {
  if (values.length === 0) return emptyArray(elementType);
  const buffer = allocate(elementType, values.length, values.length * (4 + width), values.includes(null));
  let at = headerBytes;
  for (const value of values) {
    buffer.writeInt32BE(value === null ? -1 : width, at);
    at += 4;
    if (value === null) continue;
    write(buffer, value, at);
    at += width;
  }
  return buffer.subarray(0, at);
}

export function textArray(values: readonly (string | null)[]): Buffer {
  if (values.length === 0) return emptyArray(oid.text);
  let bytes = values.length * 4;
  let nulls = false;
  for (const value of values) {
    if (value === null) nulls = true;
    else bytes += Buffer.byteLength(value);
  }
  const buffer = allocate(oid.text, values.length, bytes, nulls);
  let at = headerBytes;
  for (const value of values) {
    if (value === null) {
      at = buffer.writeInt32BE(-1, at);
      continue;
    }
    const length = buffer.write(value, at + 4);
    buffer.writeInt32BE(length, at);
    at += 4 + length;
  }
  return buffer;
}

export function byteaArray(values: readonly (Uint8Array | null)[]): Buffer {
  if (values.length === 0) return emptyArray(oid.bytea);
  let bytes = values.length * 4;
  let nulls = false;
  for (const value of values) {
    if (value === null) nulls = true;
    else bytes += value.length;
  }
  const buffer = allocate(oid.bytea, values.length, bytes, nulls);
  let at = headerBytes;
  for (const value of values) {
    at = buffer.writeInt32BE(value === null ? -1 : value.length, at);
    if (value === null) continue;
    buffer.set(value, at);
    at += value.length;
  }
  return buffer;
}

/** Hexadecimal texts (hashes) as `bytea[]`. */
export function hexArray(values: readonly string[]): Buffer {
  if (values.length === 0) return emptyArray(oid.bytea);
  const bytes = values.reduce((sum, value) => sum + 4 + value.length / 2, 0);
  const buffer = allocate(oid.bytea, values.length, bytes, false);
  let at = headerBytes;
  for (const value of values) {
    at = buffer.writeInt32BE(value.length / 2, at);
    at += buffer.write(value, at, 'hex');
  }
  return buffer;
}

function allocate(elementType: number, count: number, bytes: number, nulls: boolean): Buffer {
  const buffer = Buffer.allocUnsafe(headerBytes + bytes);
  buffer.writeInt32BE(1, 0);
  buffer.writeInt32BE(nulls ? 1 : 0, 4);
  buffer.writeInt32BE(elementType, 8);
  buffer.writeInt32BE(count, 12);
  buffer.writeInt32BE(1, 16);
  return buffer;
}

function emptyArray(elementType: number): Buffer {
  const buffer = Buffer.alloc(12);
  buffer.writeInt32BE(elementType, 8);
  return buffer;
}
