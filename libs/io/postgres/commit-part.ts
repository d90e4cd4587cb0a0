import type { Actor } from '#core/causality/dot.js';
import type { ShardCommit } from '#flow/ports/event-log.js';
import { byteaArray, hexArray, int2Array, int4Array, int8Array, textArray } from './binary-array.js';

/** How a column travels: as one array in binary format. `hex` is text here and bytes there. */
const encoders = {
  int2: int2Array,
  int4: int4Array,
  int8: int8Array,
  text: textArray,
  bytea: byteaArray,
  hex: hexArray,
};

export type ColumnType = keyof typeof encoders;
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

export function encodeColumn(type: ColumnType, cells: readonly Cell[]): Buffer {
  return (encoders[type] as (values: readonly Cell[]) => Buffer)(cells);
}

export function sqlArrayType(type: ColumnType): string {
  return `${type === 'hex' ? 'bytea' : type}[]`;
}

/** Rows are kept when the fence of their shard matched. An array is searched once per row; a join would start anew for each shard. */
export const fenced = 'new.shard = any ((select array_agg(shard) from fence)::int2[])';
