import { idsFrom, type ClockRange, type IdRange, type IdRanges } from './id-ranges.js';
import { decodeUtf8, utf16LengthOf } from './text-utf8.js';

/** Name of the one root of a document: what a client edits is `doc.getText('text')`. */
export const textRoot = 'text';

/** One update: a large paste, with room for base64 within the limit of a command. */
export const updateBytesMax = 640 * 1024;

/** Far beyond any document, far below where a double loses integers. */
const clockMax = 2 ** 40;

export interface ItemId {
  readonly client: number;
  readonly clock: number;
}

/** A run of characters that were typed together, or that are deleted. */
export interface TextItem {
  readonly id: ItemId;
  /** UTF-16 code units. */
  readonly length: number;
  readonly isDeleted: boolean;
  readonly origin: ItemId | undefined;
  readonly rightOrigin: ItemId | undefined;
  /** Where its characters lie in the update. Deleted items have none. */
  readonly bytes: ClockRange | undefined;
}

/** A yjs update, taken apart. Items of one client follow each other without a gap. */
export interface TextUpdate {
  readonly bytes: Uint8Array;
  readonly items: readonly TextItem[];
  /** All items it carries, new or not. */
  readonly carried: IdRanges;
  /** The items among them that it carries as deleted. */
  readonly carriedDeleted: IdRanges;
  /** All that it deletes: its delete set, and the items that it carries as deleted. */
  readonly deleted: IdRanges;
  /** Offset of the delete set, which is its last part. */
  readonly deleteSetAt: number;
}

/**
 * Reads a yjs update (version 1) of a plain text; `undefined` for anything else, whatever the bytes.
 *
 * yjs itself trusts an update: it allocates by announced counts, and takes any type of content under any name. Here only
 * runs of characters and deleted items under the one root are let in, so that what an update does is known before any
 * document sees it (INV-14).
 */
export function readTextUpdate(bytes: Uint8Array): TextUpdate | undefined {
  if (bytes.length > updateBytesMax) return undefined;
  const cursor: Cursor = { bytes, at: 0, isValid: true };
  const items = readItems(cursor);
  const deleteSetAt = cursor.at;
  const deleteSet = readDeleteSet(cursor);
  if (!cursor.isValid || cursor.at !== bytes.length) return undefined;
  const deletedItems = items.filter(({ isDeleted }) => isDeleted).map(rangeOf);
  return {
    bytes,
    items,
    carried: idsFrom(items.map(rangeOf)),
    carriedDeleted: idsFrom(deletedItems),
    deleted: idsFrom([...deleteSet, ...deletedItems]),
    deleteSetAt,
  };
}

function rangeOf({ id, length }: TextItem): IdRange {
  return { client: id.client, clocks: [id.clock, id.clock + length] };
}

/** The characters of an item, one code unit per clock. */
export function charactersOf(update: TextUpdate, { bytes }: TextItem): string {
  return bytes === undefined ? '' : decodeUtf8(update.bytes.subarray(...bytes));
}

/** The same items, without what it deletes beside them. */
export function withoutDeletions({ bytes, deleteSetAt }: TextUpdate): Uint8Array {
  const kept = new Uint8Array(deleteSetAt + 1);
  kept.set(bytes.subarray(0, deleteSetAt));
  return kept;
}

/** An update that carries no items and deletes these; `undefined` when there are none. */
export function deletionOf(ids: IdRanges): Uint8Array | undefined {
  if (ids.size === 0) return undefined;
  const bytes: number[] = [0];
  writeCount(bytes, ids.size);
  for (const client of [...ids.keys()].sort((a, b) => b - a)) {
    const ranges = ids.get(client) ?? [];
    writeCount(bytes, client);
    writeCount(bytes, ranges.length);
    for (const [from, to] of ranges) {
      writeCount(bytes, from);
      writeCount(bytes, to - from);
    }
  }
  return Uint8Array.from(bytes);
}

/** The update that changes nothing. */
export const emptyUpdate = Uint8Array.of(0, 0);

interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
  /** Once false, what was read since is meaningless. */
  isValid: boolean;
}

