import { regionOf } from '#core/causality/dot.js';
import type { EntityRef } from '#core/event/event.js';
import type { BoundedCounterPolicy } from '#core/merge/bounded-counter.js';
import { heldByRegion, sumOf, usable, type Rights, type Side, type Usable } from '#core/merge/rights.js';
import type { FieldOperation } from '../service.js';

/** One side of one bounded counter: what a region can be short of. */
export interface WantedRights {
  readonly entity: EntityRef;
  readonly shard: number;
  readonly field: string;
  readonly side: Side;
}

export function wantedKey({ entity, field, side }: WantedRights): string {
  return `${entity.type}/${entity.id} ${field} ${side}`;
}

/** What the folded state says of it, for this region. */
export interface RightsHere {
  readonly usable: number;
  /** Whether more is held here that only has to become stable, or that nobody has claimed yet. */
  readonly isComing: boolean;
  /** Whether nobody has claimed what the counter starts with. */
  readonly canOpen: boolean;
  readonly total: number;
  /** Other regions that hold some, the richest first. */
  readonly others: readonly { readonly region: string; readonly held: number }[];
}

export function rightsHere(
  policy: BoundedCounterPolicy,
  rights: Rights,
  { side, actor, isStable }: Usable,
): RightsHere {
  const { start } = policy;
  const mine = usable(rights, start, { actor, side, isStable });
  const regions = heldByRegion(rights, start, side);
  const own = regionOf(actor);
  const others = [...regions]
    .filter(([region, held]) => region !== own && held > 0)
    .map(([region, held]) => ({ region, held: Number(held) }))
    .sort((a, b) => b.held - a.held || (a.region < b.region ? -1 : 1));
  const canOpen = rights.openers.length === 0 && start[side] > 0;
  return {
    usable: mine,
    isComing: Number(regions.get(own) ?? 0) > mine,
    canOpen,
    total: Number(sumOf(rights, start, side)),
    others,
  };
}

/** How much the operations of one command take of one side of a field. */
export function neededBy(
  operations: readonly FieldOperation[],
  { field, side }: Pick<WantedRights, 'field' | 'side'>,
): number {
  let need = 0;
  for (const operation of operations) {
    if (operation.field === field && sideOf(operation) === side) need += Number(operation.by);
  }
  return need;
}

/** The side that an operation uses; `undefined` for those that use none. */
export function sideOf({ op, of }: FieldOperation): Side | undefined {
  if (op === 'spend' || op === 'reserve') return 'spend';
  if (op === 'increment') return 'increment';
  return op === 'transfer' ? (of === 'increment' ? 'increment' : 'spend') : undefined;
}
