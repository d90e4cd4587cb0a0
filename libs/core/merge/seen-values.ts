import type { Actor, Dot } from '../causality/dot.js';
import { includes, seqOf, type VersionVector } from '../causality/version-vector.js';
import { getOrPut } from '../get-or-put.js';
import type { Command } from './copies.js';
import { fieldOf } from './entity-fold.js';
import type { EntityType } from './entity-type.js';
import { firstAbove } from './first-above.js';
import { placeKeys } from './taken.js';
import {
  isDelete,
  isDeletedBy,
  mayLeaveUnobserved,
  readReached,
  samePlace,
  type Reached,
  type UnobservedPartner,
} from './unobserved.js';

/**
 * The commands of one entity, none of which has an alias, kept ready to tell what a multi-value write left unobserved: the
 * answers of `unobservedPartners`, for a cost that grows with what the write had not observed.
 *
 * Without aliases it is a matter of seqs alone what a command had in its context, or had observed. So what ends a value can
 * be drawn together, and what lies between two vectors is a run of each actor's commands.
 */
export class SeenValues {
  readonly #type: EntityType;
  readonly #byActor = new Map<Actor, Command[]>();
  readonly #deletes: Command[] = [];
  readonly #reached = new Map<Command, Map<string, readonly Reached[]>>();

  constructor(type: EntityType) {
    this.#type = type;
  }

  /** Of one actor in order of seq, or `sort` before anything is asked. */
  add(command: Command): void {
    const { actor } = command.survivor.dot;
    getOrPut(this.#byActor, actor, () => []).push(command);
    if (isDelete(command)) this.#deletes.push(command);
  }

  sort(): void {
    for (const own of this.#byActor.values()) own.sort((a, b) => seqOfCommand(a) - seqOfCommand(b));
  }

  /** As `unobservedPartners` tells them. */
  partnersOf(write: Command): readonly UnobservedPartner[] {
    if (!mayLeaveUnobserved(this.#type, write)) return [];
    const between = this.#between(write);
    const partners: UnobservedPartner[] = [];
    for (const field of new Set(write.survivor.changes.map((change) => change.field))) {
      if (!fieldOf(this.#type, field).policy.replacesObserved) continue;
      const endings = new Endings();
      for (const run of between)
        for (const command of run) endings.note(command, this.#reachedIn(command, field));
      for (const run of between) {
        const partner = run.find((value) => this.#meetsLive({ field, write, value, endings }));
        if (partner) partners.push({ field, partner });
      }
    }
    return partners;
  }

  /** Per actor, in order of seq, what the write had in its context and had not observed. */
  #between({ survivor: { context, observed = context } }: Command): readonly (readonly Command[])[] {
    const runs: (readonly Command[])[] = [];
    for (const [actor, own] of this.#byActor) {
      const place = (vector: VersionVector): number => firstAbove(own, seqOf(vector, actor), seqOfCommand);
      const run = own.slice(place(observed), place(context));
      if (run.length > 0) runs.push(run);
    }
    return runs;
  }

  #meetsLive({ field, write, value, endings }: Meeting): boolean {
    const { policy } = fieldOf(this.#type, field);
    const live = this.#reachedIn(value, field).filter(
      ({ reach }) => reach.takes === 'nothing' && !endings.end(value, reach.place),
    );
    if (live.length === 0 || this.#isDeleted(value, write)) return false;
    const writes = this.#reachedIn(write, field);
    return live.some(({ change, reach }) =>
      writes.some(
        (own) =>
          own.reach.takes === 'nothing' &&
          samePlace(own.reach, reach) &&
          policy.conflicts(own.change, change),
      ),
    );
  }

  #isDeleted(value: Command, { survivor: { context, observed = context } }: Command): boolean {
    return this.#deletes.some((one) => {
      const { dot } = one.survivor;
      if (!includes(context, dot)) return false;
      if (this.#type.onDelete === 'update-wins' && includes(observed, dot)) return false;
      return isDeletedBy(this.#type, value, one);
    });
  }

  #reachedIn(command: Command, field: string): readonly Reached[] {
    const ofCommand = getOrPut(this.#reached, command, () => new Map<string, readonly Reached[]>());
    return getOrPut(ofCommand, field, () => readReached(fieldOf(this.#type, field).policy, command, field));
  }
}

interface Meeting {
  readonly field: string;
  readonly write: Command;
  readonly value: Command;
  readonly endings: Endings;
}

/** By place, what some commands had observed or seen when they acted there: all values in it are at an end. */
class Endings {
  readonly #observed = new Map<string, Map<Actor, number>>();
  readonly #taken = new Map<string, Map<Actor, number>>();
  /** The last of each actor's removals that take what had not seen them. */
  readonly #unaware = new Map<string, Map<Actor, number>>();

  note({ survivor: { dot, context, observed = context } }: Command, reached: readonly Reached[]): void {
    for (const { reach } of reached) {
      const key = placeKeys(reach.place).at(-1) ?? '';
      if (reach.takes === 'nothing') raise(this.#observed, key, observed);
      else if (reach.takes === 'seen') raise(this.#taken, key, context);
      else raise(this.#unaware, key, new Map([[dot.actor, dot.seq]]));
    }
  }

  /** Whether anything that was noted ends a value at that place. */
  end({ survivor: { dot, context } }: Command, place: readonly string[]): boolean {
    const keys = placeKeys(place);
    if (holds(this.#observed.get(keys.at(-1) ?? ''), dot)) return true;
    return keys.some(
      (key) => holds(this.#taken.get(key), dot) || isUnaware(context, dot, this.#unaware.get(key)),
    );
  }
}

function raise(by: Map<string, Map<Actor, number>>, key: string, vector: VersionVector): void {
  const raised = getOrPut(by, key, () => new Map<Actor, number>());
  for (const [actor, seq] of vector) if ((raised.get(actor) ?? 0) < seq) raised.set(actor, seq);
}

function holds(vector: VersionVector | undefined, dot: Dot): boolean {
  return vector !== undefined && includes(vector, dot);
}

/** Whether a removal is not in the context; an actor has all its own commands before it in there, and itself it is not after. */
function isUnaware(
  context: VersionVector,
  { actor, seq }: Dot,
  removals: VersionVector | undefined,
): boolean {
  for (const [by, last] of removals ?? [])
    if (last > Math.max(seqOf(context, by), by === actor ? seq : 0)) return true;
  return false;
}

function seqOfCommand({ survivor }: Command): number {
  return survivor.dot.seq;
}
