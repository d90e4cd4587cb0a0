import { expect, test } from 'vitest';
import { dotOf, eventOf, lawType, vectorOf } from '#kit/laws/make-event.js';
import type { Dot } from '../causality/dot.js';
import type { Event } from '../event/event.js';
import { foldEvent } from './entity-fold.js';
import { untouchedEntity, type EntityState } from './entity-state.js';
import type { DeleteRule, EntityType } from './entity-type.js';
import { entityValue } from './entity-value.js';
import { foldLog } from './fold-log.js';
import { addWinsSet, counter, lastWriterWins } from './policies.js';

const cart = (onDelete: DeleteRule): EntityType =>
  lawType({ name: lastWriterWins(), likes: counter(), tags: addWinsSet() }, onDelete);
const updateWins = cart('update-wins');
const deleteWins = cart('delete-wins');

const set = (value: string) => ['name', { value }] as const;
const like = (by: number) => ['likes', { by }] as const;
const tag = (op: 'add' | 'remove', value: string) => ['tags', { [op]: value }] as const;

function folded(type: EntityType, events: readonly Event[]): EntityState {
  let state = untouchedEntity;
  for (const event of events) {
    const result = foldEvent(type, state, event, []);
    if (result.kind === 'refold') throw new Error(`refold at ${event.dot.actor}:${event.dot.seq}`);
    state = result.state;
  }
  return state;
}

const outcome = (
  type: EntityType,
  before: readonly Event[],
  event: Event,
  copies: readonly Dot[] = [],
): string => {
  const result = foldEvent(type, folded(type, before), event, copies);
  return result.kind === 'folded' ? 'folded' : result.reason;
};

test('an update makes the entity exist, and is seen', () => {
  const state = folded(updateWins, [eventOf('us:4', { changes: [set('tea'), like(2)] })]);
  expect(entityValue(updateWins, state)).toEqual({ name: 'tea', likes: 2, tags: [] });
  expect(state.seen).toEqual(vectorOf('us:4'));
});

test('an update without any change makes the entity exist', () => {
  expect(entityValue(updateWins, folded(updateWins, [eventOf('us:1')]))).toEqual({
    name: null,
    likes: 0,
    tags: [],
  });
});

test('an event that is there already changes nothing, not even the state object', () => {
  const event = eventOf('us:1', { changes: [like(2)] });
  const state = folded(updateWins, [event]);
  expect(foldEvent(updateWins, state, event, [])).toEqual({ kind: 'folded', state });
});

test('inputs are never mutated', () => {
  const before = folded(updateWins, [eventOf('us:1', { changes: [like(2), tag('add', 'a')] })]);
  const copy = structuredClone(before);
  foldEvent(updateWins, before, eventOf('eu:1', { changes: [like(1)] }), []);
  foldEvent(updateWins, before, eventOf('eu:1', { kind: 'delete', context: 'us:1' }), []);
  expect(before).toEqual(copy);
});

test('several changes of one event to one field are applied in order', () => {
  const event = eventOf('us:1', {
    changes: [set('tea'), set('coffee'), tag('add', 'a'), tag('remove', 'a')],
  });
  for (const state of [folded(updateWins, [event]), foldLog(updateWins, [event])]) {
    expect(entityValue(updateWins, state)).toEqual({ name: 'coffee', likes: 0, tags: [] });
  }
});

test('update-wins: a delete takes what it had seen, and a concurrent update keeps its own part', () => {
  const seen = eventOf('us:1', { changes: [set('tea'), tag('add', 'a')] });
  const beside = eventOf('eu:1', { changes: [tag('add', 'b')] });
  const removal = eventOf('us:2', { kind: 'delete', context: 'us:1' });
  for (const order of [
    [seen, beside, removal],
    [beside, seen, removal],
    [seen, removal, beside],
  ]) {
    expect(entityValue(updateWins, folded(updateWins, order))).toEqual({ name: null, likes: 0, tags: ['b'] });
  }
  expect(entityValue(updateWins, folded(updateWins, [seen, removal]))).toBeUndefined();
});

