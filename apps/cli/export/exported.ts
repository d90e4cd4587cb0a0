/** A history in somebody else's form. */
export interface Exported {
  readonly text: string;
  /** Operations of the history that are in it. */
  readonly operations: number;
  /** Operations that the form cannot tell. */
  readonly leftOut: number;
}
