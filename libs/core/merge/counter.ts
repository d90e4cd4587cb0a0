import type { Json } from '../json.js';
import { addExactly, decodeSum, encodeSum, shownSum, type ExactSum } from './exact-sum.js';
import { foldInOrder } from './fold-in-order.js';
import {
  hasExactly,
  invalidValue,
  outOfRange,
  readInteger,
  unknownOperation,
  wrongArguments,
} from './operation.js';
import type { Decision, MergePolicy, Operation } from './policy.js';
import { contribute, decodeTallies, encodeTallies, takeTallies, type Tallies } from './tallies.js';

export interface CounterChange {
  readonly by: number;
}

/** Sums of the increments that nothing took, per actor. */
export type Counter = Tallies<ExactSum>;

/**
 * A counter: the sum of all increments, each exactly once however often a command was retried. It has no bounds, for a
 * clamp does not commute.
 *
 * An increment that would take the sum out of ±(2^53−1) here is refused. Regions that have not heard of each other can
 * still get beyond together; the sum stays exact, and reads as the end of the range until it is back within.
 *
 * Source: Shapiro et al., "A comprehensive study of Convergent and Commutative Replicated Data Types", 2011, §3.1.3.
 */
export function counter(): MergePolicy<Counter, CounterChange> {
  return counterOf('counter', -Number.MAX_SAFE_INTEGER);
}

/** A counter that takes no increment below `lowest`. */
export function counterOf(name: string, lowest: number): MergePolicy<Counter, CounterChange> {
  const policy: MergePolicy<Counter, CounterChange> = {
    name,
    version: 1,
    description: { name, version: 1 },
    foldsAliases: false,
    replacesObserved: false,

    initial: () => new Map(),
    decide: (state, operation) => decideIncrement(state, operation, { name, lowest }),
    readChange(json) {
      const by = hasExactly(json, ['by']) ? readInteger(json.by) : 'invalid';
      return typeof by === 'number' && by >= lowest ? { by } : undefined;
    },
    writeChange: ({ by }) => ({ by }),

    apply: (state, { change, dot, effective }) =>
      effective ? contribute(state, { dot, amount: change.by }, addExactly) : state,
    take: takeTallies,
    fold: (log) => foldInOrder(policy, log),
    reach: () => ({ place: [], takes: 'nothing' }),

    conflicts: () => false,
    conflictKey: () => undefined,

    value: (state) => shownSum(sumOf(state)),
    encode: (state) => encodeTallies(state, encodeSum),
    decode: (json) => decodeTallies(json, decodeSum),
  };
  return policy;
}

function decideIncrement(
  state: Counter,
  operation: Operation,
  { name, lowest }: { readonly name: string; readonly lowest: number },
): Decision<CounterChange> {
  if (operation.op !== 'increment') return unknownOperation(name, operation, ['increment']);
  const wrong = wrongArguments(operation, ['by']);
  if (wrong) return wrong;
  const by = readInteger(operation.by as Json);
  if (by === 'invalid') return invalidValue('/by', 'An increment is an integer.');
  if (by === 'out of range') return outOfRange('/by', 'An integer lies within ±(2^53−1).');
  if (by < lowest) return invalidValue('/by', `A ${name} takes no negative increment.`);
  const sum = sumOf(state);
  if (leadsOut(sum, by)) return outOfRange('/by', 'The sum would leave ±(2^53−1).');
  return { kind: 'accepted', change: { by } };
}

/** Whether the sum would lie beyond the range and no closer to it than now. */
function leadsOut(sum: ExactSum, by: number): boolean {
  if (typeof addExactly(sum, by) === 'number') return false;
  return sum > 0 ? by >= 0 : by <= 0;
}

function sumOf(state: Counter): ExactSum {
  let sum: ExactSum = 0;
  for (const { total } of state.values()) sum = addExactly(sum, total);
  return sum;
}
