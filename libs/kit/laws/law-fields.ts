import fc from 'fast-check';
import type { FieldOperation } from '#core/merge/entity-decide.js';
import type { DeleteRule, EntityType, Field } from '#core/merge/entity-type.js';
import type { AnyPolicy, Operation } from '#core/merge/policy.js';
import {
  addWinsMap,
  addWinsSet,
  counter,
  custom,
  flag,
  growOnlyCounter,
  lastWriterWins,
  maxRegister,
  minRegister,
  multiValue,
  orderedStatus,
  removeWinsSet,
} from '#core/merge/policies.js';
import type { FieldMeaning } from './entity-oracle.js';
import {
  meansAddWins,
  meansDisableWins,
  meansEnableWins,
  meansFurthest,
  meansGreatest,
  meansLatestWrite,
  meansLeast,
  meansMapOf,
  meansRemoveWins,
  meansSiblings,
  meansSum,
  meansVotes,
} from './field-meanings.js';

interface LawField {
  readonly policy: AnyPolicy;
  readonly meaning: FieldMeaning;
  readonly operation: fc.Arbitrary<Operation>;
}

/** Few values, so that concurrent changes meet. */
const set = fc.record({ op: fc.constant('set'), value: fc.constantFrom('a', 'b', 'c') });
const increment = fc.record({ op: fc.constant('increment'), by: fc.integer({ min: -2, max: 9 }) });
const grow = fc.record({ op: fc.constant('increment'), by: fc.nat(9) });
const number = fc.integer({ min: -3, max: 9 });
const move = fc.record({ op: fc.constantFrom('add', 'add', 'remove'), element: fc.constantFrom('x', 'y') });
const toggle = fc.record({ op: fc.constantFrom('enable', 'enable', 'disable') });
const statuses = ['created', 'paid', 'sent', 'done'];

const enableWins = flag({ concurrent: 'enable-wins' });
const disableWins = flag({ concurrent: 'disable-wins' });

/** A policy of a user: votes are counted per candidate, and votes for different candidates are told as conflicts. */
const votes = custom<Readonly<Record<string, number>>, { readonly for: string }>({
  name: 'votes',
  version: 1,
  operations: ['vote'],
  initial: {},
  decide: (_value, operation) => ({ change: { for: String(operation.for) } }),
  apply: (value, change) => ({ ...value, [change.for]: (value[change.for] ?? 0) + 1 }),
  conflicts: (a, b) => a.for !== b.for,
});

function at(then: fc.Arbitrary<Operation>): fc.Arbitrary<Operation> {
  const key = fc.constantFrom('k', 'l');
  return fc.oneof(
    { arbitrary: fc.record({ op: fc.constant('at'), key, then }), weight: 3 },
    { arbitrary: fc.record({ op: fc.constant('remove'), key }), weight: 1 },
  );
}

function mapOf({ policy, meaning, operation }: LawField): LawField {
  return { policy: addWinsMap(policy), meaning: meansMapOf(meaning), operation: at(operation) };
}

const plain = {
  register: { policy: lastWriterWins(), meaning: meansLatestWrite, operation: set },
  siblings: { policy: multiValue(), meaning: meansSiblings, operation: set },
  counter: { policy: counter(), meaning: meansSum, operation: increment },
  grown: { policy: growOnlyCounter(), meaning: meansSum, operation: grow },
  highest: {
    policy: maxRegister(),
    meaning: meansGreatest,
    operation: fc.record({ op: fc.constant('raise'), value: number }),
  },
  lowest: {
    policy: minRegister(),
    meaning: meansLeast,
    operation: fc.record({ op: fc.constant('lower'), value: number }),
  },
  status: {
    policy: orderedStatus(statuses),
    meaning: meansFurthest(statuses),
    operation: fc.record({ op: fc.constant('advance'), to: fc.constantFrom(...statuses) }),
  },
  addWins: { policy: addWinsSet(), meaning: meansAddWins, operation: move },
  removeWins: { policy: removeWinsSet(), meaning: meansRemoveWins, operation: move },
  enableWins: { policy: enableWins, meaning: meansEnableWins, operation: toggle },
  disableWins: { policy: disableWins, meaning: meansDisableWins, operation: toggle },
  votes: {
    policy: votes,
    meaning: meansVotes,
    operation: fc.record({ op: fc.constant('vote'), for: fc.constantFrom('ann', 'bob') }),
  },
} satisfies Record<string, LawField>;

/** Every policy as the field of an entity, with its meaning by definition and operations that collide. */
export const lawFields: Readonly<Record<string, LawField>> = {
  ...plain,
  mapOfCounter: mapOf(plain.counter),
  mapOfRegister: mapOf(plain.register),
  mapOfSiblings: mapOf(plain.siblings),
  mapOfAddWins: mapOf(plain.addWins),
  mapOfRemoveWins: mapOf(plain.removeWins),
  mapOfDisableWins: mapOf(plain.disableWins),
  mapOfVotes: mapOf(plain.votes),
  mapOfMapOfCounter: mapOf(mapOf(plain.counter)),
  mapOfMapOfRemoveWins: mapOf(mapOf(plain.removeWins)),
};

export const lawMeanings: ReadonlyMap<string, FieldMeaning> = new Map(
  Object.entries(lawFields).map(([name, { meaning }]) => [name, meaning]),
);

/** An entity type with every policy. */
export function lawType(onDelete: DeleteRule): EntityType {
  const fields = Object.entries(lawFields).map(([name, { policy }]): [string, Field] => [
    name,
    name === 'register' ? { policy, fallback: 'none yet' } : { policy },
  ]);
  return { name: 'law', schemaVersion: 1, onDelete, consistency: 'eventual', fields: new Map(fields) };
}

/** Operations on a few fields at a time, so that histories are about something. */
export const lawOperations: fc.Arbitrary<fc.Arbitrary<FieldOperation>> = fc
  .subarray(Object.keys(lawFields), { minLength: 1, maxLength: 3 })
  .map((names) => fc.oneof(...names.map(operationOn)));

function operationOn(name: string): fc.Arbitrary<FieldOperation> {
  const field = lawFields[name];
  if (field === undefined) throw new Error(`no such field: ${name}`);
  return field.operation.map((operation) => ({ ...operation, field: name }));
}
