import { assert } from '../assert.js';
import type { Dot } from '../causality/dot.js';
import { includes, type VersionVector } from '../causality/version-vector.js';
import type { Json, JsonObject } from '../json.js';
import { readBoundedChange, writeBoundedChange, type BoundedChange } from './bounded-change.js';
import { decideBounded } from './bounded-decide.js';
import { addExactly, shownSum } from './exact-sum.js';
import { closed, leftOut } from './closings.js';
import { isLeftOut, leftOutOf } from './left-out.js';
import { split, type Here, type MergePolicy, type Split, type Stamped } from './policy.js';
import {
  credit,
  decodeRights,
  encodeRights,
  held,
  holders,
  noRights,
  sumOf,
  usable,
  withHold,
  withOpener,
  withoutHold,
  withUnsettled,
  type CounterBounds,
  type Rights,
  type Side,
  type StartRights,
} from './rights.js';

/** What a bounded counter lets others look at: who holds what, and what is set aside. */
export interface BoundedCounterPolicy extends MergePolicy<Rights, BoundedChange> {
  readonly bounds: CounterBounds;
  readonly start: StartRights;
  /**
   * The rights lease, in milliseconds: an actor uses rights only while it knows what a majority of the regions had minted
   * no longer ago than this, so that others may take the rights of a silent one over. Absent: never from silence.
   */
  readonly leaseMillis?: number;
}

/** Operations that regions send themselves and each other; a client's are refused. */
const ownOperations: ReadonlySet<string> = new Set([
  'open',
  'grant',
  'expire',
  'stand',
  'vote',
  'reclaim',
  'yield',
]);

/**
 * A counter that no region can ever see out of its bounds (INV-12). What may still be spent is divided among the regions
 * as rights: each spends what it holds without asking anybody, and hands rights on by events.
 *
 * A retried command may turn out to be an alias later: then it takes back what it had used, and the rights that it had
 * made vanish. So rights made outside the birth region of their command are not used before the event is stable, for
 * then all copies are known (PROTOCOL §5). A delete ends the life of the counter: everything that had not seen it goes
 * with it, and the next life begins only once the delete is stable, when nothing of the old one can still arrive (§11).
 *
 * Source: Balegas et al., "Extending Eventually Consistent Cloud Databases for Enforcing Numeric Invariants", 2015,
 * arXiv:1503.09052; after O'Neil, "The Escrow Transactional Method", 1986.
 */
export function boundedCounter(
  bounds: CounterBounds,
  { leaseMillis }: { readonly leaseMillis?: number } = {},
): BoundedCounterPolicy {
  const { min, max } = bounds;
  const kind: Kind = { hasMaximum: max !== undefined, isLeased: leaseMillis !== undefined };
  assert(max === undefined || max > min, 'the maximum of a bounded counter lies above its minimum');
  const first = Math.min(Math.max(0, min), max ?? Infinity);
  const start: StartRights = { spend: first - min, increment: max === undefined ? 0 : max - first };

  const policy: BoundedCounterPolicy = {
    name: 'bounded-counter',
    version: 1,
    description: {
      ...{ name: 'bounded-counter', version: 1, min, max: max ?? null },
      ...(leaseMillis !== undefined && { leaseMillis }),
    },
    foldsAliases: false,
    replacesObserved: false,
    endsWithDelete: true,
    ownOperations,
    bounds,
    start,
    ...(leaseMillis !== undefined && { leaseMillis }),

    initial: () => noRights,
    decide: (rights, operation, stamp) =>
      decideBounded({ rights, start, bounds, leaseMillis }, operation, stamp),
    readChange: readBoundedChange,
    writeChange: writeBoundedChange,

    apply: (rights, stamped) => (stamped.effective ? applied(rights, stamped, kind) : rights),
    take: () => noRights,
    fold: (log) => folded(log, kind),
    reach: () => ({ place: [], takes: 'nothing' }),

    conflicts: () => false,
    conflictKey: () => undefined,

    value: (rights) =>
      shown(rights, {
        rights: Object.fromEntries(
          holders(rights).map((actor) => [actor, shownSum(held(rights, start, actor, 'spend'))]),
        ),
      }),
    valueHere: (rights, here) => shown(rights, { rightsHere: usableHere(rights, here) }),
    encode: encodeRights,
    decode: decodeRights,
  };

  function shown(rights: Rights, more: JsonObject): Json {
    const value = shownSum(addExactly(sumOf(rights, start, 'spend'), min));
    const reserved = rights.holds.reduce((sum, { by }) => sum + by, 0);
    return { value, ...more, ...(reserved > 0 && { reserved }) };
  }

  function usableHere(rights: Rights, { actor, isStable }: Here): number {
    return usable(rights, start, { actor, side: 'spend', isStable });
  }

  return policy;
}

