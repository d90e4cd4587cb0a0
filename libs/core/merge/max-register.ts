import { extremumOf, type Extremum, type ExtremumChange } from './extremum.js';
import type { MergePolicy } from './policy.js';

/**
 * A register that keeps the greatest number ever raised to. A lower one is accepted and changes nothing. `null` before
 * the first.
 *
 * Source: the max semilattice of Shapiro et al., "Conflict-free Replicated Data Types", 2011.
 */
export function maxRegister(): MergePolicy<Extremum, ExtremumChange> {
  return extremumOf({ name: 'max-register', op: 'raise', together: Math.max });
}
