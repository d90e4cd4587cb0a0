import { compareDots, type Dot } from '../causality/dot.js';
import { canonicalText, compareUtf8 } from '../event/canonical-json.js';
import type { Json } from '../json.js';
import { foldInOrder } from './fold-in-order.js';
import type { MergePolicy, Rejection, ValueSchema } from './policy.js';
import { decideSet, readSet, sameValue, type RegisterChange } from './register-change.js';
import { decodeDot, encodeDot, storedArray } from './stored-form.js';

interface Sibling {
  readonly dot: Dot;
  readonly value: Json;
}

/** The writes that no other write had observed and that no delete took, by dot. */
export type MultiValue = readonly Sibling[];

/**
 * A register that keeps concurrent values side by side until a write that observed them replaces them.
 *
 * Reads as the value where all live ones are equal, else as `{ siblings: [...] }` in canonical order. A field with
 * several different values takes no write that does not say what its client had read (`observed_required`), so that
 * the number of siblings is bounded by the number of concurrent writers.
 *
 * Source: Preguiça et al., "Dotted Version Vectors", 2010, arXiv:1011.5808.
 *
 * @param schema checks every value, also those of peers. Without it, any JSON is a value.
 */
export function multiValue(schema?: ValueSchema): MergePolicy<MultiValue, RegisterChange> {
  const policy: MergePolicy<MultiValue, RegisterChange> = {
    name: 'multi-value',
    version: 1,
    description: { name: 'multi-value', version: 1, schema: schema?.description ?? null },
    foldsAliases: false,
    replacesObserved: true,

    initial: () => [],
    decide(state, operation, { hasObserved }) {
      const decision = decideSet('multi-value', operation, schema);
      if (decision.kind === 'rejected' || hasObserved) return decision;
      return valuesOf(state).length > 1 ? observedRequired : decision;
    },
    readChange: readSet,
    isValid: ({ value }) => schema === undefined || schema.check(value).kind === 'valid',
    writeChange: ({ value }) => ({ value }),

    apply(state, { change, dot, observes, effective }) {
      const left = state.filter((sibling) => !observes(sibling.dot));
      if (effective) left.push({ dot, value: change.value });
      return left.sort((a, b) => compareDots(a.dot, b.dot));
    },
    take: (state, taken) => state.filter(({ dot }) => !taken(dot)),
    fold: (log) => foldInOrder(policy, log),
    reach: () => ({ place: [], takes: 'nothing' }),

    conflicts: (a, b) => !sameValue(a.value, b.value),
    conflictKey: () => '',

    value(state) {
      const values = valuesOf(state);
      return values.length > 1 ? { siblings: values } : (values[0] ?? null);
    },
    shows: (state, { value }) => state.some((sibling) => sameValue(sibling.value, value)),
    encode: (state) => state.map(({ dot, value }) => [encodeDot(dot), value]),
    decode: (json) => storedArray(json).map(decodeSibling),
  };
  return policy;
}

const observedRequired: Rejection = {
  kind: 'rejected',
  code: 'observed_required',
  detail:
    "The field has siblings: say with 'observed' what was read, so that it is known what this write replaces.",
  path: '',
};

/** A state with many siblings is read by each of those who will replace them. */
const valuesKnown = new WeakMap<MultiValue, readonly Json[]>();

/** The different live values, in canonical order. */
function valuesOf(state: MultiValue): readonly Json[] {
  if (state.length < 2) return state.map(({ value }) => value);
  const known = valuesKnown.get(state);
  if (known) return known;
  const byText = new Map(state.map(({ value }) => [canonicalText(value), value]));
  const values = [...byText].sort(([a], [b]) => compareUtf8(a, b)).map(([, value]) => value);
  valuesKnown.set(state, values);
  return values;
}

function decodeSibling(json: Json): Sibling {
  const [dot, value] = storedArray(json);
  return { dot: decodeDot(dot), value: value as Json };
}
