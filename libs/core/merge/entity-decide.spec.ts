import { expect, test } from 'vitest';
import { dotOf, eventOf, lawType } from '#kit/laws/make-event.js';
import { addWins, counter, register } from '#kit/laws/tiny-policies.js';
import { nothingSeen } from '../causality/version-vector.js';
import { decideChange, type EntityCommand, type EntityStamp } from './entity-decide.js';
import { foldEvent } from './entity-fold.js';
import { untouchedEntity, type EntityState } from './entity-state.js';
import { entityValue } from './entity-value.js';
import type { MergePolicy } from './policy.js';

/** Takes only even amounts, and says where in the operation an odd one stands; never beyond ten. */
const evenCounter: MergePolicy = {
  ...counter,
  decide: (state, operation) => {
    const { by } = operation;
    const rejected = { kind: 'rejected' as const, path: '/by', detail: 'no' };
    if (typeof by !== 'number' || by % 2 !== 0) return { ...rejected, code: 'invalid_value' };
    const sum = Number(counter.value(state as never)) + by;
    return sum > 10
      ? { ...rejected, code: 'out_of_range' }
      : { kind: 'accepted', change: { op: 'increment', by } };
  },
} as MergePolicy;

const type = lawType({ name: register, likes: evenCounter, tags: addWins });
const stamp: EntityStamp = {
  dot: dotOf('us:1'),
  time: { wallMillis: 5, counter: 0, actor: 'us~1' },
  context: nothingSeen,
};

function decide(operations: EntityCommand['operations'], state: EntityState = untouchedEntity) {
  return decideChange(type, state, { kind: 'update', operations, hasObserved: false }, stamp);
}

test('an accepted command gives its field changes in order, each with the version of its policy', () => {
  const decided = decide([
    { field: 'likes', op: 'increment', by: 2 },
    { field: 'name', op: 'set', value: 'tea' },
  ]);
  expect(decided).toEqual({
    kind: 'accepted',
    changes: [
      { field: 'likes', policyVersion: 1, change: { op: 'increment', by: 2 } },
      { field: 'name', policyVersion: 1, change: { op: 'set', value: 'tea' } },
    ],
  });
});

test('an operation sees what earlier operations on its field did', () => {
  const two = { field: 'likes', op: 'increment', by: 6 };
  expect(decide([two]).kind).toBe('accepted');
  expect(decide([two, two])).toMatchObject({
    kind: 'rejected',
    code: 'out_of_range',
    path: '/operations/1/by',
  });
});

test('a rejection says which operation, and where in it', () => {
  expect(
    decide([
      { field: 'likes', op: 'increment', by: 2 },
      { field: 'likes', op: 'increment', by: 3 },
    ]),
  ).toEqual({
    kind: 'rejected',
    code: 'invalid_value',
    path: '/operations/1/by',
    detail: 'no',
  });
});

test('an operation on a field that is not declared is refused', () => {
  expect(decide([{ field: 'shares', op: 'increment', by: 2 }])).toMatchObject({
    kind: 'rejected',
    code: 'unknown_field',
    path: '/operations/0/field',
  });
});

test('a delete takes no operations and changes no field', () => {
  const remove = { kind: 'delete' as const, hasObserved: false };
  expect(decideChange(type, untouchedEntity, { ...remove, operations: [] }, stamp)).toEqual({
    kind: 'accepted',
    changes: [],
  });
  const operations = [{ field: 'likes', op: 'increment', by: 2 }];
  expect(decideChange(type, untouchedEntity, { ...remove, operations }, stamp)).toMatchObject({
    code: 'unknown_operation',
    path: '/operations',
  });
});

test('deciding leaves the state alone; the event made of it folds to what was decided', () => {
  const decided = decide([
    { field: 'tags', op: 'add', value: 'a' },
    { field: 'tags', op: 'remove', value: 'a' },
  ]);
  expect(untouchedEntity.fields.size).toBe(0);
  if (decided.kind === 'rejected') throw new Error(decided.detail);
  const folded = foldEvent(type, untouchedEntity, { ...eventOf('us:1'), changes: decided.changes }, []);
  if (folded.kind === 'refold') throw new Error('refold');
  expect(entityValue(type, folded.state)).toEqual({ name: null, likes: 0, tags: [] });
});
