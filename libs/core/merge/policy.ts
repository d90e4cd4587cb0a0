import type { Actor, Dot } from '../causality/dot.js';
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
  /**
   * Each copy had the dot's command in its context: what a write or an add replaces. In all three questions the change's
   * own dot counts as known: what is in the state under it comes from an earlier change of the same event.
   */
  readonly covers: (dot: Dot) => boolean;
  /** The survivor had it in its context: what a removal or a disable takes, and what an add counts as after. */
  readonly survivorCovers: (dot: Dot) => boolean;
  /** Each copy had observed it: what a multi-value write replaces. Without `observed`, the same as `covers`. */
  readonly observes: (dot: Dot) => boolean;
  /** The dot that stands for a command: the survivor's for every copy, any other dot itself. */
  readonly standsFor: (dot: Dot) => Dot;
  /**
   * `false`: a delete of the entity took what this change contributes; what it replaced or removed stays so (§11). What
   * removals within the field take is not in here: a policy settles that itself, in `apply` and in `fold`.
   */
  readonly effective: boolean;
  /**
   * `alias`: the change is left out, because another copy survived (`dot` and `time` are then the survivor's), or because
   * a delete-wins delete ignores the command. Only policies that say `foldsAliases` ever see one; it is not effective.
   */
  readonly role: 'survivor' | 'alias';
}

/** Where something is shown or decided: what the events alone do not say. Policies that hold rights look at it. */
export interface Here {
  /** The actor that this region mints as now. */
  readonly actor: Actor;
  /** Whether an event is known here to be folded everywhere, so that nothing concurrent with it can still arrive. */
  readonly isStable: (dot: Dot) => boolean;
}

/** Where an operation is decided. */
export interface Place {
  readonly isStable: Here['isStable'];
  /** Whether the command was born in this region: then no copy of it can survive this one. */
  readonly isBornHere: boolean;
  /** The actor of another region: `unheard` of a member that nothing was heard of; `undefined` of anybody else. */
  readonly actorOf: (region: string) => Actor | 'unheard' | undefined;
  /** All regions. */
  readonly members: readonly string[];
  /**
   * Whether it is known here what a majority of the members had minted in the shard no longer ago than so many
   * milliseconds, the own region included, those named left out.
   */
  readonly hearsMajority: (leaseMillis: number, without: readonly string[]) => boolean;
}

/** Of those who do not say where they are: nothing is stable and nobody is known. */
export const nowhere: Place = {
  isStable: () => false,
  isBornHere: true,
  actorOf: () => undefined,
  members: [],
  hearsMajority: () => false,
};

/** What a policy may use to decide an operation at the origin. */
export interface DecisionStamp {
  readonly dot: Dot;
  readonly time: HybridTimestamp;
  /** Whether the command said what its client had read. */
  readonly hasObserved: boolean;
  /** Left out: `nowhere`. */
  readonly place?: Place;
}

export interface Rejection {
  readonly kind: 'rejected';
  readonly code:
    | 'unknown_operation'
    | 'invalid_value'
    | 'out_of_range'
    | 'observed_required'
    | 'precondition_failed'
    | 'insufficient_rights'
    | 'not_yet_stable'
    | 'reservation_not_found'
    | 'reservation_elsewhere'
    | 'rights_lapsed'
    | 'born_elsewhere';
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
 * Where a change acts and what it takes away. Folding one by one uses it to tell the changes that need more than the
 * compact state once a command has several copies: what a survivor knew of one actor is then no longer a prefix.
 */
export interface Reach {
  /** `[]`: the whole field. A set's element; a map's key followed by the place of the inner change. */
  readonly place: readonly string[];
  /**
   * Which contributions at its place, and at all places below it, the change takes:
   * - `nothing`: it writes, adds, increments, enables.
   * - `seen`: those that its survivor had in its context (a removal from an add-wins set or map, an enable-wins disable).
   * - `unaware`: those whose survivor did not have it in its context (a removal from a remove-wins set, a disable-wins
   *   disable).
   */
  readonly takes: 'nothing' | 'seen' | 'unaware';
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
  /**
   * Whether changes that are left out are folded too (role `alias`; text: what others typed on top of them needs their
   * items to exist, deleted). The state of such a field is never dropped: a delete-wins delete takes from it like any.
   */
  readonly foldsAliases: boolean;
  /**
   * Whether a write replaces what it `observes` and not what it `covers` (multi-value; a map of such). Then a write is
   * also in conflict with the values that were live in its context and that it had not observed (§4).
   */
  readonly replacesObserved: boolean;
  /**
   * Whether a delete ends the field's life under either delete rule: everything that had not seen every delete is gone,
   * and the next life begins only once they are stable (§11). Left out: no.
   */
  readonly endsWithDelete?: boolean;
  /** Operations that regions send themselves and each other, and refuse from clients. Left out: none. */
  readonly ownOperations?: ReadonlySet<string>;

  initial(): State;

  /** Runs once, at the origin. Refuses bad operations with a typed reason, and never throws. */
  decide(state: State, operation: Operation, stamp: DecisionStamp): Decision<Change>;

  /** Reads a change from JSON as a peer sent it; `undefined` when it is not a valid one (INV-14). */
  readChange(json: Json): Change | undefined;
  /**
   * Whether the declaration takes the change: asked of events that were written under the declared schema version. What was
   * written under an earlier one, or is folded already, stays what it is. Left out: it takes whatever can be read.
   */
  isValid?(change: Change): boolean;
  writeChange(change: Change): Json;

  /** Folds one change into the state. `split`: the compact state lacks the detail; fold again from the log (§4). */
  apply(state: State, stamped: Stamped<Change>): State | Split;

  /** Takes every contribution that `taken` says a delete (or the removal of a map key) had seen. */
  take(state: State, taken: (dot: Dot) => boolean): State | Split;

  /**
   * From scratch: the state after the field's whole log, also where `apply` one by one had to split. Which contributions
   * the removals among these changes take (any copy, each increment by itself) is settled first, over the whole log;
   * only what is left is contributed, so it never splits. *(By `apply` alone it could: a removal takes what its survivor
   * had seen, and with aliases no order puts all of that before the removal.)*
   *
   * @param log in a linear extension of "before"; the changes of one event together, in the order of its operations.
   *   Where aliases are folded too, in any order that keeps the changes of one event together.
   */
  fold(log: readonly Stamped<Change>[]): State;

  /** Where in the field a change acts, and what it takes away there. */
  reach(change: Change): Reach;

  /** Whether two concurrent changes of the field do not commute. Symmetric. */
  conflicts(a: Change, b: Change): boolean;

  /** Changes with different keys never conflict; `undefined`: this change never conflicts with any. */
  conflictKey(change: Change): string | undefined;

  /** What a read shows: the same in every region that has seen the same (INV-4). */
  value(state: State): Json;

  /**
   * Whether a read shows what the change wrote, alone or beside others. Left out: no write takes another's place, so what
   * was folded is in the value.
   */
  shows?(state: State, change: Change): boolean;

  /** What a read shows to clients of one region, where that is not `value`. */
  valueHere?(state: State, here: Here): Json;

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
  check(
    value: Json,
  ):
    | { readonly kind: 'valid'; readonly value: Json }
    | { readonly kind: 'invalid'; readonly path: string; readonly message: string };
}
