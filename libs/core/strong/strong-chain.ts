import type { Actor } from '../causality/dot.js';
import type { VersionVector } from '../causality/version-vector.js';
import { compareEpochs, formatEpoch, isAbove, noEpoch, sameEpoch, type Epoch } from './epoch.js';

/**
 * The first strong event of an epoch: it names what the epoch builds on. All strong events of the previous epoch beyond
 * `close` are left out for ever once this opening is decided (PROTOCOL §8).
 */
export interface Opening {
  readonly epoch: Epoch;
  /** The actor that wrote it: the only writer of the epoch. */
  readonly home: Actor;
  /** Seq of the opening itself in its home's stream. */
  readonly seq: number;
  /** `noEpoch` for the first epoch of a shard. */
  readonly previous: Epoch;
  /** Last seq of the previous home's stream that counts; 0 for the first epoch. */
  readonly close: number;
}

/** A place in the strong log: a seq in the stream of that epoch's home. */
export interface Position {
  readonly epoch: Epoch;
  readonly seq: number;
}

export const noPosition: Position = { epoch: noEpoch, seq: 0 };

/** By epoch first: a longer stream of an older epoch is behind (Raft's rule for logs). */
export function comparePositions(a: Position, b: Position): number {
  return compareEpochs(a.epoch, b.epoch) || a.seq - b.seq;
}

export function reaches(position: Position, goal: Position): boolean {
  return comparePositions(position, goal) >= 0;
}

/** The openings of a shard that are stored here, by epoch. */
export type Openings = ReadonlyMap<string, Opening>;

export const noOpenings: Openings = new Map();

/** Of two openings of one epoch the first is kept: an honest member never writes a second. */
export function withOpening(openings: Openings, opening: Opening): Openings {
  const key = formatEpoch(opening.epoch);
  return openings.has(key) ? openings : new Map(openings).set(key, opening);
}

export function openingOf(openings: Openings, epoch: Epoch): Opening | undefined {
  return openings.get(formatEpoch(epoch));
}

/** Stored seq of an actor in the shard. */
export type StoredSeq = (actor: Actor) => number;

/** The first thing that is missing before the chain below an opening is whole. */
export type ChainGap =
  | { readonly kind: 'tail'; readonly actor: Actor; readonly upTo: number }
  | { readonly kind: 'opening'; readonly epoch: Epoch };

/** What the chain of `opening` lacks here; `undefined` when every closed tail below it is stored. */
export function chainGap(openings: Openings, opening: Opening, stored: StoredSeq): ChainGap | undefined {
  let above = opening;
  while (!sameEpoch(above.previous, noEpoch)) {
    const below = openingOf(openings, above.previous);
    if (!below || !isAbove(above.epoch, below.epoch)) return { kind: 'opening', epoch: above.previous };
    if (stored(below.home) < above.close) return { kind: 'tail', actor: below.home, upTo: above.close };
    above = below;
  }
  return undefined;
}

/**
 * The greatest (epoch, seq) whose whole chain is stored: that opening, its home's stream up to seq, and every closed tail
 * below. An opening without its tail is stored, but is no position.
 */
export function positionOf(openings: Openings, stored: StoredSeq): Position {
  let best = noPosition;
  for (const opening of openings.values()) {
    const here = { epoch: opening.epoch, seq: stored(opening.home) };
    if (here.seq < opening.seq || !isAbove(here.epoch, best.epoch)) continue;
    if (chainGap(openings, opening, stored) === undefined) best = here;
  }
  return best;
}

/** The greatest position that is here or was promised: what a target builds on. */
export function adopt(positions: readonly Position[]): Position {
  return positions.reduce((best, position) => (reaches(position, best) ? position : best), noPosition);
}

/** The opening with which a target begins its epoch on what it adopted. */
export function openingOn(
  openings: Openings,
  adopted: Position,
  own: Pick<Opening, 'epoch' | 'home' | 'seq'>,
): Opening {
  const below = openingOf(openings, adopted.epoch);
  return { ...own, previous: below?.epoch ?? noEpoch, close: below ? adopted.seq : 0 };
}

/** The last seq of each home's stream on the chain that ends in a seq of the epoch `epoch`: all that a strong log consists of. */
export function chainVector(openings: Openings, { epoch, seq }: Position): VersionVector {
  const vector = new Map<Actor, number>();
  let last = seq;
  for (let above = openingOf(openings, epoch); above;) {
    vector.set(above.home, Math.max(last, vector.get(above.home) ?? 0));
    last = above.close;
    const below = openingOf(openings, above.previous);
    above = below && isAbove(above.epoch, below.epoch) ? below : undefined;
  }
  return vector;
}

export interface StrongEvent {
  readonly epoch: Epoch;
  readonly actor: Actor;
  readonly seq: number;
}

/** `undecided`: it may still become either. */
export type Fate = 'decided' | 'undecided' | 'refused';

/**
 * What has become of a stored strong event, given the furthest position known to be decided: the strong log is the chain
 * of the newest decided opening. A stored opening that is not known to be decided settles nothing.
 */
export function fateOf(openings: Openings, decided: Position, event: StrongEvent): Fate {
  const newest = openingOf(openings, decided.epoch);
  if (!newest || decided.seq < newest.seq || isAbove(event.epoch, newest.epoch)) return 'undecided';
  let above = newest;
  let last = decided.seq;
  for (;;) {
    if (sameEpoch(event.epoch, above.epoch)) return fateWithin(above, last, event, above === newest);
    if (isAbove(event.epoch, above.epoch) || sameEpoch(above.previous, noEpoch)) return 'refused';
    const below = openingOf(openings, above.previous);
    if (!below || !isAbove(above.epoch, below.epoch)) return 'undecided';
    last = above.close;
    above = below;
  }
}

/**
 * Whether an event that is settled here was decided, or left out: a decided event is on the chain of every later opening,
 * and one that was left out on none, so that the newest opening whose chain leads down to it tells.
 */
export function wasDecided(openings: Openings, event: StrongEvent): boolean {
  const newestFirst = [...openings.values()].sort((a, b) => compareEpochs(b.epoch, a.epoch));
  for (const { epoch } of newestFirst) {
    const fate = fateOf(openings, { epoch, seq: Infinity }, event);
    if (fate !== 'undecided') return fate === 'decided';
  }
  return false;
}

function fateWithin(opening: Opening, last: number, event: StrongEvent, isNewest: boolean): Fate {
  // Not of the epoch's only writer: it was never part of the strong log, whoever signed it.
  if (event.actor !== opening.home || event.seq < opening.seq) return 'refused';
  if (event.seq <= last) return 'decided';
  return isNewest ? 'undecided' : 'refused';
}
