import { regionOf, sameDot, type Actor, type Dot } from '#core/causality/dot.js';
import { isBoundedCounter } from '#core/merge/bounded-counter.js';
import { votersAgainst, type Closing } from '#core/merge/closings.js';
import type { EntityState } from '#core/merge/entity-state.js';
import type { EntityType } from '#core/merge/entity-type.js';
import { held, holders, type Rights } from '#core/merge/rights.js';

/** The rights lease of a type's bounded counters, in milliseconds: all have the same. */
export function leaseOf(type: EntityType | undefined): number | undefined {
  for (const { policy } of type?.fields.values() ?? [])
    if (isBoundedCounter(policy)) return policy.leaseMillis;
  return undefined;
}

function* rightsIn(type: EntityType, state: EntityState): Generator<Rights> {
  for (const [field, { policy }] of type.fields) {
    const rights = isBoundedCounter(policy) ? state.fields.get(field) : undefined;
    if (rights !== undefined) yield rights as Rights;
  }
}

/** A closing goes over all counters of an entity at once; so one of them tells of all. */
export function closingsIn(type: EntityType, state: EntityState): readonly Closing[] {
  for (const rights of rightsIn(type, state)) if (rights.closing.open.length > 0) return rights.closing.open;
  return [];
}

/** Regions whose agreement the actor cannot count on. */
export function votersIn(type: EntityType, state: EntityState, actor: Actor): readonly string[] {
  const voters = [...rightsIn(type, state)].flatMap(({ closing }) => votersAgainst(closing, actor));
  return voters.map(regionOf);
}

/** Whether a reclaim has left the event out: its change of the counters has no effect anywhere, for ever. */
export function isLeftOutIn(type: EntityType, state: EntityState, dot: Dot): boolean {
  for (const { closing } of rightsIn(type, state))
    if (closing.leftOut.some((one) => sameDot(one, dot))) return true;
  return false;
}

/** Actors of a region that hold rights to any counter of the entity, and how many of all together. */
export function holdersOf(
  type: EntityType,
  state: EntityState,
  region: string,
): ReadonlyMap<Actor, { readonly spend: number; readonly increment: number }> {
  const found = new Map<Actor, { readonly spend: number; readonly increment: number }>();
  for (const [field, { policy }] of type.fields) {
    const rights = isBoundedCounter(policy) ? (state.fields.get(field) as Rights | undefined) : undefined;
    if (rights === undefined || !isBoundedCounter(policy)) continue;
    for (const actor of holders(rights)) {
      if (regionOf(actor) !== region) continue;
      const before = found.get(actor) ?? { spend: 0, increment: 0 };
      const spend = before.spend + Number(held(rights, policy.start, actor, 'spend'));
      const increment = before.increment + Number(held(rights, policy.start, actor, 'increment'));
      if (spend + increment > 0) found.set(actor, { spend, increment });
    }
  }
  return found;
}
