import { assert } from '../assert.js';
import { compareDots, formatDot, sameDot, type Actor, type Dot } from '../causality/dot.js';
import {
  covers,
  includes,
  meet,
  nothingSeen,
  seqOf,
  type VersionVector,
} from '../causality/version-vector.js';
import type { EntityRef, Event } from '../event/event.js';
import { commandsOf, isBefore, type Command } from './copies.js';
import { fieldOf } from './entity-fold.js';
import type { EntityState } from './entity-state.js';
import type { EntityType } from './entity-type.js';
import {
  actorOf,
  clashAnywhere,
  earliestPartner,
  everyField,
  footprintsOf,
  lanesOf,
  type Footprint,
} from './footprint.js';
import type { AnyPolicy } from './policy.js';
import { mayLeaveUnobserved, unobservedPartners } from './unobserved.js';

/** Two events of one field whose changes do not commute; `low` is the lower by `compareDots` (PROTOCOL §4). */
export interface ConflictPair {
  readonly entity: EntityRef;
  /** The field's name, or `*` for a delete and an update. */
  readonly field: string;
  readonly low: Dot;
  readonly high: Dot;
}

/** All folded events of the entity that are not in `above`, and perhaps more. */
export interface EntityTail {
  readonly above: VersionVector;
  readonly events: readonly Event[];
}

export interface ConflictsInput {
  readonly type: EntityType;
  readonly event: Event;
  /** Before the event is folded. */
  readonly state: EntityState;
  readonly tail: EntityTail;
}

export type FoundConflicts =
  | { readonly kind: 'pairs'; readonly pairs: readonly ConflictPair[] }
  /** The tail does not reach low enough: ask again with one that is complete above this vector. */
  | { readonly kind: 'needs'; readonly above: VersionVector };

/** The text from which io makes a conflict's id by a hash: the same in every region (INV-7). */
export function conflictKeyText({ low, high, field }: ConflictPair, shard: number): string {
  return `${formatDot(low, shard)}|${formatDot(high, shard)}|${field}`;
}

/**
 * The pairs that an event makes with those folded before it: with the earliest concurrent event of each other actor,
 * and with every event of which it is the earliest partner of its actor.
 *
 * Not for an event whose command has another copy in the state. That one may withdraw pairs, or pass them on: compare
 * `allConflicts` before and after it with `compareConflicts`.
 */
export function conflictsOf({ type, event, state, tail }: ConflictsInput): FoundConflicts {
  const arriving: Command = { survivor: event, copies: [event] };
  const lookBeside = mayBeConcurrent(type, event, state);
  const lookBack = mayLeaveUnobserved(type, arriving);
  if (!lookBeside && !lookBack) return { kind: 'pairs', pairs: [] };
  const floor = floorFor(type, { event, state, lookBack });
  if (!covers(floor, tail.above)) return { kind: 'needs', above: meet(floor, tail.above) };

  const before = commandsOf(tail.events.filter(({ dot }) => !sameDot(dot, event.dot)));
  const pairs = new PairSet(event.entity);
  for (const { field, partner } of unobservedPartners(type, arriving, before)) {
    pairs.add(field, arriving, partner);
  }
  if (lookBeside) {
    const lowest = meetConcurrent(type, { arriving, before, above: tail.above }, pairs);
    if (lowest !== undefined) return { kind: 'needs', above: withSeq(tail.above, event.dot.actor, lowest) };
  }
  return { kind: 'pairs', pairs: pairs.sorted() };
}

/** Whether anything concurrent can be in conflict with it. A standing delete that it has not seen always is. */
function mayBeConcurrent(type: EntityType, event: Event, state: EntityState): boolean {
  if (covers(event.context, state.seen)) return false;
  if (event.kind === 'delete' || !state.deletes.every((dot) => includes(event.context, dot))) return true;
  return event.changes.some(({ field, change: json }) => {
    const { policy } = fieldOf(type, field);
    return policy.conflictKey(policy.readChange(json)) !== undefined;
  });
}

/** How low a tail must reach at least. With aliases, or deletes that ignore what is below, only the log tells. */
function floorFor(
  type: EntityType,
  asked: { readonly event: Event; readonly state: EntityState; readonly lookBack: boolean },
): VersionVector {
  const { event, state, lookBack } = asked;
  if (state.copies.size > 0 || (lookBack && type.onDelete === 'delete-wins')) return nothingSeen;
  return lookBack && event.observed !== undefined ? meet(event.context, event.observed) : event.context;
}

interface Arrival {
  readonly arriving: Command;
  readonly before: readonly Command[];
  readonly above: VersionVector;
}

/**
 * Adds the pairs with concurrent events, in both directions.
 *
 * @returns the seq of its own actor above which the tail would have to be complete, if it is not.
 */
