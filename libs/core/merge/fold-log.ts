import { assert } from '../assert.js';
import { compareDots, type Actor, type Dot } from '../causality/dot.js';
import { compareTimes } from '../causality/hybrid-timestamp.js';
import { causalSize, type VersionVector } from '../causality/version-vector.js';
import type { Event } from '../event/event.js';
import {
  commandsOf,
  copiesByDot,
  knowledgeOf,
  type Command,
  type CopiesByDot,
  type Knowledge,
} from './copies.js';
import { fieldOf } from './entity-fold.js';
import type { EntityState } from './entity-state.js';
import type { EntityType } from './entity-type.js';
import type { AnyPolicy, Stamped } from './policy.js';
import { judgeDeletes, type Fate } from './taken.js';

/** A change of one field, with all that decides how it is folded. */
interface LoggedChange {
  readonly command: Command;
  /** The copy that the change is of: the survivor, or an alias where the policy folds those. */
  readonly copy: Event;
  readonly change: unknown;
  readonly fate: Fate;
  /** Whether it had not seen every delete: then it is gone from the fields whose life ends with a delete. */
  readonly isOver: boolean;
}

/**
 * Folds an entity from scratch: what `foldEvent` gives one by one, in any causal order, also where that had to give up.
 *
 * What deletes take is settled first, over the whole log, and what removals take by the policies themselves: so nothing
 * ever has to be taken back.
 *
 * @param events all events of the entity that are folded here, in any order; duplicates are dropped.
 */
export function foldLog(type: EntityType, events: readonly Event[]): EntityState {
  const commands = commandsOf(events);
  const copies = copiesByDot(commands);
  const deletes = judgeDeletes(type.onDelete, commands);
  const lives = judgeDeletes('delete-wins', commands);
  const touched: Dot[] = [];
  const changes = new Map<string, LoggedChange[]>();
  for (const command of commands) {
    if (command.survivor.kind === 'delete') continue;
    const fate = deletes.fateOf(command);
    if (fate === 'counts') touched.push(command.survivor.dot);
    const isOver = lives.fateOf(command) === 'ignored';
    for (const copy of command.copies) collectChanges(type, { command, copy, fate, isOver }, changes);
  }
  const knowledge = rememberKnowledge(copies);
  const fields = new Map<string, unknown>();
  for (const [name, logged] of changes) {
    fields.set(name, foldField(fieldOf(type, name).policy, logged, knowledge));
  }
  return {
    seen: vectorOf(events.map(({ dot }) => dot)),
    touched: vectorOf(touched),
    deletes: deletes.standing.map(({ survivor }) => survivor.dot).sort(compareDots),
    fields,
    copies,
  };
}

function collectChanges(
  type: EntityType,
  of: Omit<LoggedChange, 'change'>,
  into: Map<string, LoggedChange[]>,
): void {
  const isLeftOut = isAlias(of);
  for (const { field: name, change: json } of of.copy.changes) {
    const { policy } = fieldOf(type, name);
    if (isLeftOut && !policy.foldsAliases) continue;
    if (of.isOver && policy.endsWithDelete === true) continue;
    const change: unknown = policy.readChange(json);
    assert(change !== undefined, 'INV-14: a change is checked before its event is folded');
    const logged: LoggedChange = { ...of, change };
    const earlier = into.get(name);
    if (earlier === undefined) into.set(name, [logged]);
    else earlier.push(logged);
  }
}

/** Whether the change is left out: another copy survived, or a delete-wins delete ignores the command. */
function isAlias({ command, copy, fate }: Pick<LoggedChange, 'command' | 'copy' | 'fate'>): boolean {
  return copy !== command.survivor || fate === 'ignored';
}

function foldField(
  policy: AnyPolicy,
  logged: readonly LoggedChange[],
  knowledge: (command: Command) => Knowledge,
): unknown {
  // An alias may build on more than its survivor did, so where aliases are folded each copy keeps its own place.
  const ordered = policy.foldsAliases ? logged.toSorted((a, b) => compareCopies(a.copy, b.copy)) : logged;
  return policy.fold(
    ordered.map((one): Stamped<unknown> => {
      const role = isAlias(one) ? 'alias' : 'survivor';
      return {
        change: one.change,
        ...knowledge(one.command),
        effective: role === 'survivor' && one.fate === 'counts',
        role,
      };
    }),
  );
}

function compareCopies(a: Event, b: Event): number {
  return (
    causalSize(a.context) - causalSize(b.context) || compareTimes(a.time, b.time) || compareDots(a.dot, b.dot)
  );
}

/** The changes of a command share what it knew. */
function rememberKnowledge(copies: CopiesByDot): (command: Command) => Knowledge {
  const known = new Map<Command, Knowledge>();
  return (command) => {
    let knowledge = known.get(command);
    if (knowledge === undefined) {
      knowledge = knowledgeOf(command, copies);
      known.set(command, knowledge);
    }
    return knowledge;
  };
}

function vectorOf(dots: readonly Dot[]): VersionVector {
  const vector = new Map<Actor, number>();
  for (const { actor, seq } of dots) if ((vector.get(actor) ?? 0) < seq) vector.set(actor, seq);
  return vector;
}
