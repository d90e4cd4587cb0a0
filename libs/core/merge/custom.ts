import type { Dot } from '../causality/dot.js';
import type { HybridTimestamp } from '../causality/hybrid-timestamp.js';
import { canonicalText } from '../event/canonical-json.js';
import { nestingDepth } from '../event/text-limits.js';
import type { Json } from '../json.js';
import { parseJson } from '../parse-json.js';
import { foldInOrder } from './fold-in-order.js';
import { invalidValue, isStorable, unknownOperation } from './operation.js';
import { split, type Decision, type MergePolicy, type Operation } from './policy.js';
import { storedArray } from './stored-form.js';
import { contribute, decodeTallies, encodeTallies, takeTallies, type Tallies } from './tallies.js';

/** What a custom policy may know of a change beside the change itself: the same in every region. */
export interface CustomStamp {
  readonly dot: Dot;
  readonly time: HybridTimestamp;
}

/** Why a custom policy refuses an operation; `path` is a JSON pointer into it. */
export interface CustomRefusal {
  readonly refuse: string;
  readonly path?: string;
}

/**
 * A policy of the user's own. All functions are pure: same arguments, same answer, arguments left as they were. Values
 * and changes are JSON. Regions apply concurrent changes in different orders, and must end with the same value:
 * `checkLaws` looks for counter-examples.
 */
export interface CustomPolicy<Value extends Json, Change extends Json> {
  readonly name: string;
  /**
   * Says what its functions are: it travels in the events, and a region folds one version. So only what `decide` refuses and
   * makes may change under a name that events were written under; other functions are another policy, for a new field.
   */
  readonly version: number;
  /** Names of its operations. */
  readonly operations: readonly string[];
  readonly initial: Value;
  /** Runs once, in the region that takes the command. */
  readonly decide: (value: Value, operation: Operation) => { readonly change: Change } | CustomRefusal;
  /** Runs in every region. */
  readonly apply: (value: Value, change: Change, stamp: CustomStamp) => Value;
  /** Whether a peer's change is one that `decide` could have made (INV-14). Absent: any JSON is. */
  readonly isChange?: (json: Json) => boolean;
  /** Which concurrent changes the conflict feed tells, in either order. Absent: none. */
  readonly conflicts?: (a: Change, b: Change) => boolean;
  /** What a read shows. Absent: the value itself. */
  readonly value?: (value: Value) => Json;
}

export interface CustomState<Value> {
  readonly value: Value;
  /** Per actor, its first and last change in the value. */
  readonly spans: Tallies<null>;
}

/**
 * Folds by the user's functions. What a change did to the value cannot be taken back, so a delete or a removal that takes
 * some changes and leaves others folds the field again without those that are taken.
 */
export function custom<Value extends Json, Change extends Json>(
  own: CustomPolicy<Value, Change>,
): MergePolicy<CustomState<Value>, Change> {
  const { name, version } = own;
  const initial: CustomState<Value> = { value: own.initial, spans: new Map() };
  const policy: MergePolicy<CustomState<Value>, Change> = {
    name,
    version,
    description: { name, version, custom: true, operations: own.operations },
    foldsAliases: false,
    replacesObserved: false,

    initial: () => initial,
    decide: (state, operation) => decide(own, state.value, operation),
    readChange: (json) => readChange(own, json),
    writeChange: (change) => change,

    apply(state, { change, dot, time, effective }) {
      if (!effective) return state;
      const value = own.apply(state.value, change, { dot, time });
      return { value, spans: contribute(state.spans, { dot, amount: null }, () => null) };
    },
    take(state, taken) {
      const spans = takeTallies(state.spans, taken);
      if (spans === split || spans.size === state.spans.size) return spans === split ? split : state;
      return spans.size === 0 ? initial : split;
    },
    fold: (log) => foldInOrder(policy, log),
    reach: () => ({ place: [], takes: 'nothing' }),

    conflicts: (a, b) => own.conflicts?.(a, b) === true,
    conflictKey: () => (own.conflicts ? '' : undefined),

    value: (state) => (own.value ? own.value(state.value) : state.value),
    encode: (state) => [state.value, encodeTallies(state.spans, () => null)],
    decode(json) {
      const [value, spans] = storedArray(json);
      return { value: value as Value, spans: decodeTallies(spans as Json, () => null) };
    },
  };
  return policy;
}

function decide<Value extends Json, Change extends Json>(
  own: CustomPolicy<Value, Change>,
  value: Value,
  operation: Operation,
): Decision<Change> {
  if (!own.operations.includes(operation.op)) return unknownOperation(own.name, operation, own.operations);
  try {
    return readAnswer(own, own.decide(value, operation));
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    return invalidValue('', `${own.name} cannot decide it: ${reason}`);
  }
}

/** Takes nothing on trust: the types of the user's functions are gone when they run. */
function readAnswer<Value extends Json, Change extends Json>(
  own: CustomPolicy<Value, Change>,
  answer: unknown,
): Decision<Change> {
  const unreadable = invalidValue(
    '',
    `${own.name} answered neither a change that can be sent nor a refusal.`,
  );
  if (typeof answer !== 'object' || answer === null) return unreadable;
  if ('change' in answer) {
    const change = asPeersRead(own, answer.change);
    return change === undefined ? unreadable : { kind: 'accepted', change };
  }
  const { refuse, path = '' } = answer as Partial<CustomRefusal>;
  if (typeof refuse !== 'string' || typeof path !== 'string') return unreadable;
  return { kind: 'rejected', code: 'precondition_failed', detail: refuse, path };
}

/** How deep a change may nest: the rest of an event's depth is for the envelope, and for maps that the policy is in. */
const changeDepthMax = 64;

/**
 * The change as every region will read it, so that the one that decided folds the very same; `undefined` where they would
 * park it.
 */
function asPeersRead<Value extends Json, Change extends Json>(
  own: CustomPolicy<Value, Change>,
  change: unknown,
): Change | undefined {
  if (change === undefined || !isStorable(change as Json)) return undefined;
  const text = canonicalText(change as Json);
  if (nestingDepth(text, changeDepthMax) > changeDepthMax) return undefined;
  return readChange(own, parseJson(text) as Json);
}

/** A peer may send anything, also what the user's function did not think of (INV-14). */
function readChange<Value extends Json, Change extends Json>(
  own: CustomPolicy<Value, Change>,
  json: Json,
): Change | undefined {
  try {
    return isStorable(json) && own.isChange?.(json) !== false ? (json as Change) : undefined;
  } catch {
    return undefined;
  }
}
