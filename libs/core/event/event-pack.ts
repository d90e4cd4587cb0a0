/**
 * A run of contiguous events of one stream as one Kafka record: what a broker and a client pay per record is then paid
 * once per run, and so is the MAC.
 *
 * Form: one byte 0x01, then for each event four bytes with the number of its bytes (big-endian), and its bytes. An event
 * alone is carried as it is: it begins with `{`, so the first byte tells the two apart.
 */
const packVersion = 0x01;
const lengthBytes = 4;

/** Bytes that one more event adds to a pack besides its own. */
export const packOverheadBytes = lengthBytes;

/** @param events at least one, each the bytes of an event in its canonical form. */
export function packEvents(events: readonly Uint8Array[]): Uint8Array {
  const [only] = events;
  if (events.length === 1 && only) return only;
  const size = events.reduce((sum, bytes) => sum + lengthBytes + bytes.length, 1);
  const pack = new Uint8Array(size);
  pack[0] = packVersion;
  let at = 1;
  for (const bytes of events) {
    const { length } = bytes;
    pack[at] = length >>> 24;
    pack[at + 1] = length >>> 16;
    pack[at + 2] = length >>> 8;
    pack[at + 3] = length;
    pack.set(bytes, at + lengthBytes);
    at += lengthBytes + length;
  }
  return pack;
}

/** The bytes of each event of a record, as parts of the record's own; `undefined` when it is cut off or malformed. */
export function unpackEvents(record: Uint8Array): readonly Uint8Array[] | undefined {
  if (record[0] !== packVersion) return [record];
  const events: Uint8Array[] = [];
  let at = 1;
  while (at < record.length) {
    if (at + lengthBytes > record.length) return undefined;
    const from = at + lengthBytes;
    const to = from + lengthAt(record, at);
    if (to === from || to > record.length) return undefined;
    events.push(record.subarray(from, to));
    at = to;
  }
  return events.length > 0 ? events : undefined;
}

function lengthAt(record: Uint8Array, at: number): number {
  const byte = (place: number): number => record[at + place] ?? 0;
  return ((byte(0) << 24) | (byte(1) << 16) | (byte(2) << 8) | byte(3)) >>> 0;
}
