import { assert } from '../assert.js';
import type { Actor } from '../causality/dot.js';
import type { Command } from './copies.js';
import { fieldOf } from './entity-fold.js';
import type { EntityType } from './entity-type.js';
import type { AnyPolicy } from './policy.js';

/** The field of pairs between a delete and an update: a delete is on every field (PROTOCOL §4). */
export const everyField = '*';

/** What one command did to one field, as far as it can be in conflict there. */
export interface Footprint {
  readonly command: Command;
  readonly field: string;
  /** `undefined` on `*`, where a delete and an update never commute, and two of a kind always do. */
  readonly policy: AnyPolicy | undefined;
  /** Its changes by conflict key; those that conflict with none are left out. */
  readonly changes: ReadonlyMap<string, readonly unknown[]>;
  /** The keys under which it can meet a partner: its own; on `*` a delete meets updates, and the reverse. */
  readonly meets: readonly string[];
}

const onlyDeletes: Footprint['changes'] = new Map([['delete', []]]);
const onlyUpdates: Footprint['changes'] = new Map([['update', []]]);

/** A command's footprints: one on `*`, and one per field where it did something that can be in conflict. */
export function footprintsOf(type: EntityType, command: Command): readonly Footprint[] {
  const isDelete = command.survivor.kind === 'delete';
  const footprints: Footprint[] = [
    {
      command,
      field: everyField,
      policy: undefined,
      changes: isDelete ? onlyDeletes : onlyUpdates,
      meets: isDelete ? ['update'] : ['delete'],
    },
  ];
  for (const field of new Set(command.survivor.changes.map((change) => change.field))) {
    const { policy } = fieldOf(type, field);
    const changes = changesByKey(policy, command, field);
    if (changes.size > 0) footprints.push({ command, field, policy, changes, meets: [...changes.keys()] });
  }
  return footprints;
}

function changesByKey(policy: AnyPolicy, { survivor }: Command, field: string): Footprint['changes'] {
  const byKey = new Map<string, unknown[]>();
  for (const { field: name, change: json } of survivor.changes) {
    if (name !== field) continue;
    const change: unknown = policy.readChange(json);
    assert(change !== undefined, 'INV-14: a change is checked before its event is folded');
    const key = policy.conflictKey(change);
    if (key === undefined) continue;
    const sameKey = byKey.get(key);
    if (sameKey === undefined) byKey.set(key, [change]);
    else sameKey.push(change);
  }
  return byKey;
}

/** Whether two footprints that meet under a key do not commute there. */
export function clash(a: Footprint, b: Footprint, key: string): boolean {
  const { policy } = a;
  if (policy === undefined) return true;
  const theirs = b.changes.get(key) ?? [];
  return (a.changes.get(key) ?? []).some((one) => theirs.some((other) => policy.conflicts(one, other)));
}

export function actorOf({ command }: Footprint): Actor {
  return command.survivor.dot.actor;
}

export function seqOfFootprint({ command }: Footprint): number {
  return command.survivor.dot.seq;
}
