import { assert } from '../assert.js';
import { split, type MergePolicy, type Stamped } from './policy.js';

/** `fold` of policies without removals: nothing within the field takes anything, so one by one never splits. */
export function foldInOrder<State, Change>(
  policy: Pick<MergePolicy<State, Change>, 'initial' | 'apply'>,
  log: readonly Stamped<Change>[],
): State {
  let state = policy.initial();
  for (const stamped of log) {
    const next = policy.apply(state, stamped);
    assert(next !== split, 'a policy without removals folds from scratch without a split');
    state = next;
  }
  return state;
}