function readItems(cursor: Cursor): readonly TextItem[] {
  const items: TextItem[] = [];
  const clients = new Set<number>();
  for (let groups = readCount(cursor); groups > 0 && cursor.isValid; groups -= 1) {
    let count = readCount(cursor);
    const client = readCount(cursor);
    let clock = readCount(cursor);
    if (count === 0 || clients.has(client)) cursor.isValid = false;
    clients.add(client);
    for (; count > 0 && cursor.isValid; count -= 1) {
      const item = readItem(cursor, { client, clock });
      items.push(item);
      clock += item.length;
      if (clock > clockMax) cursor.isValid = false;
    }
  }
  return items;
}

const content = { deleted: 1, string: 4 } as const;
const hasOrigin = 0x80;
const hasRightOrigin = 0x40;

function readItem(cursor: Cursor, id: ItemId): TextItem {
  const info = readByte(cursor);
  const origin = (info & hasOrigin) === 0 ? undefined : readId(cursor);
  const rightOrigin = (info & hasRightOrigin) === 0 ? undefined : readId(cursor);
  if (origin === undefined && rightOrigin === undefined) readRoot(cursor);
  if (isAhead(origin, id) || isAhead(rightOrigin, id)) cursor.isValid = false;
  const kind = info & ~(hasOrigin | hasRightOrigin);
  if (kind === content.deleted) {
    const length = readCount(cursor);
    if (length === 0) cursor.isValid = false;
    return { id, length, isDeleted: true, origin, rightOrigin, bytes: undefined };
  }
  if (kind !== content.string) cursor.isValid = false;
  const bytes = readText(cursor);
  const length = cursor.isValid ? utf16LengthOf(cursor.bytes.subarray(...bytes)) : undefined;
  if (length === undefined || length === 0) cursor.isValid = false;
  return { id, length: length ?? 0, isDeleted: false, origin, rightOrigin, bytes };
}

/** A client's items can only refer to those it made before; yjs would look for the others in vain, and throw. */
function isAhead(reference: ItemId | undefined, id: ItemId): boolean {
  return reference !== undefined && reference.client === id.client && reference.clock >= id.clock;
}

function readRoot(cursor: Cursor): void {
  const isNamed = readCount(cursor) === 1;
  const name = cursor.bytes.subarray(...readText(cursor));
  // Compared as bytes: what a stranger calls its root need not even be UTF-8.
  const isOurs = name.length === rootBytes.length && name.every((byte, at) => byte === rootBytes[at]);
  if (!isNamed || !isOurs) cursor.isValid = false;
}

const rootBytes = Uint8Array.from(textRoot, (letter) => letter.charCodeAt(0));

/** Ranges of a client ascend and none is empty, as yjs writes them: what it cannot apply yet it writes again, by their differences. */
function readDeleteSet(cursor: Cursor): readonly IdRange[] {
  const ranges: IdRange[] = [];
  for (let groups = readCount(cursor); groups > 0 && cursor.isValid; groups -= 1) {
    const client = readCount(cursor);
    let last = 0;
    for (let count = readCount(cursor); count > 0 && cursor.isValid; count -= 1) {
      const from = readCount(cursor);
      const to = from + readCount(cursor);
      if (from < last || to === from || to > clockMax) cursor.isValid = false;
      ranges.push({ client, clocks: [from, to] });
      last = to;
    }
  }
  return ranges;
}

function readId(cursor: Cursor): ItemId {
  return { client: readCount(cursor), clock: readCount(cursor) };
}

/** Where a string of announced length lies. */
function readText(cursor: Cursor): ClockRange {
  const length = readCount(cursor);
  const from = cursor.at;
  if (length > cursor.bytes.length - from) cursor.isValid = false;
  else cursor.at += length;
  return [from, cursor.at];
}

function readByte(cursor: Cursor): number {
  const byte = cursor.bytes[cursor.at];
  cursor.at += 1;
  if (byte === undefined) cursor.isValid = false;
  return byte ?? 0;
}

/** An unsigned integer, seven bits a byte, the lowest first, in its shortest form. */
function readCount(cursor: Cursor): number {
  let value = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = readByte(cursor);
    value += (byte & 0x7f) * scale;
    if (value > Number.MAX_SAFE_INTEGER || (byte === 0 && scale > 1)) cursor.isValid = false;
    if (byte < 0x80 || !cursor.isValid) return cursor.isValid ? value : 0;
  }
}

function writeCount(bytes: number[], value: number): void {
  let left = value;
  while (left > 0x7f) {
    bytes.push(0x80 | (left % 128));
    left = Math.floor(left / 128);
  }
  bytes.push(left);
}
