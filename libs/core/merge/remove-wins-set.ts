import { observedRemoveSet, type ObservedRemoveSet, type SetChange } from './observed-remove-set.js';
import type { MergePolicy } from './policy.js';
import { removeWins, type RemoveWins } from './presence.js';

/**
 * A set in which a remove wins over every add that had not seen it: an element is in it if one add has every removal of
 * the element in its context (PROTOCOL §11).
 *
 * Source: Bieniusa et al., "Brief Announcement: Semantics of Eventually Consistent Replicated Sets", DISC 2012.
 */
export function removeWinsSet(): MergePolicy<ObservedRemoveSet<RemoveWins>, SetChange> {
  return observedRemoveSet('remove-wins-set', removeWins);
}
