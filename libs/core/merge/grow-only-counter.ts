import { counterOf, type Counter, type CounterChange } from './counter.js';
import type { MergePolicy } from './policy.js';

/** A counter that only grows: it refuses a negative increment, also from a peer. Otherwise as `counter`. */
export function growOnlyCounter(): MergePolicy<Counter, CounterChange> {
  return counterOf('grow-only-counter', 0);
}
