import { includes, join, nothingSeen, type VersionVector } from '../causality/version-vector.js';
import { isBefore, knows, type Command } from './copies.js';
import type { DeleteRule } from './entity-type.js';
import type { Reach } from './policy.js';

/** `counts`: folded in full. `taken`: only its negative effects are (§11). `ignored`: it has no effect at all. */
export type Fate = 'counts' | 'taken' | 'ignored';

export interface DeletesSeen {
  /** The deletes that no other delete is after. */
  readonly standing: readonly Command[];
  fateOf(command: Command): Fate;
}

/** What an entity's deletes make of its updates (PROTOCOL §11). `commands` in a linear extension of "before". */
export function judgeDeletes(rule: DeleteRule, commands: readonly Command[]): DeletesSeen {
  let standing: readonly Command[] = [];
  let taken: VersionVector = nothingSeen;
  for (const command of commands) {
    if (command.survivor.kind !== 'delete') continue;
    standing = withLatest(standing, command);
    taken = join(taken, command.survivor.context);
  }
  if (rule === 'update-wins') {
    return { standing, fateOf: (command) => (knows(taken, command) ? 'taken' : 'counts') };
  }
  const seesAll = ({ survivor }: Command): boolean => standing.every((one) => knows(survivor.context, one));
  return { standing, fateOf: (command) => (seesAll(command) ? 'counts' : 'ignored') };
}

/** Adds a command and drops those that it is after: who knows it, knows them. */
function withLatest(standing: readonly Command[], latest: Command): readonly Command[] {
  return [...standing.filter((earlier) => !isBefore(earlier, latest)), latest];
}

/** One change among all the changes of a field. */
export interface ReachedChange {
  readonly command: Command;
  readonly reach: Reach;
}

/**
 * Which changes of one field lose their contribution to removals among them.
 *
 * What a `seen` removal takes is all that is in its survivor's context, so the removals of one place take together
 * what is in the join of those contexts: one look-up per change and place, however many removals there are.
 *
 * @param changes in a linear extension of "before"; those of one command together, in the order of its operations.
 */
export function takenAmong(changes: readonly ReachedChange[]): readonly boolean[] {
  if (changes.every(({ reach }) => reach.takes === 'nothing')) return changes.map(() => false);
  const seen = new Map<string, VersionVector>();
  const unaware = new Map<string, readonly Command[]>();
  for (const { command, reach } of changes) {
    if (reach.takes === 'nothing') continue;
    const place = placeKeys(reach.place).at(-1) ?? '';
    if (reach.takes === 'seen') {
      seen.set(place, join(seen.get(place) ?? nothingSeen, command.survivor.context));
    } else {
      unaware.set(place, withLatest(unaware.get(place) ?? [], command));
    }
  }
  const later = takenByTheirOwn(changes);
  return changes.map(({ command, reach }, at) => {
    if (later[at] === true) return true;
    return placeKeys(reach.place).some((place) => {
      const known = seen.get(place);
      if (known !== undefined && knows(known, command)) return true;
      return (unaware.get(place) ?? []).some(
        (removal) => removal !== command && !knows(command.survivor.context, removal),
      );
    });
  });
}

/** Within one command, a removal takes what the operations before it did. */
function takenByTheirOwn(changes: readonly ReachedChange[]): readonly boolean[] {
  const taken = changes.map(() => false);
  let places = new Set<string>();
  for (let at = changes.length - 1; at >= 0; at -= 1) {
    const { command, reach } = changes[at] as ReachedChange;
    if (command !== changes[at + 1]?.command) places = new Set();
    const keys = placeKeys(reach.place);
    taken[at] = keys.some((key) => places.has(key));
    if (reach.takes !== 'nothing') places.add(keys.at(-1) ?? '');
  }
  return taken;
}

/** Keys of a place and of all places above it, the whole field first. Lengths keep `['a','b']` apart from `['ab']`. */
export function placeKeys(place: readonly string[]): readonly string[] {
  const keys = [''];
  let key = '';
  for (const part of place) {
    key += `${part.length}:${part}`;
    keys.push(key);
  }
  return keys;
}
