/** A statement that is prepared once per connection, under its name. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  /**
   * Per column of the answer, whether it comes as it is stored: bytes that are UTF-8 become text without a detour over
   * hexadecimal digits. Only for `runBound`; absent: all come as Postgres writes them for people.
   */
  readonly asStored?: readonly boolean[];
}

export type Row = readonly unknown[];
