import { extremumOf, type Extremum, type ExtremumChange } from './extremum.js';
import type { MergePolicy } from './policy.js';

/** A register that keeps the least number ever lowered to. Otherwise as `maxRegister`. */
export function minRegister(): MergePolicy<Extremum, ExtremumChange> {
  return extremumOf({ name: 'min-register', op: 'lower', together: Math.min });
}
