import type { FieldChange } from '../event/event.js';
import type { EntityState } from './entity-state.js';
import type { EntityType } from './entity-type.js';

/**
 * Whether a read shows nothing any more of what folded changes wrote: other writes, or a delete, took the place of each. Changes of
 * a policy whose value keeps what is folded (counters, sets, text) are never superseded.
 */
export function isSuperseded(type: EntityType, state: EntityState, changes: readonly FieldChange[]): boolean {
  return changes.length > 0 && changes.every((change) => !isShown(type, state, change));
}

function isShown(type: EntityType, state: EntityState, { field, change }: FieldChange): boolean {
  const policy = type.fields.get(field)?.policy;
  if (policy?.shows === undefined) return true;
  const read: unknown = policy.readChange(change);
  if (read === undefined) return true;
  return policy.shows(state.fields.has(field) ? state.fields.get(field) : policy.initial(), read);
}