test('delete-wins: what had not seen every delete has no effect, and what has seen them all creates it anew', () => {
  const before = [
    eventOf('us:1', { changes: [set('tea')] }),
    eventOf('eu:1', { kind: 'delete', context: 'us:1' }),
  ];
  const unaware = eventOf('us:2', { context: 'us:1', changes: [set('coffee')] });
  expect(entityValue(deleteWins, folded(deleteWins, [...before, unaware]))).toBeUndefined();
  const other = eventOf('ap:1', { kind: 'delete', context: 'us:1' });
  const halfAware = eventOf('us:3', { context: 'us:2 eu:1', changes: [set('water')] });
  expect(entityValue(deleteWins, folded(deleteWins, [...before, unaware, halfAware, other]))).toBeUndefined();
  const anew = eventOf('us:4', { context: 'us:3 eu:1 ap:1', changes: [like(1)] });
  const state = folded(deleteWins, [...before, unaware, halfAware, other, anew]);
  expect(entityValue(deleteWins, state)).toEqual({ name: null, likes: 1, tags: [] });
  expect(state.deletes).toEqual([dotOf('ap:1'), dotOf('eu:1')]);
});

test('a delete that falls between increments of one actor asks for the log', () => {
  const first = eventOf('us:1', { changes: [like(2)] });
  const second = eventOf('us:2', { context: 'us:1', changes: [like(3)] });
  const between = eventOf('eu:1', { kind: 'delete', context: 'us:1' });
  expect(outcome(updateWins, [first, second], between)).toBe('detail');
  expect(entityValue(updateWins, foldLog(updateWins, [between, second, first]))).toMatchObject({ likes: 3 });
});

test('a second copy of a command asks for the log, where only the survivor counts', () => {
  const mutation = 'us.01900000-0000-7000-8000-000000000001';
  const here = eventOf('eu:1', { mutation, changes: [like(2)] });
  const there = eventOf('us:1', { mutation, changes: [like(2)] });
  expect(outcome(updateWins, [here], there, [here.dot])).toBe('copy');
  const state = foldLog(updateWins, [here, there]);
  expect(entityValue(updateWins, state)).toMatchObject({ likes: 2 });
  expect(state.touched).toEqual(vectorOf('us:1'));
  expect(state.seen).toEqual(vectorOf('us:1 eu:1'));
});

test('a copy that is stored here but not folded yet is no reason to fold again', () => {
  expect(outcome(updateWins, [], eventOf('us:1', { changes: [like(2)] }), [dotOf('eu:1')])).toBe('folded');
});

test('where commands have aliases, deletes and removals ask for the log and ordinary changes do not', () => {
  const mutation = 'a retried command';
  const copies = [
    eventOf('us:1', { mutation, changes: [tag('add', 'a')] }),
    eventOf('eu:1', { mutation, changes: [tag('add', 'a')] }),
  ];
  const state = foldLog(updateWins, copies);
  const parts = { context: 'us:1' };
  const kinds = [
    eventOf('us:2', { ...parts, changes: [like(1), set('tea'), tag('add', 'a')] }),
    eventOf('us:2', { ...parts, changes: [tag('remove', 'a')] }),
    eventOf('us:2', { ...parts, kind: 'delete' }),
  ].map((event) => foldEvent(updateWins, state, event, []).kind);
  expect(kinds).toEqual(['folded', 'refold', 'refold']);
});

test('two retried writes that each saw a copy of the other do not replace each other', () => {
  const x = { mutation: 'x', changes: [set('x')] };
  const y = { mutation: 'y', changes: [set('y')] };
  const events = [
    eventOf('us:1', { ...x, wallMillis: 1 }),
    eventOf('us:2', { ...y, wallMillis: 2, context: 'us:1' }),
    eventOf('eu:1', { ...y, wallMillis: 3 }),
    eventOf('eu:2', { ...x, wallMillis: 4, context: 'eu:1' }),
  ];
  expect(entityValue(updateWins, foldLog(updateWins, events))).toMatchObject({ name: 'x' });
});
