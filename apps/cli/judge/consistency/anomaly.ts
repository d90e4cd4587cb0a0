/** What a history may break. */
export type Rule =
  | 'read-your-writes'
  | 'monotonic-reads'
  | 'monotonic-writes'
  | 'writes-follow-reads'
  | 'causal'
  | 'atomic-changes'
  /** A read shows a value that nobody wrote, or whose write was answered as failed. */
  | 'phantom'
  /** A value was older than the answer said. */
  | 'staleness'
  /** A value was older than the caller had allowed. */
  | 'bounded'
  | 'quorum'
  | 'bounds'
  | 'linearizable'
  /** The regions differ in the end, or lack an acknowledged write. */
  | 'converged';

/** One broken promise, in words that name the operations. */
export interface Anomaly {
  readonly rule: Rule;
  readonly what: string;
}
