import { sameDot, type Actor, type Dot } from '../causality/dot.js';
import type { VersionVector } from '../causality/version-vector.js';
import type { Stamped } from './policy.js';

/**
 * Which contributions of a log the removals in it take: each that some removal's survivor had in its context (any
 * copy), one by one; within one event, those before the removal.
 *
 * @param log the changes of one place (a set's element, a map's key), those of one event in the order of its operations.
 * @returns per change, in order; `false` for the removals themselves and for aliases.
 */
export function takenBySeenRemovals<Change>(
  log: readonly Stamped<Change>[],
  isRemoval: (change: Change) => boolean,
): readonly boolean[] {
  const removals: number[] = [];
  // From the last: most of what is taken at all is taken by a late removal.
  for (let at = log.length - 1; at >= 0; at -= 1) {
    const { role, change } = log[at] as Stamped<Change>;
    if (role === 'survivor' && isRemoval(change)) removals.push(at);
  }
  return log.map(({ role, change, dot }, at) => {
    if (role === 'alias' || isRemoval(change)) return false;
    return removals.some((later) => {
      const removal = log[later] as Stamped<Change>;
      return sameDot(removal.dot, dot) ? later > at : removal.survivorCovers(dot);
    });
  });
}

/** Who touched a place, without those whose last touch the removal had seen. */
export function untaken(touched: VersionVector, taken: (dot: Dot) => boolean): VersionVector {
  const left = new Map<Actor, number>();
  for (const [actor, seq] of touched) if (!taken({ actor, seq })) left.set(actor, seq);
  return left;
}
