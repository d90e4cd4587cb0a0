import { compareDots } from '../causality/dot.js';
import type { BoundedChange } from './bounded-change.js';
import type { Reclaimed } from './closings.js';
import type { Stamped } from './policy.js';

type Known = Pick<Stamped<BoundedChange>, 'dot' | 'covers'>;

type Change = Stamped<BoundedChange>;

/** A reclaim leaves out all that its victim did and neither of the two had seen of the other: also a reclaim of the victim's. */
interface Reclaim {
  readonly by: Change;
  readonly leavesOut: (one: Known) => boolean;
}

/**
 * What of a log is left out. A reclaim that is left out leaves nothing out itself. Reclaims that would leave each other out
 * in a circle cannot be while leases and votes are kept to; among those the least dot is taken first, so that all regions
 * agree even then.
 */
export function leftOutOf(log: readonly Change[]): ReadonlySet<Change> {
  const reclaims = log.flatMap((by): readonly Reclaim[] => {
    const { deed } = by.change;
    if (!by.effective || deed.kind !== 'reclaim') return [];
    const leavesOut = (one: Known): boolean =>
      one.dot.actor === deed.of && !one.covers(by.dot) && !by.covers(one.dot);
    return [{ by, leavesOut }];
  });
  if (reclaims.length === 0) return nothing;
  const counting = countingOf(reclaims);
  const isOut = (one: Change): boolean =>
    one.change.deed.kind === 'reclaim'
      ? !counting.some(({ by }) => by === one)
      : counting.some(({ leavesOut }) => leavesOut(one));
  return new Set(log.filter((one) => one.effective && isOut(one)));
}

const nothing: ReadonlySet<Change> = new Set();

function countingOf(reclaims: readonly Reclaim[]): readonly Reclaim[] {
  let open = [...reclaims].sort((a, b) => compareDots(a.by.dot, b.by.dot));
  const counting: Reclaim[] = [];
  while (open.length > 0) {
    const sure = open.filter((one) => !open.some((other) => other.leavesOut(one.by)));
    const chosen = sure.length > 0 ? sure : open.slice(0, 1);
    counting.push(...chosen);
    open = open.filter((one) => !chosen.includes(one) && !chosen.some(({ leavesOut }) => leavesOut(one.by)));
  }
  return counting;
}

/** The same of one event that comes after all that is folded: so no reclaim that is there had seen it. */
export function isLeftOut(reclaimed: readonly Reclaimed[], { dot, covers }: Known): boolean {
  return reclaimed.some((one) => one.of === dot.actor && !covers(one.dot));
}
