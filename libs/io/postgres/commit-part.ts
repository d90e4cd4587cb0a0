import type { Actor } from '#core/causality/dot.js';
import type { ShardCommit } from '#flow/ports/event-log.js';
import {
  writeByteaArray,
  writeHexArray,
  writeInt2Array,
  writeInt4Array,
  writeInt8Array,
  writeTextArray,
  writeUtf8Array,
  type ArrayWriter,
} from './binary-array.js';
import type { GrowingBytes } from './growing-bytes.js';

/** How a column travels: as one array in binary format. `hex` and `utf8` are text here and bytes there. */
const writers = {
  int2: writeInt2Array,
  int4: writeInt4Array,
  int8: writeInt8Array,
  text: writeTextArray,
  bytea: writeByteaArray,
  hex: writeHexArray,
  utf8: writeUtf8Array,
};

export type ColumnType = keyof typeof writers;
export type Cell = number | string | Uint8Array | null;
export type ActorNumber = (actor: Actor) => number;

/** One kind of row that a batch writes: the columns that carry it, and the statement part that stores it. */
export interface CommitPart {
  /** Its name within the statement. */
  readonly name: string;
  /** Empty in most batches: left out of the lean statement. */
  readonly rare: boolean;
  readonly columns: readonly (readonly [name: string, type: ColumnType])[];
  /** `rows` is the set of rows with these columns, called `new`. */
  readonly sql: (rows: string) => string;
  readonly gather: (commit: ShardCommit, numberOf: ActorNumber, push: (...row: Cell[]) => void) => void;
}

export function writeColumn(to: GrowingBytes, type: ColumnType, cells: readonly Cell[]): void {
  (writers[type] as ArrayWriter<Cell>)(to, cells);
}

export function sqlArrayType(type: ColumnType): string {
  return `${type === 'hex' || type === 'utf8' ? 'bytea' : type}[]`;
}

/** Rows are kept when the fence of their shard matched. An array is searched once per row; a join would start anew for each shard. */
export const fenced = 'new.shard = any ((select array_agg(shard) from fence)::int2[])';
