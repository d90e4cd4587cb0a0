import { observedRemoveSet, type ObservedRemoveSet, type SetChange } from './observed-remove-set.js';
import type { MergePolicy } from './policy.js';
import { addWins, type AddWins } from './presence.js';

/**
 * A set in which an add survives every remove that had not seen it.
 *
 * Any add of an element cancels the adds that it is after, and leaves its own dot. Two regions that hold the same events
 * hold the same map, whatever the order of arrival (INV-4).
 *
 * Source: Bieniusa et al., "An Optimized Conflict-free Replicated Set", 2012, arXiv:1210.3368.
 */
export function addWinsSet(): MergePolicy<ObservedRemoveSet<AddWins>, SetChange> {
  return observedRemoveSet('add-wins-set', addWins);
}
