import type { Actor } from '../causality/dot.js';
import { covers } from '../causality/version-vector.js';
import { knows, observed, type Command } from './copies.js';
import { fieldOf } from './entity-fold.js';
import type { EntityType } from './entity-type.js';
import type { AnyPolicy, Reach } from './policy.js';
import { placeKeys } from './taken.js';

/** A change of a field, read, and where it acts. */
export interface Reached {
  readonly change: unknown;
  readonly reach: Reach;
}

export interface UnobservedPartner {
  readonly field: string;
  readonly partner: Command;
}

/** Whether a command may have left values unobserved that were live in its context. */
export function mayLeaveUnobserved(type: EntityType, { survivor, copies }: Command): boolean {
  if (!survivor.changes.some(({ field }) => fieldOf(type, field).policy.replacesObserved)) return false;
  if (copies.length > 1) return true;
  return survivor.observed !== undefined && !covers(survivor.observed, survivor.context);
}

/**
 * For a multi-value write: per actor, its own too, the earliest value of the field that was live in its context and
 * that it had not observed (PROTOCOL §4).
 *
 * @param commands at least all that the write had in its context without observing it; with delete-wins, or where a
 *   command has aliases, all of the entity.
 */
export function unobservedPartners(
  type: EntityType,
  write: Command,
  commands: readonly Command[],
): readonly UnobservedPartner[] {
  if (!mayLeaveUnobserved(type, write)) return [];
  const { context } = write.survivor;
  const known = commands.filter((one) => one !== write && knows(context, one));
  const between = known.filter((one) => !observed(write, one));
  const deletes = (type.onDelete === 'delete-wins' ? known : between).filter(isDelete);
  const partners: UnobservedPartner[] = [];
  for (const field of new Set(write.survivor.changes.map((change) => change.field))) {
    const { policy } = fieldOf(type, field);
    if (!policy.replacesObserved) continue;
    const earliest = new Map<Actor, Command>();
    for (const value of between) {
      const { actor, seq } = value.survivor.dot;
      if (seq > (earliest.get(actor)?.survivor.dot.seq ?? Infinity)) continue;
      if (deletes.some((one) => isDeletedBy(type, value, one))) continue;
      if (meetsLive(type, { field, write, value, between })) earliest.set(actor, value);
    }
    for (const partner of earliest.values()) partners.push({ field, partner });
  }
  return partners;
}

export function isDelete({ survivor }: Command): boolean {
  return survivor.kind === 'delete';
}

export function isDeletedBy(type: EntityType, value: Command, by: Command): boolean {
  if (type.onDelete === 'delete-wins') return !knows(value.survivor.context, by);
  return knows(by.survivor.context, value);
}

interface Meeting {
  readonly field: string;
  readonly write: Command;
  readonly value: Command;
  readonly between: readonly Command[];
}

/** Whether the write stands in the place of a value that nothing in its context had replaced or taken. */
function meetsLive(type: EntityType, { field, write, value, between }: Meeting): boolean {
  const { policy } = fieldOf(type, field);
  const writes = valuesIn(policy, write, field);
  return valuesIn(policy, value, field).some(
    ({ change, reach }) =>
      writes.some((own) => samePlace(own.reach, reach) && policy.conflicts(own.change, change)) &&
      !between.some((later) => later !== value && ends(policy, { later, value, field, reach })),
  );
}

interface Ending {
  readonly later: Command;
  readonly value: Command;
  readonly field: string;
  readonly reach: Reach;
}

function ends(policy: AnyPolicy, { later, value, field, reach }: Ending): boolean {
  return readReached(policy, later, field).some((change) => {
    if (change.reach.takes === 'nothing') return samePlace(change.reach, reach) && observed(later, value);
    if (!isAtOrAbove(change.reach, reach)) return false;
    if (change.reach.takes === 'seen') return knows(later.survivor.context, value);
    return !knows(value.survivor.context, later);
  });
}

function valuesIn(policy: AnyPolicy, command: Command, field: string): readonly Reached[] {
  return readReached(policy, command, field).filter(({ reach }) => reach.takes === 'nothing');
}

/** What a command did to a field. */
export function readReached(policy: AnyPolicy, { survivor }: Command, field: string): readonly Reached[] {
  return survivor.changes
    .filter((change) => change.field === field)
    .map(({ change: json }) => {
      const change: unknown = policy.readChange(json);
      return { change, reach: policy.reach(change) };
    });
}

export function samePlace(a: Reach, b: Reach): boolean {
  return a.place.length === b.place.length && isAtOrAbove(a, b);
}

function isAtOrAbove(above: Reach, below: Reach): boolean {
  return placeKeys(below.place).includes(placeKeys(above.place).at(-1) ?? '');
}
