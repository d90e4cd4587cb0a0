import { assert } from '../assert.js';
import type { Dot } from '../causality/dot.js';
import type { HybridTimestamp } from '../causality/hybrid-timestamp.js';
import { covers, type VersionVector } from '../causality/version-vector.js';
import type { FieldChange } from '../event/event.js';
import { knowledgeOfEvent, type Knowledge } from './copies.js';
import type { EntityState } from './entity-state.js';
import type { EntityType } from './entity-type.js';
import {
  nowhere,
  split,
  type AnyPolicy,
  type DecisionStamp,
  type Operation,
  type Place,
  type Rejection,
} from './policy.js';

/** An operation on one field, as a client sends it: `{ field, op, … }`. */
export interface FieldOperation extends Operation {
  readonly field: string;
}

export interface EntityCommand {
  readonly kind: 'update' | 'delete';
  readonly operations: readonly FieldOperation[];
  /** Whether the client said what it had read. */
  readonly hasObserved: boolean;
}

export interface EntityStamp {
  readonly dot: Dot;
  readonly time: HybridTimestamp;
  /** The entity's `seen`. */
  readonly context: VersionVector;
  readonly observed?: VersionVector;
  /** Left out: nothing is known of where it is decided. */
  readonly place?: Place;
}

export interface AcceptedChanges {
  readonly kind: 'accepted';
  readonly changes: readonly FieldChange[];
}

export interface RejectedCommand {
  readonly kind: 'rejected';
  readonly code: 'unknown_field' | Rejection['code'];
  /** JSON pointer into the command, for example `/operations/3/value/name`. */
  readonly path: string;
  readonly detail: string;
}

/**
 * Decides, at the origin, what a command does to an entity's fields. Operations are taken in order, and each sees what
 * those before it did. The event made of the answer is then folded like any other.
 */
export function decideChange(
  type: EntityType,
  state: EntityState,
  command: EntityCommand,
  stamp: EntityStamp,
): AcceptedChanges | RejectedCommand {
  assert(covers(stamp.context, state.seen), 'INV-6: a command is decided on no more than its context holds');
  if (command.kind === 'delete') return decideDelete(command);
  const { dot, time, place = nowhere } = stamp;
  const decision: DecisionStamp = { dot, time, hasObserved: command.hasObserved, place };
  const knowledge = knowledgeOfEvent(stamp, state.copies);
  /** What the operations so far made of their fields, for those that follow. */
  let made: Map<string, unknown> | undefined;
  const changes: FieldChange[] = [];
  for (const [at, { field: name, ...operation }] of command.operations.entries()) {
    const path = `/operations/${at}`;
    const field = type.fields.get(name);
    if (field === undefined) {
      return {
        kind: 'rejected',
        code: 'unknown_field',
        path: `${path}/field`,
        detail: `${type.name} has no field '${name}'.`,
      };
    }
    const { policy } = field;
    if (policy.endsWithDelete === true && !mayBegin(state, name, place)) {
      const detail = 'The entity was deleted, and not every region is known to have seen that yet.';
      return { kind: 'rejected', code: 'not_yet_stable', path, detail };
    }
    const from = made?.has(name) === true ? made : state.fields;
    const before: unknown = from.has(name) ? from.get(name) : policy.initial();
    const decided = policy.decide(before, operation, decision);
    if (decided.kind === 'rejected') return { ...decided, path: path + decided.path };
    const reader = command.operations.findIndex(({ field: other }, later) => later > at && other === name);
    if (reader !== -1) {
      const after = applied(policy, before, decided.change, knowledge);
      if (after === split) return oneByOne(`/operations/${reader}`);
      (made ??= new Map()).set(name, after);
    }
    changes.push({ field: name, policyVersion: policy.version, change: policy.writeChange(decided.change) });
  }
  return { kind: 'accepted', changes };
}

/**
 * A life that has begun was begun by somebody who knew that the deletes before it are stable. With nothing there, they
 * must be stable as far as is known here.
 */
function mayBegin({ fields, deletes }: EntityState, field: string, { isStable }: Place): boolean {
  return fields.has(field) || deletes.every(isStable);
}

function decideDelete({ operations }: EntityCommand): AcceptedChanges | RejectedCommand {
  if (operations.length === 0) return { kind: 'accepted', changes: [] };
  return {
    kind: 'rejected',
    code: 'unknown_operation',
    path: '/operations',
    detail: 'A delete has no operations.',
  };
}

function applied(policy: AnyPolicy, before: unknown, change: unknown, knowledge: Knowledge): unknown {
  return policy.apply(before, { change, ...knowledge, effective: true, role: 'survivor' });
}

/** Where only the log can tell (a text in which two writers shared an id), a change has to be folded before the next sees it. */
function oneByOne(path: string): RejectedCommand {
  const detail =
    'What the operations before it make of this field is known only later: send them one by one.';
  return { kind: 'rejected', code: 'precondition_failed', path, detail };
}
