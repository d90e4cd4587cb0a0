/** Time, passed in. The real one and the simulated one are the only two. */
export interface Clock {
  /** Milliseconds since 1970, as this machine believes. */
  wallMillis(): number;
  /** Milliseconds of a clock that never goes back; its origin means nothing. */
  monotonicMillis(): number;
  /**
   * Runs `action` once, `millis` from now, unless the returned function is called first. With 0: as soon as everything
   * that is ready now has run.
   */
  after(millis: number, action: () => void): () => void;
}

export function sleep(clock: Clock, millis: number): Promise<void> {
  return new Promise((resolve) => void clock.after(millis, resolve));
}
