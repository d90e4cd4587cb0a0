import { assert } from '../assert.js';
import { compareDots, formatDot, sameDot, type Dot } from '../causality/dot.js';
import { includes, seqOf, type VersionVector } from '../causality/version-vector.js';
import type { EntityRef, Event } from '../event/event.js';
import { comparisonFor, ConflictIndex, type Comparison, type EntityTail } from './conflict-index.js';
import { ConflictLanes } from './conflict-lanes.js';
import { commandsOf } from './copies.js';
import type { EntityState } from './entity-state.js';
import type { EntityType } from './entity-type.js';
import { footprintsOf } from './footprint.js';
import { unobservedPartners } from './unobserved.js';

export type { EntityTail } from './conflict-index.js';

/** Two events of one field whose changes do not commute; `low` is the lower by `compareDots` (PROTOCOL §4). */
export interface ConflictPair {
  readonly entity: EntityRef;
  /** The field's name, or `*` for a delete and an update. */
  readonly field: string;
  readonly low: Dot;
  readonly high: Dot;
}

export interface ConflictsInput {
  readonly type: EntityType;
  readonly event: Event;
  /** Before the event is folded. */
  readonly state: EntityState;
  /** Of what is folded, before the event. */
  readonly tail: EntityTail;
  /** Of the same tail, where many events follow each other: it must then be told every event that is folded. */
  readonly index?: ConflictIndex;
}

export type FoundConflicts =
  | {
      readonly kind: 'pairs';
      readonly pairs: readonly ConflictPair[];
      /** The other events of the pairs. */
      readonly partners: readonly Event[];
    }
  /** The tail does not reach low enough: ask again with one that is complete above this vector. */
  | { readonly kind: 'needs'; readonly above: VersionVector };

const noPairs: FoundConflicts = { kind: 'pairs', pairs: [], partners: [] };

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
export function conflictsOf({ type, event, state, tail, index }: ConflictsInput): FoundConflicts {
  const comparison = comparisonFor(type, event, state);
  if (index === undefined && !comparison.beside && !comparison.back) return noPairs;
  const found = (index ?? indexFor({ type, event, state, tail }, comparison)).arrive(event, state);
  if (found.kind === 'needs') return found;
  const pairs = new PairSet(event.entity);
  for (const { field, partner } of found.partners) pairs.add(field, event, partner.survivor);
  return {
    kind: 'pairs',
    pairs: pairs.sorted(),
    partners: found.partners.map(({ partner }) => partner.survivor),
  };
}

/** An index of no more than one event needs: what is concurrent with it, and what of its own actor those had not seen. */
function indexFor({ type, event, state, tail }: ConflictsInput, { back }: Comparison): ConflictIndex {
  const others = tail.events.filter(({ dot }) => !sameDot(dot, event.dot));
  if (back || state.copies.size > 0) return new ConflictIndex(type, { ...tail, events: others }, state);
  const { actor } = event.dot;
  const beside = others.filter(({ dot }) => !includes(event.context, dot));
  let lowest = Infinity;
  for (const { context } of beside) lowest = Math.min(lowest, seqOf(context, actor));
  const own = others.filter(({ dot }) => dot.actor === actor && dot.seq > lowest);
  return new ConflictIndex(type, { above: tail.above, events: [...beside, ...own] }, state);
}

/** All pairs of an entity's events: what `conflictsOf` gives one by one, and with aliases in their place. */
export function allConflicts(type: EntityType, events: readonly Event[]): readonly ConflictPair[] {
  const [first] = events;
  if (first === undefined) return [];
  const commands = commandsOf(events);
  const footprints = commands.flatMap((command) => footprintsOf(type, command));
  const lanes = new ConflictLanes();
  for (const footprint of footprints) lanes.add(footprint);
  lanes.sort();
  const pairs = new PairSet(first.entity);
  for (const footprint of footprints) {
    for (const { command } of lanes.earliestPartners(footprint)) {
      pairs.add(footprint.field, footprint.command.survivor, command.survivor);
    }
  }
  for (const command of commands) {
    for (const { field, partner } of unobservedPartners(type, command, commands)) {
      pairs.add(field, command.survivor, partner.survivor);
    }
  }
  return pairs.sorted();
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

  add(field: string, a: Event, b: Event): void {
    const [low, high] = [a.dot, b.dot].sort(compareDots);
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