function meetConcurrent(type: EntityType, arrival: Arrival, pairs: PairSet): number | undefined {
  const { arriving, before, above } = arrival;
  const own = footprintsOf(type, arriving);
  const fields = new Set(own.map(({ field }) => field));
  const others = before
    .flatMap((command) => footprintsOf(type, command))
    .filter(({ field }) => fields.has(field));
  const lanes = lanesOf([...others, ...own]);
  const { actor } = arriving.survivor.dot;
  let lowest: number | undefined;
  for (const footprint of own) {
    const policy = policyOf(type, footprint.field);
    const partners = others.filter(
      (other) =>
        other.field === footprint.field &&
        actorOf(other) !== actor &&
        !isBefore(other.command, arriving) &&
        clashAnywhere(footprint, other, policy),
    );
    for (const other of actorsOf(partners)) {
      const earliest = earliestPartner(footprint, other, lanes, policy);
      if (earliest !== undefined) pairs.add(footprint.field, arriving, earliest.command);
    }
    for (const partner of partners) {
      const known = seqOf(partner.command.survivor.context, actor);
      if (seqOf(above, actor) > known) lowest = Math.min(lowest ?? known, known);
      else if (earliestPartner(partner, actor, lanes, policy) === footprint) {
        pairs.add(footprint.field, arriving, partner.command);
      }
    }
  }
  return lowest;
}

/** All pairs of an entity's events: what `conflictsOf` gives one by one, and with aliases in their place. */
export function allConflicts(type: EntityType, events: readonly Event[]): readonly ConflictPair[] {
  const [first] = events;
  if (first === undefined) return [];
  const commands = commandsOf(events);
  const footprints = commands.flatMap((command) => footprintsOf(type, command));
  const lanes = lanesOf(footprints);
  const pairs = new PairSet(first.entity);
  for (const footprint of footprints) {
    const actor = actorOf(footprint);
    const policy = policyOf(type, footprint.field);
    for (const other of actorsMet(footprint, lanes)) {
      if (other === actor) continue;
      const partner = earliestPartner(footprint, other, lanes, policy);
      if (partner !== undefined) pairs.add(footprint.field, footprint.command, partner.command);
    }
  }
  for (const command of commands) {
    for (const { field, partner } of unobservedPartners(type, command, commands))
      pairs.add(field, command, partner);
  }
  return pairs.sorted();
}

function actorsMet(footprint: Footprint, lanes: ReturnType<typeof lanesOf>): ReadonlySet<Actor> {
  const met = new Set<Actor>();
  for (const key of footprint.meets) {
    for (const actor of lanes.get(footprint.field)?.get(key)?.keys() ?? []) met.add(actor);
  }
  return met;
}

function actorsOf(footprints: readonly Footprint[]): ReadonlySet<Actor> {
  return new Set(footprints.map(actorOf));
}

function policyOf(type: EntityType, field: string): AnyPolicy | undefined {
  return field === everyField ? undefined : fieldOf(type, field).policy;
}

function withSeq(vector: VersionVector, actor: Actor, seq: number): VersionVector {
  const lowered = new Map(vector);
  if (seq > 0) lowered.set(actor, seq);
  else lowered.delete(actor);
  return lowered;
}

/** What became of an entity's pairs when an alias arrived. */
export interface ConflictsCompared {
  readonly withdrawn: readonly ConflictPair[];
  readonly found: readonly ConflictPair[];
}

export function compareConflicts(
  before: readonly ConflictPair[],
  after: readonly ConflictPair[],
): ConflictsCompared {
  const had = new Set(before.map(pairKey));
  const has = new Set(after.map(pairKey));
  return {
    withdrawn: before.filter((pair) => !has.has(pairKey(pair))),
    found: after.filter((pair) => !had.has(pairKey(pair))),
  };
}

/** Within one entity a pair is told by its dots and its field. */
function pairKey(pair: ConflictPair): string {
  return conflictKeyText(pair, 0);
}

/** Pairs of one entity, each once, whichever of the two found it. */
class PairSet {
  readonly #pairs = new Map<string, ConflictPair>();
  readonly #entity: EntityRef;

  constructor(entity: EntityRef) {
    this.#entity = entity;
  }

  add(field: string, a: Command, b: Command): void {
    const [low, high] = [a.survivor.dot, b.survivor.dot].sort(compareDots);
    assert(low !== undefined && high !== undefined, 'a pair has two dots');
    const pair: ConflictPair = { entity: this.#entity, field, low, high };
    this.#pairs.set(pairKey(pair), pair);
  }

  /** By the two dots and the field: the same list for the same events. */
  sorted(): readonly ConflictPair[] {
    return [...this.#pairs.values()].sort(comparePairs);
  }
}

function comparePairs(a: ConflictPair, b: ConflictPair): number {
  return (
    compareDots(a.low, b.low) ||
    compareDots(a.high, b.high) ||
    (a.field < b.field ? -1 : a.field > b.field ? 1 : 0)
  );
}
