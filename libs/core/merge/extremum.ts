import type { Json } from '../json.js';
import { foldInOrder } from './fold-in-order.js';
import {
  hasExactly,
  invalidValue,
  outOfRange,
  readNumber,
  unknownOperation,
  wrongArguments,
} from './operation.js';
import type { Decision, MergePolicy, Operation } from './policy.js';
import { storedNumber } from './stored-form.js';
import { contribute, decodeTallies, encodeTallies, takeTallies, type Tallies } from './tallies.js';

export interface ExtremumChange {
  readonly value: number;
}

/** The extreme value per actor, among the writes that nothing took. */
export type Extremum = Tallies<number>;

interface ExtremumOptions {
  readonly name: string;
  readonly op: string;
  readonly together: (a: number, b: number) => number;
}

/** The register that keeps the extreme; see `maxRegister` and `minRegister`. */
export function extremumOf({ name, op, together }: ExtremumOptions): MergePolicy<Extremum, ExtremumChange> {
  const policy: MergePolicy<Extremum, ExtremumChange> = {
    name,
    version: 1,
    description: { name, version: 1 },
    foldsAliases: false,
    replacesObserved: false,

    initial: () => new Map(),
    decide: (_state, operation) => decideMove(operation, { name, op }),
    readChange(json) {
      const value = hasExactly(json, ['value']) ? readNumber(json.value) : 'invalid';
      return typeof value === 'number' ? { value } : undefined;
    },
    writeChange: ({ value }) => ({ value }),

    apply: (state, { change, dot, effective }) =>
      effective ? contribute(state, { dot, amount: change.value }, together) : state,
    take: takeTallies,
    fold: (log) => foldInOrder(policy, log),
    reach: () => ({ place: [], takes: 'nothing' }),

    conflicts: () => false,
    conflictKey: () => undefined,

    value(state) {
      let extreme: number | null = null;
      for (const { total } of state.values()) extreme = extreme === null ? total : together(extreme, total);
      return extreme;
    },
    shows: (state, { value }) => policy.value(state) === value,
    encode: (state) => encodeTallies(state, (total) => total),
    decode: (json) => decodeTallies(json, storedNumber),
  };
  return policy;
}

function decideMove(
  operation: Operation,
  { name, op }: { readonly name: string; readonly op: string },
): Decision<ExtremumChange> {
  if (operation.op !== op) return unknownOperation(name, operation, [op]);
  const wrong = wrongArguments(operation, ['value']);
  if (wrong) return wrong;
  const value = readNumber(operation.value as Json);
  if (value === 'invalid') return invalidValue('/value', `A ${name} holds numbers.`);
  if (value === 'out of range') return outOfRange('/value', 'An integer lies within ±(2^53−1).');
  return { kind: 'accepted', change: { value } };
}
