import { join, nothingSeen, type VersionVector } from '../causality/version-vector.js';
import { isBefore, knows, type Command } from './copies.js';
import type { DeleteRule } from './entity-type.js';

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
