import { assert } from '../assert.js';
import { compareDots, type Dot } from '../causality/dot.js';
import { includes, nothingSeen, withDot } from '../causality/version-vector.js';
import type { Event, FieldChange } from '../event/event.js';
import { knowledgeOfEvent, type Knowledge } from './copies.js';
import type { EntityState } from './entity-state.js';
import type { EntityType, Field } from './entity-type.js';
import { split, type Stamped } from './policy.js';
import { untaken } from './removal.js';

export type Folded = { readonly kind: 'folded'; readonly state: EntityState };

/** The compact state lacks the detail: fold the entity again from its log, this event included (PROTOCOL §4). */
export interface Refold {
  readonly kind: 'refold';
  /** `copy`: another event of the same command is in the state. `detail`: what it takes cannot be told apart any more. */
  readonly reason: 'copy' | 'detail';
}

const refoldForDetail: Refold = { kind: 'refold', reason: 'detail' };

/**
 * Folds one ready event (INV-6) into an entity. A duplicate changes nothing.
 *
 * @param copies dots of the other events of the same command that are stored here, folded or not.
 */
export function foldEvent(
  type: EntityType,
  state: EntityState,
  event: Event,
  copies: readonly Dot[],
): Folded | Refold {
  if (includes(state.seen, event.dot)) return { kind: 'folded', state };
  if (copies.some((copy) => includes(state.seen, copy))) return { kind: 'refold', reason: 'copy' };
  const seen = withDot(state.seen, event.dot);
  const knowledge = knowledgeOfEvent(event, state.copies);
  if (event.kind === 'delete') return foldDelete(type, { ...state, seen }, knowledge);
  if (type.onDelete === 'delete-wins' && !state.deletes.every(knowledge.covers)) {
    const ignored = foldChanges(type, state, event.changes, {
      ...knowledge,
      effective: false,
      role: 'alias',
    });
    return ignored === split
      ? refoldForDetail
      : { kind: 'folded', state: { ...state, seen, fields: ignored } };
  }
  const fields = foldChanges(type, state, event.changes, { ...knowledge, effective: true, role: 'survivor' });
  if (fields === split) return refoldForDetail;
  // The two are one until a delete or an alias comes: entities that never meet either need no second vector.
  const touched = state.touched === state.seen ? seen : withDot(state.touched, event.dot);
  return { kind: 'folded', state: { ...state, seen, touched, fields } };
}

/** A change that a delete-wins delete ignores comes as an alias: only policies that fold those see it. */
function foldChanges(
  type: EntityType,
  state: EntityState,
  changes: readonly FieldChange[],
  stamp: Omit<Stamped<unknown>, 'change'>,
): EntityState['fields'] | typeof split {
  if (changes.length === 0) return state.fields;
  const fields = new Map(state.fields);
  for (const { field: name, change: json } of changes) {
    const { policy } = fieldOf(type, name);
    if (stamp.role === 'alias' && !policy.foldsAliases) continue;
    if (policy.endsWithDelete === true && !state.deletes.every(stamp.covers)) continue;
    const change: unknown = policy.readChange(json);
    assert(change !== undefined, 'INV-14: a change is checked before its event is folded');
    // With aliases about, what a survivor knew of one actor is no longer a prefix: only the log can tell what is taken.
    if (state.copies.size > 0 && policy.reach(change).takes !== 'nothing') return split;
    const before: unknown = fields.has(name) ? fields.get(name) : policy.initial();
    const after: unknown = policy.apply(before, { change, ...stamp });
    if (after === split) return split;
    fields.set(name, after);
  }
  return fields;
}

/** A delete that is its command's only copy: nothing in the state has it in its context yet. */
function foldDelete(type: EntityType, state: EntityState, knowledge: Knowledge): Folded | Refold {
  const deletes = [...state.deletes.filter((dot) => !knowledge.covers(dot)), knowledge.dot].sort(compareDots);
  if (type.onDelete === 'delete-wins') {
    const fields = takeFrom(type, keptByDeletes(type, state.fields), () => true);
    if (fields === split) return refoldForDetail;
    return { kind: 'folded', state: { ...state, deletes, touched: nothingSeen, fields } };
  }
  if (state.copies.size > 0) return refoldForDetail;
  const fields = takeFrom(type, state.fields, knowledge.survivorCovers);
  if (fields === split) return refoldForDetail;
  const touched = untaken(state.touched, knowledge.survivorCovers);
  return { kind: 'folded', state: { ...state, deletes, touched, fields } };
}

function takeFrom(
  type: EntityType,
  fields: EntityState['fields'],
  taken: (dot: Dot) => boolean,
): EntityState['fields'] | typeof split {
  const left = new Map<string, unknown>();
  for (const [name, before] of fields) {
    const { policy } = fieldOf(type, name);
    // Nothing that is here had seen the delete: the life is over, and nothing of it is left to know.
    if (policy.endsWithDelete === true) continue;
    const after: unknown = policy.take(before, taken);
    if (after === split) return split;
    left.set(name, after);
  }
  return left;
}

/** What a delete-wins delete ignores has no effect at all, so that most fields start again from nothing. */
function keptByDeletes(type: EntityType, fields: EntityState['fields']): EntityState['fields'] {
  return new Map([...fields].filter(([name]) => fieldOf(type, name).policy.foldsAliases));
}

/** The declared field; readiness has parked events that name another. */
export function fieldOf(type: EntityType, name: string): Field {
  const field = type.fields.get(name);
  assert(field !== undefined, `INV-14: ${type.name} has a field ${name}, or its event was parked`);
  return field;
}
