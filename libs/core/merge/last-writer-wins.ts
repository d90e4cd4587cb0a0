import { compareDots, type Dot } from '../causality/dot.js';
import { compareTimes, type HybridTimestamp } from '../causality/hybrid-timestamp.js';
import type { Json } from '../json.js';
import { foldInOrder } from './fold-in-order.js';
import type { MergePolicy, ValueSchema } from './policy.js';
import { decideSet, readSet, sameValue, type RegisterChange } from './register-change.js';
import { decodeDot, decodeTime, encodeDot, encodeTime, storedArray } from './stored-form.js';

interface Write {
  readonly dot: Dot;
  readonly time: HybridTimestamp;
  readonly value: Json;
}

/** The writes that no other write is after and that no delete took, by dot. Usually one. */
export type LastWriterWins = readonly Write[];

/**
 * A register whose value is, of the writes that no other write is after, the one with the greatest hybrid timestamp.
 *
 * Only causality discards a write from the state; the timestamp merely chooses among those left, when somebody reads.
 * ("Causal wins, else timestamp", folded winner by winner, is not an order: the outcome would depend on arrival.)
 *
 * Source: Preguiça et al., "Conflict-free Replicated Data Types: Overview", 2018, §3.2, arXiv:1806.10254, with the
 * causal order of Kulkarni et al., "Logical Physical Clocks", 2014, for its timestamps.
 *
 * @param schema checks every value, also those of peers. Without it, any JSON is a value.
 */
export function lastWriterWins(schema?: ValueSchema): MergePolicy<LastWriterWins, RegisterChange> {
  const policy: MergePolicy<LastWriterWins, RegisterChange> = {
    name: 'last-writer-wins',
    version: 1,
    description: { name: 'last-writer-wins', version: 1, schema: schema?.description ?? null },
    foldsAliases: false,
    replacesObserved: false,

    initial: () => [],
    decide: (_state, operation) => decideSet('last-writer-wins', operation, schema),
    readChange: readSet,
    isValid: ({ value }) => schema === undefined || schema.check(value).kind === 'valid',
    writeChange: ({ value }) => ({ value }),

    apply(state, { change, dot, time, covers, effective }) {
      const left = state.filter((write) => !covers(write.dot));
      if (effective) left.push({ dot, time, value: change.value });
      return left.sort((a, b) => compareDots(a.dot, b.dot));
    },
    take: (state, taken) => state.filter(({ dot }) => !taken(dot)),
    fold: (log) => foldInOrder(policy, log),
    reach: () => ({ place: [], takes: 'nothing' }),

    conflicts: (a, b) => !sameValue(a.value, b.value),
    conflictKey: () => '',

    value: (state) => latestOf(state)?.value ?? null,
    shows(state, { value }) {
      const latest = latestOf(state);
      return latest !== undefined && sameValue(latest.value, value);
    },
    encode: (state) => state.map(({ dot, time, value }) => [encodeDot(dot), encodeTime(time), value]),
    decode: (json) => storedArray(json).map(decodeWrite),
  };
  return policy;
}

function latestOf(state: LastWriterWins): Write | undefined {
  let latest = state[0];
  for (const write of state) if (latest && compareTimes(write.time, latest.time) > 0) latest = write;
  return latest;
}

function decodeWrite(json: Json): Write {
  const [dot, time, value] = storedArray(json);
  return { dot: decodeDot(dot), time: decodeTime(time), value: value as Json };
}
