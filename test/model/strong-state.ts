import { formatEpoch, noEpoch, type Epoch } from '#core/strong/epoch.js';
import { firstMembership, type Memberships } from '#core/strong/membership.js';
import { withOpening, type Opening, type Openings, type Position } from '#core/strong/strong-chain.js';
import type { StrongRecord } from '#core/strong/promises.js';

export const regions = ['us', 'eu', 'ap'] as const;
export type Region = 0 | 1 | 2;
export const all: readonly Region[] = [0, 1, 2];

/** What a stream holds: a strong write, an eventual event, or an opening. */
export type Entry =
  | { readonly kind: 'write'; readonly epoch: number; readonly id: number }
  | { readonly kind: 'eventual' }
  | { readonly kind: 'opening'; readonly opening: Opening };

export interface Standing {
  readonly epoch: number;
  /** Per region its position when it promised; `undefined`: it has not. */
  readonly promises: readonly (Position | undefined)[];
}

export interface Read {
  readonly at: Region;
  readonly epoch: number;
  /** Writes acknowledged before it began. */
  readonly must: number;
}

export interface State {
  readonly streams: readonly (readonly Entry[])[];
  /** Per region and actor. */
  readonly stored: readonly (readonly number[])[];
  readonly promised: readonly number[];
  readonly standing: readonly (Standing | undefined)[];
  /** Per region and epoch: the furthest seq that it acknowledged while it promised the epoch. */
  readonly acks: readonly (readonly number[])[];
  /** Per epoch, the seq that its home knows to be decided; 0: not even its opening. */
  readonly decided: readonly number[];
  /** The longest strong log that anybody was ever told is decided: ids of writes. */
  readonly log: readonly number[];
  readonly acknowledged: number;
  readonly writes: number;
  readonly eventuals: number;
  readonly read: Read | 'not yet' | 'done';
}

export interface Bounds {
  /** Of the first membership. */
  readonly epochs: number;
  /** Who decides at first; all where nothing is said. */
  readonly first?: readonly string[];
  /**
   * A second membership: its record is decided in the system shard before anything happens here, and any target may know
   * of it or not.
   */
  readonly later?: { readonly epochs: number; readonly members: readonly string[] };
  readonly writes: number;
  readonly eventuals: number;
  readonly reads: boolean;
}

export const everything = [Infinity, Infinity, Infinity];

/** Epochs are counted through: those of the second membership begin here. */
const laterFrom = 6;

export const epochOf = (counter: number): Epoch =>
  counter === 0 ? noEpoch : { membership: counter < laterFrom ? 1 : 2, counter };

export function epochsIn({ epochs, later }: Bounds): readonly number[] {
  const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);
  return [
    ...upTo(epochs).map((index) => index + 1),
    ...upTo(later?.epochs ?? 0).map((index) => index + laterFrom),
  ];
}

export function membershipsIn({ first = regions, later }: Bounds): Memberships {
  const known = firstMembership(first);
  if (!later) return known;
  return [known[0], { number: 2, members: [...later.members].sort(), witnesses: [], stopped: [] }];
}

export function nothingYet(bounds: Bounds): State {
  const slots = Math.max(...epochsIn(bounds)) + 1;
  return {
    streams: all.map(() => []),
    stored: all.map(() => [0, 0, 0]),
    promised: [0, 0, 0],
    standing: all.map(() => undefined),
    acks: all.map(() => Array.from({ length: slots }, () => 0)),
    decided: Array.from({ length: slots }, () => 0),
    log: [],
    acknowledged: 0,
    writes: 0,
    eventuals: 0,
    read: 'not yet',
  };
}

export function appended(state: State, region: Region, entry: Entry): State {
  const stream = [...(state.streams[region] ?? []), entry];
  const rows = put(state.stored[region] ?? [], region, stream.length);
  return { ...state, streams: put(state.streams, region, stream), stored: put(state.stored, region, rows) };
}

export function put<T>(list: readonly T[], at: number, value: T): readonly T[] {
  const copy = [...list];
  copy[at] = value;
  return copy;
}

/** States share their streams, and the openings in them are asked for in every step. */
const rememberedOpenings = new WeakMap<State['streams'], Map<string, Openings>>();

export function openingsOf(state: State, upTo: readonly number[]): Openings {
  const remembered = rememberedOpenings.get(state.streams) ?? new Map<string, Openings>();
  if (remembered.size === 0) rememberedOpenings.set(state.streams, remembered);
  const key = upTo.join();
  const known = remembered.get(key);
  if (known) return known;
  let openings: Openings = new Map();
  for (const actor of all) {
    for (const [at, entry] of (state.streams[actor] ?? []).entries())
      if (entry.kind === 'opening' && at < (upTo[actor] ?? 0))
        openings = withOpening(openings, entry.opening);
  }
  remembered.set(key, openings);
  return openings;
}

export function recordOf(state: State, region: Region): StrongRecord {
  return {
    promised: epochOf(state.promised[region] ?? 0),
    openings: openingsOf(state, state.stored[region] ?? []),
  };
}

export function storedAt(state: State, region: Region): (actor: string) => number {
  return (actor) => state.stored[region]?.[regions.indexOf(actor as (typeof regions)[number])] ?? 0;
}

/** Ids of the writes on the chain below a position, in order, as far as they are stored. */
export function logUpTo(
  state: State,
  position: Position,
  stored: readonly number[] = everything,
): readonly number[] {
  const openings = openingsOf(state, everything);
  const ids: number[][] = [];
  let { counter } = position.epoch;
  let last = position.seq;
  while (counter > 0) {
    const opening = openings.get(formatEpoch(epochOf(counter)));
    if (!opening) break;
    const actor = regions.findIndex((name) => name === opening.home);
    const here: number[] = [];
    for (const entry of (state.streams[actor] ?? []).slice(0, Math.min(last, stored[actor] ?? 0)))
      if (entry.kind === 'write' && entry.epoch === counter) here.push(entry.id);
    ids.unshift(here);
    last = opening.close;
    counter = opening.previous.counter;
  }
  return ids.flat();
}
