import {
  covers,
  includes,
  meet,
  nothingSeen,
  seqOf,
  type VersionVector,
} from '../causality/version-vector.js';
import type { Event } from '../event/event.js';
import { ConflictLanes } from './conflict-lanes.js';
import { commandsOf, type Command } from './copies.js';
import { fieldOf } from './entity-fold.js';
import type { EntityState } from './entity-state.js';
import type { EntityType } from './entity-type.js';
import { footprintsOf } from './footprint.js';
import { SeenValues } from './seen-values.js';
import { mayLeaveUnobserved, unobservedPartners, type UnobservedPartner } from './unobserved.js';

/** All folded events of the entity that are not in `above`, and perhaps more. */
export interface EntityTail {
  readonly above: VersionVector;
  readonly events: readonly Event[];
}

/** The other command of a pair, and the field. */
export interface Partner {
  readonly field: string;
  readonly partner: Command;
}

export type Arrival =
  | { readonly kind: 'partners'; readonly partners: readonly Partner[] }
  /** The tail does not reach low enough: ask again with one that is complete above this vector. */
  | { readonly kind: 'needs'; readonly above: VersionVector };

/** Whether an event has to be compared with others: with those beside it, or with values that it had not observed. */
export interface Comparison {
  readonly beside: boolean;
  readonly back: boolean;
}

/** The cheap answer, without any tail, that most events get: they have seen everything, or commute with everything. */
export function comparisonFor(type: EntityType, event: Event, state: EntityState): Comparison {
  return { beside: mayBeConcurrent(type, event, state), back: mayLeaveUnobserved(type, alone(event)) };
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

/**
 * The tail of an entity, kept ready for one event after another: what each costs grows with the pairs that it makes, not
 * with the events that are concurrent with it (after a cut those are many).
 */
export class ConflictIndex {
  readonly #type: EntityType;
  readonly #above: VersionVector;
  readonly #commands: Command[];
  readonly #lanes = new ConflictLanes();
  /** Absent where commands have aliases. */
  readonly #seen: SeenValues | undefined;

  /** @param state the entity with the tail's events folded. */
  constructor(type: EntityType, tail: EntityTail, state: EntityState) {
    this.#type = type;
    this.#above = tail.above;
    this.#commands = state.copies.size > 0 ? [...commandsOf(tail.events)] : tail.events.map(alone);
    this.#seen = state.copies.size > 0 ? undefined : new SeenValues(type);
    for (const command of this.#commands) this.#place(command);
    this.#lanes.sort();
    this.#seen?.sort();
  }

  /** How many commands it holds: they only become more. */
  get size(): number {
    return this.#commands.length;
  }

  /** Adds an event that was folded and is concurrent with nothing. It is the only copy of its command. */
  add(event: Event): void {
    const command = alone(event);
    this.#commands.push(command);
    this.#place(command);
  }

  /**
   * Tells the partners of the next event, and adds it. It is the only copy of its command. An index that `needs` more is
   * spent.
   *
   * @param state before the event is folded.
   */
  arrive(event: Event, state: EntityState): Arrival {
    const comparison = comparisonFor(this.#type, event, state);
    const needed = this.#floorFor(event, state, comparison);
    if (!covers(needed, this.#above)) return { kind: 'needs', above: meet(needed, this.#above) };
    const command = alone(event);
    const partners: Partner[] = [...this.#unobserved(command)];
    if (comparison.beside) {
      const lowest = this.#findBeside(command, partners);
      if (lowest < seqOf(this.#above, event.dot.actor)) {
        return { kind: 'needs', above: loweredTo(this.#above, event.dot.actor, lowest) };
      }
    }
    this.#commands.push(command);
    this.#place(command);
    return { kind: 'partners', partners };
  }

  #unobserved(write: Command): readonly UnobservedPartner[] {
    return this.#seen?.partnersOf(write) ?? unobservedPartners(this.#type, write, this.#commands);
  }

  #place(command: Command): void {
    for (const footprint of footprintsOf(this.#type, command)) this.#lanes.add(footprint);
    this.#seen?.add(command);
  }

  /** How low the tail must reach at least. With aliases, or deletes that ignore what is below, only the log tells. */
  #floorFor(event: Event, state: EntityState, { beside, back }: Comparison): VersionVector {
    if (!beside && !back) return this.#above;
    if (state.copies.size > 0 || (back && this.#type.onDelete === 'delete-wins')) return nothingSeen;
    return back && event.observed !== undefined ? meet(event.context, event.observed) : event.context;
  }

  /**
   * Adds the partners beside it, in both directions.
   *
   * @returns the seq above which the tail must hold all events of its own actor for this to be right.
   */
  #findBeside(command: Command, partners: Partner[]): number {
    const { actor } = command.survivor.dot;
    let lowest = Infinity;
    for (const footprint of footprintsOf(this.#type, command)) {
      const { field } = footprint;
      for (const other of this.#lanes.earliestPartners(footprint))
        partners.push({ field, partner: other.command });
      for (const other of this.#lanes.partnersFirstMetBy(footprint)) {
        partners.push({ field, partner: other.command });
        lowest = Math.min(lowest, seqOf(other.command.survivor.context, actor));
      }
    }
    return lowest;
  }
}

function alone(event: Event): Command {
  return { survivor: event, copies: [event] };
}

function loweredTo(vector: VersionVector, actor: string, seq: number): VersionVector {
  const lowered = new Map(vector);
  if (seq > 0) lowered.set(actor, seq);
  else lowered.delete(actor);
  return lowered;
}
