import type { Dot } from '../causality/dot.js';
import type { HybridTimestamp } from '../causality/hybrid-timestamp.js';
import type { Json } from '../json.js';

/**
 * A change as a policy folds it.
 *
 * A retried command may be several events (copies); the policy sees one change, the survivor's, and asks here what
 * was known to it (PROTOCOL §5). Without aliases the three questions have one answer: is the dot in the context?
 */
export interface Stamped<Change> {
  readonly change: Change;
  /** The survivor's dot. */
  readonly dot: Dot;
  readonly time: HybridTimestamp;
  /** Each copy had the dot's command in its context: what a write or an add replaces. */
  readonly covers: (dot: Dot) => boolean;
  /** The survivor had it in its context: what a removal or a disable takes, and what an add counts as after. */
  readonly survivorCovers: (dot: Dot) => boolean;
  /** Each copy had observed it: what a multi-value write replaces. Without `observed`, the same as `covers`. */
  readonly observes: (dot: Dot) => boolean;
  /** The dot that stands for a command: the survivor's for every copy, any other dot itself. */
  readonly standsFor: (dot: Dot) => Dot;
  /** `false`: a delete or a removal took what this change contributes; what it replaced or removed stays so (§11). */
  readonly effective: boolean;
  /** `alias`: another copy survived. Only policies that say `foldsAliases` ever see one. */
  readonly role: 'survivor' | 'alias';
}

/** What a policy may use to decide an operation at the origin. */
export interface DecisionStamp {
  readonly dot: Dot;
  readonly time: HybridTimestamp;
  /** Whether the command said what its client had read. */
  readonly hasObserved: boolean;
}

export interface Rejection {
  readonly kind: 'rejected';
  readonly code: 'unknown_operation' | 'invalid_value' | 'out_of_range' | 'observed_required' | 'precondition_failed';
  readonly detail: string;
  /** Where in the operation, as a JSON pointer relative to it (`/value/name`); '' for the whole. */
  readonly path: string;
}

export type Decision<Change> = { readonly kind: 'accepted'; readonly change: Change } | Rejection;

/** An operation of a client on one field: `{ op, … }` without the field's name. Already JSON, not yet trusted. */
export interface Operation {
  readonly op: string;
  readonly [argument: string]: Json;
}

/**
 * How one field folds changes, in any causal order, to one state. Pure data in, data out; inputs are never mutated.
 *
 * `State` may be any immutable value; `encode` gives its canonical JSON form (equal states, equal bytes).
 */
export interface MergePolicy<State = unknown, Change = unknown> {
  readonly name: string;
  readonly version: number;
  /** Name, version and options as JSON: what two regions compare before they trust each other's events. */
  readonly description: Json;
  /** Whether aliases are folded too (text: their items must exist, deleted). */
  readonly foldsAliases: boolean;

  initial(): State;

  /** Runs once, at the origin. Refuses bad operations with a typed reason, and never throws. */
  decide(state: State, operation: Operation, stamp: DecisionStamp): Decision<Change>;

  /** Reads a change from JSON as a peer sent it; `undefined` when it is not a valid one (INV-14). */
  readChange(json: Json): Change | undefined;
  writeChange(change: Change): Json;

  /** Folds one change into the state. `split`: the compact state lacks the detail; fold again from the log (§4). */
  apply(state: State, stamped: Stamped<Change>): State | Split;

  /** Takes every contribution that `taken` says a delete (or the removal of a map key) had seen. */
  take(state: State, taken: (dot: Dot) => boolean): State | Split;

  /**
   * When folding from scratch, changes are applied by rank, then in causal order. Policies whose removals look at the
   * survivor's context need the adds first (rank 0) or the removals first; all others return 0.
   */
  rank(change: Change): number;

  /** Whether two concurrent changes of the field do not commute. Symmetric. */
  conflicts(a: Change, b: Change): boolean;

  /** Changes with different keys never conflict; `undefined`: this change never conflicts with any. */
  conflictKey(change: Change): string | undefined;

  /** What a read shows. */
  value(state: State): Json;

  encode(state: State): Json;
  decode(json: Json): State;
}

export const split = Symbol('split');
export type Split = typeof split;

/** A policy whose state and change types are nobody else's business. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- existential type: a registry holds policies of any state
export type AnyPolicy = MergePolicy<any, any>;

/** Checks a value of a register: the declared schema, as core sees it. Issues carry JSON pointers. */
export interface ValueSchema {
  readonly description: Json;
  check(value: Json): { readonly kind: 'valid'; readonly value: Json } | { readonly kind: 'invalid'; readonly path: string; readonly message: string };
}
