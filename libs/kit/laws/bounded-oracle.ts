import { compareDots, sameDot, type Actor } from '#core/causality/dot.js';
import type { Event } from '#core/event/event.js';
import { readBoundedChange, type BoundedDeed } from '#core/merge/bounded-change.js';
import type { CounterBounds } from '#core/merge/rights.js';
import type { Side } from '#core/merge/rights.js';
import { actsOf, concurrent, has, type Act } from './entity-oracle.js';

/** What a bounded counter means over a set of events, said once and without regard to cost. */
export interface CounterByDefinition {
  readonly value: number;
  readonly reserved: number;
  /** What each actor holds of each side; those who hold nothing are absent. */
  readonly rights: Readonly<Record<Side, ReadonlyMap<Actor, number>>>;
}

interface Done {
  readonly event: Event;
  readonly deed: BoundedDeed;
}

/** Without what an actor did that neither knew of a reclaim of its rights nor was known to it. */
function withoutLeftOut(alive: readonly Act[], field: string): readonly Act[] {
  const reclaims = alive.flatMap((act) =>
    act.survivor.changes.flatMap((one) => {
      const deed = one.field === field ? readBoundedChange(one.change)?.deed : undefined;
      return deed?.kind === 'reclaim' ? [{ act, of: deed.of }] : [];
    }),
  );
  const leavesOut = (reclaim: (typeof reclaims)[number], act: Act): boolean =>
    act.survivor.dot.actor === reclaim.of && concurrent(act, reclaim.act);
  // A reclaim that is left out leaves nothing out. Here, where no lease holds anybody back, they may do so in a circle.
  const byDot = reclaims.toSorted((a, b) => compareDots(a.act.survivor.dot, b.act.survivor.dot));
  const counting: typeof byDot = [];
  for (let open = byDot; open.length > 0;) {
    const sure = open.filter((one) => !open.some((other) => leavesOut(other, one.act)));
    const chosen = sure.length > 0 ? sure : open.slice(0, 1);
    counting.push(...chosen);
    open = open.filter((one) => !chosen.includes(one) && !chosen.some((other) => leavesOut(other, one.act)));
  }
  return alive.filter((act) => {
    const isReclaim = reclaims.some((one) => one.act === act);
    return isReclaim
      ? counting.some((one) => one.act === act)
      : !counting.some((reclaim) => leavesOut(reclaim, act));
  });
}

export function counterByDefinition(
  { min, max }: CounterBounds,
  field: string,
  events: readonly Event[],
): CounterByDefinition {
  const first = Math.min(Math.max(0, min), max ?? Infinity);
  const acts = actsOf(events);
  const deletes = acts.filter(({ survivor }) => survivor.kind === 'delete');
  const alive = acts.filter(({ survivor }) => deletes.every((one) => has(survivor.context, one)));
  const counting = withoutLeftOut(alive, field);
  const done = counting.flatMap(({ survivor }) =>
    survivor.changes
      .filter((change) => change.field === field)
      .flatMap(({ change }): readonly Done[] => {
        const read = readBoundedChange(change);
        return read === undefined ? [] : [{ event: survivor, deed: read.deed }];
      }),
  );
  const settles = done.flatMap(({ deed }) =>
    deed.kind === 'confirm' || deed.kind === 'cancel' ? [deed] : [],
  );
  const howSettled = (event: Event): 'confirm' | 'cancel' | undefined =>
    settles.find(({ hold }) => sameDot(hold, event.dot))?.kind;
  const side = { spend: new Map<Actor, number>(), increment: new Map<Actor, number>() };
  const add = (of: Side, actor: Actor, by: number): void => {
    if (of === 'increment' && max === undefined) return;
    side[of].set(actor, (side[of].get(actor) ?? 0) + by);
  };
  let value = first;
  let reserved = 0;
  for (const { event, deed } of done) {
    const { actor } = event.dot;
    if (deed.kind === 'increment') {
      value += deed.by;
      add('increment', actor, -deed.by);
      add('spend', actor, deed.by);
    } else if (deed.kind === 'spend' || (deed.kind === 'reserve' && howSettled(event) === 'confirm')) {
      value -= deed.by;
      add('spend', actor, -deed.by);
      add('increment', actor, deed.by);
    } else if (deed.kind === 'reserve' && howSettled(event) === undefined) {
      value -= deed.by;
      reserved += deed.by;
      add('spend', actor, -deed.by);
    } else if (deed.kind === 'transfer') {
      add(deed.side, actor, -deed.by);
      add(deed.side, deed.to, deed.by);
    } else if (deed.kind === 'reclaim') {
      for (const of of ['spend', 'increment'] as const) {
        add(of, deed.of, -deed[of]);
        add(of, actor, deed[of]);
      }
    }
  }
  const [opener] = done
    .filter(({ deed }) => deed.kind === 'open')
    .map(({ event }) => event.dot)
    .sort((a, b) => (a.actor < b.actor ? -1 : a.actor > b.actor ? 1 : a.seq - b.seq));
  if (opener) {
    add('spend', opener.actor, first - min);
    add('increment', opener.actor, (max ?? first) - first);
  }
  for (const sums of [side.spend, side.increment])
    for (const [actor, sum] of sums) if (sum === 0) sums.delete(actor);
  return { value, reserved, rights: side };
}
