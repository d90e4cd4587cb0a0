import { expect, test } from 'vitest';
import { dotOf, eventOf, lawType } from '#kit/laws/make-event.js';
import { nothingSeen } from '../causality/version-vector.js';
import { decideChange, type EntityCommand, type EntityStamp } from './entity-decide.js';
import { foldEvent } from './entity-fold.js';
import { untouchedEntity, type EntityState } from './entity-state.js';
import { entityValue } from './entity-value.js';
import { addWinsSet, counter, lastWriterWins } from './policies.js';

const type = lawType({ name: lastWriterWins(), likes: counter(), tags: addWinsSet() });
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
      { field: 'likes', policyVersion: 1, change: { by: 2 } },
      { field: 'name', policyVersion: 1, change: { value: 'tea' } },
    ],
  });
});

test('an operation sees what earlier operations on its field did', () => {
  const most = { field: 'likes', op: 'increment', by: Number.MAX_SAFE_INTEGER };
  expect(decide([most]).kind).toBe('accepted');
  expect(decide([most, most])).toMatchObject({
    kind: 'rejected',
    code: 'out_of_range',
    path: '/operations/1/by',
  });
});

test('a rejection says which operation, and where in it', () => {
  const operations = [
    { field: 'likes', op: 'increment', by: 2 },
    { field: 'likes', op: 'increment', by: 'three' },
  ];
  const where = { code: 'invalid_value', path: '/operations/1/by' };
  expect(decide(operations)).toMatchObject({ kind: 'rejected', ...where });
  const odd = decide([{ field: 'likes', op: 'decrement', by: 2 }]);
  expect(odd).toMatchObject({ kind: 'rejected', code: 'unknown_operation', path: '/operations/0/op' });
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
    { field: 'tags', op: 'add', element: 'a' },
    { field: 'tags', op: 'remove', element: 'a' },
  ]);
  expect(untouchedEntity.fields.size).toBe(0);
  if (decided.kind === 'rejected') throw new Error(decided.detail);
  const folded = foldEvent(type, untouchedEntity, { ...eventOf('us:1'), changes: decided.changes }, []);
  if (folded.kind === 'refold') throw new Error('refold');
  expect(entityValue(type, folded.state)).toEqual({ name: null, likes: 0, tags: [] });
});