/** Whether a policy is a bounded counter, by its name: a custom policy cannot have it. */
export function isBoundedCounter(policy: { readonly name: string }): policy is BoundedCounterPolicy {
  return policy.name === 'bounded-counter';
}

interface Kind {
  readonly hasMaximum: boolean;
  readonly isLeased: boolean;
}

/**
 * A reclaim leaves out what its victim did without knowing of it. The sums cannot tell that apart, so the field is folded
 * again from its log: it is rare.
 */
function applied(rights: Rights, stamped: Stamped<BoundedChange>, kind: Kind): Rights | Split {
  if (stamped.change.deed.kind === 'reclaim') return split;
  if (isLeftOut(rights.closing.reclaimed, stamped)) return withLeftOut(rights, stamped.dot);
  return changed(rights, stamped, kind);
}

function folded(log: readonly Stamped<BoundedChange>[], kind: Kind): Rights {
  const out = leftOutOf(log);
  let rights = noRights;
  for (const stamped of log) {
    if (!stamped.effective) continue;
    rights = out.has(stamped) ? withLeftOut(rights, stamped.dot) : changed(rights, stamped, kind);
  }
  return rights;
}

function withLeftOut(rights: Rights, dot: Dot): Rights {
  return { ...rights, closing: leftOut(rights.closing, dot) };
}

function changed(rights: Rights, stamped: Stamped<BoundedChange>, kind: Kind): Rights {
  const { change, dot } = stamped;
  const settled = change.settled === undefined ? rights : settle(rights, dot, change.settled);
  return done(settled, stamped, kind);
}

/** The event's actor knows that these rights of its own are stable: they are no longer told apart. */
function settle(rights: Rights, { actor }: Dot, stable: VersionVector): Rights {
  const [opener] = rights.openers;
  return {
    ...rights,
    unsettled: rights.unsettled.filter(({ to, dot }) => to !== actor || !includes(stable, dot)),
    openedForGood: rights.openedForGood || (opener?.actor === actor && includes(stable, opener)),
  };
}

function done(
  rights: Rights,
  { change, dot }: Stamped<BoundedChange>,
  { hasMaximum, isLeased }: Kind,
): Rights {
  const { deed, elsewhere } = change;
  // Under a lease a transfer may still be left out: its receiver uses it once it is known to count.
  const isUnsettled = elsewhere || (isLeased && deed.kind === 'transfer');
  const use = (from: Rights, side: Side, by: number): Rights =>
    side === 'increment' && !hasMaximum ? from : credit(from, { actor: dot.actor, side, by: -by });
  const make = (from: Rights, to: string, side: Side, by: number): Rights => {
    if (side === 'increment' && !hasMaximum) return from;
    const made = credit(from, { actor: to, side, by });
    return isUnsettled ? withUnsettled(made, { dot, to, side, by }) : made;
  };
  switch (deed.kind) {
    case 'open':
      return withOpener(rights, dot);
    case 'increment':
      return make(use(rights, 'increment', deed.by), dot.actor, 'spend', deed.by);
    case 'spend':
      return make(use(rights, 'spend', deed.by), dot.actor, 'increment', deed.by);
    case 'transfer':
      return make(use(rights, deed.side, deed.by), deed.to, deed.side, deed.by);
    case 'reserve': {
      const { by, untilMillis } = deed;
      return withHold(use(rights, 'spend', by), { dot, by, untilMillis, elsewhere });
    }
    case 'confirm':
    case 'cancel': {
      const out = withoutHold(rights, deed.hold);
      if (out === undefined) return rights;
      return make(out.rights, dot.actor, deed.kind === 'confirm' ? 'increment' : 'spend', out.hold.by);
    }
    case 'reclaim': {
      let moved = { ...rights, closing: closed(rights.closing, deed, dot) };
      for (const side of ['spend', 'increment'] as const) {
        if (deed[side] === 0) continue;
        moved = credit(moved, { actor: deed.of, side, by: -deed[side] });
        moved = credit(moved, { actor: dot.actor, side, by: deed[side] });
      }
      return moved;
    }
    case 'stand':
    case 'vote':
    case 'yield':
      return { ...rights, closing: closed(rights.closing, deed, dot) };
  }
}
