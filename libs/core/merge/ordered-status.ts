import { assert } from '../assert.js';
import { foldInOrder } from './fold-in-order.js';
import { hasExactly, invalidValue, isStorable, unknownOperation, wrongArguments } from './operation.js';
import type { MergePolicy } from './policy.js';
import { storedString } from './stored-form.js';
import { contribute, decodeTallies, encodeTallies, takeTallies, type Tallies } from './tallies.js';

export interface StatusChange {
  readonly to: string;
}

/** The furthest status per actor, among the advances that nothing took. */
export type OrderedStatus = Tallies<string>;

/**
 * A status that only moves along a declared order: the furthest that any region advanced to. Advancing to an earlier one
 * is accepted and changes nothing, for another region may be further already without anybody here knowing.
 *
 * Before the first advance it reads as the first declared status.
 *
 * @param statuses at least one, each once, from the first to the last.
 */
export function orderedStatus(statuses: readonly string[]): MergePolicy<OrderedStatus, StatusChange> {
  const [start] = statuses;
  assert(start !== undefined, 'an ordered status declares at least one status');
  const ranks = new Map(statuses.map((status, rank) => [status, rank]));
  assert(ranks.size === statuses.length, 'an ordered status declares each status once');
  const rankOf = (status: string): number => ranks.get(status) ?? -1;
  const further = (a: string, b: string): string => (rankOf(b) > rankOf(a) ? b : a);
  const isStatus = (json: unknown): json is string => typeof json === 'string' && ranks.has(json);

  const policy: MergePolicy<OrderedStatus, StatusChange> = {
    name: 'ordered-status',
    version: 1,
    description: { name: 'ordered-status', version: 1, statuses },
    foldsAliases: false,
    replacesObserved: false,

    initial: () => new Map(),
    decide(_state, operation) {
      if (operation.op !== 'advance') return unknownOperation('ordered-status', operation, ['advance']);
      const wrong = wrongArguments(operation, ['to']);
      if (wrong) return wrong;
      if (!isStatus(operation.to)) return invalidValue('/to', `It is one of ${statuses.join(', ')}.`);
      return { kind: 'accepted', change: { to: operation.to } };
    },
    readChange: (json) =>
      hasExactly(json, ['to']) && typeof json.to === 'string' && isStorable(json.to)
        ? { to: json.to }
        : undefined,
    isValid: ({ to }) => isStatus(to),
    writeChange: ({ to }) => ({ to }),

    apply: (state, { change, dot, effective }) =>
      effective ? contribute(state, { dot, amount: change.to }, further) : state,
    take: takeTallies,
    fold: (log) => foldInOrder(policy, log),
    reach: () => ({ place: [], takes: 'nothing' }),

    conflicts: () => false,
    conflictKey: () => undefined,

    value(state) {
      let furthest = start;
      for (const { total } of state.values()) furthest = further(furthest, total);
      return furthest;
    },
    shows: (state, { to }) => policy.value(state) === to,
    encode: (state) => encodeTallies(state, (total) => total),
    decode: (json) => decodeTallies(json, storedString),
  };
  return policy;
}
