import type { Actor } from '../causality/dot.js';
import { seqOf } from '../causality/version-vector.js';
import { getOrPut } from '../get-or-put.js';
import { isBefore } from './copies.js';
import { firstAbove } from './first-above.js';
import { actorOf, clash, seqOfFootprint, type Footprint } from './footprint.js';

/** The footprints of one actor on one field under one conflict key, in order of seq. */
export interface Lane {
  readonly actor: Actor;
  readonly key: string;
  readonly entries: Footprint[];
  /** Whether none of its commands has an alias: then causality is a matter of seqs alone. */
  simple: boolean;
  /** Per other actor: the footprints that no event of that actor is a partner of yet. */
  readonly single: Map<Actor, SingleFootprints>;
}

/** The entries below `read` are sorted out: those that may still find a partner are kept here. */
interface SingleFootprints {
  read: number;
  left: Footprint[];
}

/** Footprints by field, conflict key and actor. */
export class ConflictLanes {
  readonly #lanes = new Map<string, Map<string, Map<Actor, Lane>>>();

  /** Adds a footprint; within a lane in order of seq, or `sort` before looking anything up. */
  add(footprint: Footprint): void {
    const actor = actorOf(footprint);
    const ofField = getOrPut(this.#lanes, footprint.field, () => new Map<string, Map<Actor, Lane>>());
    for (const key of footprint.changes.keys()) {
      const ofKey = getOrPut(ofField, key, () => new Map<Actor, Lane>());
      const lane = getOrPut(ofKey, actor, () => ({
        actor,
        key,
        entries: [],
        simple: true,
        single: new Map(),
      }));
      lane.entries.push(footprint);
      if (footprint.command.copies.length > 1) lane.simple = false;
    }
  }

  sort(): void {
    for (const ofField of this.#lanes.values()) {
      for (const ofKey of ofField.values()) {
        for (const { entries } of ofKey.values())
          entries.sort((a, b) => seqOfFootprint(a) - seqOfFootprint(b));
      }
    }
  }

  /** The lanes of other actors in which a footprint can meet partners. */
  *metBy(footprint: Footprint): Iterable<Lane> {
    const ofField = this.#lanes.get(footprint.field);
    const own = actorOf(footprint);
    for (const key of footprint.meets) {
      for (const lane of ofField?.get(key)?.values() ?? []) if (lane.actor !== own) yield lane;
    }
  }

  /** Per other actor, the earliest footprint that is concurrent with this one and does not commute with it. */
  earliestPartners(of: Footprint): readonly Footprint[] {
    const earliest = new Map<Actor, Footprint>();
    for (const lane of this.metBy(of)) {
      const found = earliestIn(lane, of);
      if (found === undefined) continue;
      const known = earliest.get(lane.actor);
      if (known === undefined || seqOfFootprint(found) < seqOfFootprint(known))
        earliest.set(lane.actor, found);
    }
    return [...earliest.values()];
  }

  /**
   * The footprints of which an arriving one is the earliest partner of its actor. It is not in the lanes yet, and
   * whatever arrives later of its actor knows all that it knows.
   */
  partnersFirstMetBy(arriving: Footprint): readonly Footprint[] {
    const met = new Set<Footprint>();
    for (const lane of this.metBy(arriving)) {
      const single = this.#singleIn(lane, actorOf(arriving));
      const left: Footprint[] = [];
      for (const other of single.left) {
        if (isBefore(other.command, arriving.command)) continue;
        if (!clash(arriving, other, lane.key)) left.push(other);
        else if (!this.#hasPartnerOf(other, actorOf(arriving))) met.add(other);
      }
      single.left = left;
    }
    return [...met];
  }

  #singleIn(lane: Lane, actor: Actor): SingleFootprints {
    const single = getOrPut(lane.single, actor, () => ({ read: 0, left: [] }));
    for (; single.read < lane.entries.length; single.read += 1) {
      const entry = lane.entries[single.read] as Footprint;
      if (!this.#hasPartnerOf(entry, actor)) single.left.push(entry);
    }
    return single;
  }

  #hasPartnerOf(footprint: Footprint, actor: Actor): boolean {
    const ofField = this.#lanes.get(footprint.field);
    return footprint.meets.some((key) => {
      const lane = ofField?.get(key)?.get(actor);
      return lane !== undefined && earliestIn(lane, footprint) !== undefined;
    });
  }
}

/**
 * The earliest entry that is concurrent with a footprint and does not commute with it.
 *
 * Without aliases the concurrent entries are a contiguous run: it starts above what the footprint's context holds, and
 * ends where the lane's actor has heard of it.
 */
function earliestIn(lane: Lane, of: Footprint): Footprint | undefined {
  const { command } = of;
  const simple = lane.simple && command.copies.length === 1;
  let at = simple ? firstAbove(lane.entries, seqOf(command.survivor.context, lane.actor), seqOfFootprint) : 0;
  for (; at < lane.entries.length; at += 1) {
    const other = lane.entries[at] as Footprint;
    if (isBefore(command, other.command)) {
      if (simple) return undefined;
      continue;
    }
    if (!simple && isBefore(other.command, command)) continue;
    if (clash(of, other, lane.key)) return other;
  }
  return undefined;
}
