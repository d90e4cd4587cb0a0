import { assert } from '../assert.js';
import type { Actor } from '../causality/dot.js';
import { seqOf } from '../causality/version-vector.js';
import { isBefore, type Command } from './copies.js';
import { fieldOf } from './entity-fold.js';
import type { EntityType } from './entity-type.js';
import type { AnyPolicy } from './policy.js';

/** The field of pairs between a delete and an update: a delete is on every field (PROTOCOL §4). */
export const everyField = '*';

/** What one command did to one field, as far as it can be in conflict there. */
export interface Footprint {
  readonly command: Command;
  readonly field: string;
  /** Its changes by conflict key; those that conflict with none are left out. */
  readonly changes: ReadonlyMap<string, readonly unknown[]>;
  /** The lanes in which it can meet a partner: its own conflict keys; on `*` a delete looks for updates and back. */
  readonly meets: readonly string[];
}

/** Footprints of one field and conflict key, by actor and in order of seq. */
export interface Lane {
  readonly entries: Footprint[];
  /** Whether none of its commands has an alias: then causality is a matter of seqs alone. */
  simple: boolean;
}

export type Lanes = ReadonlyMap<string, ReadonlyMap<string, ReadonlyMap<Actor, Lane>>>;

/** A command's footprints: one per field that it changed, and one on `*`. */
export function footprintsOf(type: EntityType, command: Command): readonly Footprint[] {
  const { kind, changes } = command.survivor;
  const onEveryField: Footprint = {
    command,
    field: everyField,
    changes: new Map([[kind, []]]),
    meets: [kind === 'delete' ? 'update' : 'delete'],
  };
  const byField = new Map<string, Map<string, unknown[]>>();
  for (const { field, change: json } of changes) {
    const { policy } = fieldOf(type, field);
    const change: unknown = policy.readChange(json);
    assert(change !== undefined, 'INV-14: a change is checked before its event is folded');
    const key = policy.conflictKey(change);
    if (key === undefined) continue;
    const byKey = byField.get(field) ?? new Map<string, unknown[]>();
    byField.set(field, byKey.set(key, [...(byKey.get(key) ?? []), change]));
  }
  const footprints = [...byField].map(([field, byKey]) => ({
    command,
    field,
    changes: byKey,
    meets: [...byKey.keys()],
  }));
  return [onEveryField, ...footprints];
}

/** Lanes of the given footprints, whatever their order. */
export function lanesOf(footprints: Iterable<Footprint>): Lanes {
  const lanes = new Map<string, Map<string, Map<Actor, Lane>>>();
  for (const footprint of footprints) {
    const ofField = getOrPut(lanes, footprint.field, () => new Map<string, Map<Actor, Lane>>());
    for (const key of footprint.changes.keys()) {
      const ofKey = getOrPut(ofField, key, () => new Map<Actor, Lane>());
      const lane = getOrPut(ofKey, actorOf(footprint), () => ({ entries: [] as Footprint[], simple: true }));
      lane.entries.push(footprint);
      if (footprint.command.copies.length > 1) lane.simple = false;
    }
  }
  for (const ofField of lanes.values()) {
    for (const ofKey of ofField.values()) {
      for (const { entries } of ofKey.values()) entries.sort((a, b) => seqOfFootprint(a) - seqOfFootprint(b));
    }
  }
  return lanes;
}

/** The earliest footprint of another actor, on the same field, that is concurrent and does not commute. */
export function earliestPartner(
  of: Footprint,
  actor: Actor,
  lanes: Lanes,
  policy: AnyPolicy | undefined,
): Footprint | undefined {
  let earliest: Footprint | undefined;
  for (const key of of.meets) {
    const lane = lanes.get(of.field)?.get(key)?.get(actor);
    const found = lane === undefined ? undefined : earliestIn(lane, { of, key, actor, policy });
    if (found === undefined) continue;
    if (earliest === undefined || seqOfFootprint(found) < seqOfFootprint(earliest)) earliest = found;
  }
  return earliest;
}

interface Search {
  readonly of: Footprint;
  readonly key: string;
  readonly actor: Actor;
  readonly policy: AnyPolicy | undefined;
}

/**
 * Without aliases the concurrent footprints of one actor are a contiguous run: it starts above what the context holds
 * and ends where the actor has heard of us.
 */
function earliestIn(lane: Lane, { of, key, actor, policy }: Search): Footprint | undefined {
  const { command } = of;
  const simple = lane.simple && command.copies.length === 1;
  let at = simple ? firstAbove(lane.entries, seqOf(command.survivor.context, actor)) : 0;
  for (; at < lane.entries.length; at += 1) {
    const other = lane.entries[at] as Footprint;
    if (isBefore(command, other.command)) {
      if (simple) return undefined;
      continue;
    }
    if (!simple && isBefore(other.command, command)) continue;
    if (clash(of, other, key, policy)) return other;
  }
  return undefined;
}

/** Whether two footprints do not commute under one conflict key; on `*` a lane holds only the other kind. */
function clash(a: Footprint, b: Footprint, key: string, policy: AnyPolicy | undefined): boolean {
  if (policy === undefined) return true;
  const theirs = b.changes.get(key) ?? [];
  return (a.changes.get(key) ?? []).some((one) => theirs.some((other) => policy.conflicts(one, other)));
}

/** Whether two footprints of one field do not commute. */
export function clashAnywhere(a: Footprint, b: Footprint, policy: AnyPolicy | undefined): boolean {
  return a.meets.some((key) => b.changes.has(key) && clash(a, b, key, policy));
}

function firstAbove(entries: readonly Footprint[], seq: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (seqOfFootprint(entries[middle] as Footprint) <= seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function actorOf({ command }: Footprint): Actor {
  return command.survivor.dot.actor;
}

export function seqOfFootprint({ command }: Footprint): number {
  return command.survivor.dot.seq;
}

function getOrPut<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
