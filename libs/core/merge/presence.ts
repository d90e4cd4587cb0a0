import { compareDots, sameDot, type Dot } from '../causality/dot.js';
import type { Json } from '../json.js';
import type { Reach, Stamped } from './policy.js';
import { takenBySeenRemovals } from './removal.js';
import { decodeDot, encodeDot, storedArray } from './stored-form.js';

/** What a change does to the presence of one thing: an element of a set, or the one thing that a flag is about. */
export type PresenceMove = 'add' | 'remove';

/** How adds and removals of one thing come together. A thing that is not there has no presence at all. */
export interface PresenceRule<Presence> {
  readonly absent: Presence;
  readonly takes: Exclude<Reach['takes'], 'nothing'>;
  move(presence: Presence, stamped: Stamped<PresenceMove>): Presence;
  take(presence: Presence, taken: (dot: Dot) => boolean): Presence;
  fold(log: readonly Stamped<PresenceMove>[]): Presence;
  isPresent(presence: Presence): boolean;
  /** Whether it says nothing that a later change would have to know. */
  isForgettable(presence: Presence): boolean;
  encode(presence: Presence): Json;
  decode(json: Json): Presence;
}

/** The adds that nothing took and that no other add is after, by dot. */
export type AddWins = readonly Dot[];

/** An add stands unless a removal, or a delete, had seen it. */
export const addWins: PresenceRule<AddWins> = {
  absent: [],
  takes: 'seen',
  move(adds, stamped) {
    const { change, dot, covers, survivorCovers, effective } = stamped;
    if (change === 'remove') return without(adds, survivorCovers);
    const left = without(adds, covers);
    return effective ? withDotOf(left, dot) : left;
  },
  take: without,
  fold(log) {
    const taken = takenBySeenRemovals(log, (move) => move === 'remove');
    let adds: AddWins = [];
    log.forEach((stamped, at) => {
      const { change, dot, covers, effective } = stamped;
      if (change === 'add' && effective && taken[at] !== true) adds = withDotOf(without(adds, covers), dot);
    });
    return adds;
  },
  isPresent: (adds) => adds.length > 0,
  isForgettable: (adds) => adds.length === 0,
  encode: (adds) => adds.map(encodeDot),
  decode: (json) => storedArray(json).map(decodeDot),
};

/** Removals are kept, for a concurrent add may still arrive; those that another removal is after are not. */
export interface RemoveWins {
  /** Adds that have every removal in their survivor's context, that nothing took and that no other such add is after. */
  readonly adds: readonly Dot[];
  readonly removals: readonly Dot[];
}

/** An add stands only if it has every removal in its context; what a delete takes of the adds leaves the removals. */
export const removeWins: PresenceRule<RemoveWins> = {
  absent: { adds: [], removals: [] },
  takes: 'unaware',
  move(presence, stamped) {
    const { change, dot, covers, survivorCovers, effective } = stamped;
    // Nothing folded before a removal that arrives now can have it in its context.
    if (change === 'remove') return { adds: [], removals: withRemoval(presence.removals, stamped) };
    if (!effective || !presence.removals.every(survivorCovers)) return presence;
    return { adds: withDotOf(without(presence.adds, covers), dot), removals: presence.removals };
  },
  take: (presence, taken) => ({ ...presence, adds: without(presence.adds, taken) }),
  fold(log) {
    let removals: readonly Dot[] = [];
    for (const stamped of log) if (stamped.change === 'remove') removals = withRemoval(removals, stamped);
    let adds: readonly Dot[] = [];
    log.forEach((stamped, at) => {
      const { change, dot, covers, survivorCovers, effective } = stamped;
      if (change === 'remove' || !effective || !removals.every(survivorCovers)) return;
      if (isRemovedByItsOwnEvent(log, at)) return;
      adds = withDotOf(without(adds, covers), dot);
    });
    return { adds, removals };
  },
  isPresent: ({ adds }) => adds.length > 0,
  isForgettable: ({ adds, removals }) => adds.length === 0 && removals.length === 0,
  encode: ({ adds, removals }) => [adds.map(encodeDot), removals.map(encodeDot)],
  decode(json) {
    const [adds, removals] = storedArray(json);
    return { adds: storedArray(adds).map(decodeDot), removals: storedArray(removals).map(decodeDot) };
  },
};

/** Who has a removal in its context has those that it is after, so these need not be asked for. */
function withRemoval(removals: readonly Dot[], { dot, covers }: Stamped<PresenceMove>): readonly Dot[] {
  return withDotOf(without(removals, covers), dot);
}

/** The changes of one event lie together, in the order of its operations. */
function isRemovedByItsOwnEvent(log: readonly Stamped<PresenceMove>[], at: number): boolean {
  const { dot } = log[at] as Stamped<PresenceMove>;
  for (let later = at + 1; later < log.length; later += 1) {
    const stamped = log[later] as Stamped<PresenceMove>;
    if (!sameDot(stamped.dot, dot)) return false;
    if (stamped.change === 'remove') return true;
  }
  return false;
}

function without(dots: readonly Dot[], taken: (dot: Dot) => boolean): readonly Dot[] {
  return dots.filter((dot) => !taken(dot));
}

function withDotOf(dots: readonly Dot[], dot: Dot): readonly Dot[] {
  return [...dots, dot].sort(compareDots);
}
