import { expect, test } from 'vitest';
import { eventOf, lawType, vectorOf } from '#kit/laws/make-event.js';
import { includes } from '../causality/version-vector.js';
import type { Event } from '../event/event.js';
import {
  allConflicts,
  compareConflicts,
  conflictKeyText,
  conflictsOf,
  type ConflictPair,
} from './conflicts.js';
import { foldLog } from './fold-log.js';
import { addWinsSet, counter, lastWriterWins, multiValue } from './policies.js';

const type = lawType({ name: lastWriterWins(), likes: counter(), tags: addWinsSet(), draft: multiValue() });
const set = (value: string) => [['name', { value }]] as const;
const draft = (value: string) => [['draft', { value }]] as const;
const like = [['likes', { by: 1 }]] as const;
const tag = (op: 'add' | 'remove', value: string) => [['tags', { [op]: value }]] as const;

const shown = (pairs: readonly ConflictPair[]): readonly string[] =>
  pairs.map((pair) => conflictKeyText(pair, 0).replaceAll('~1:0', ''));

/** What `conflictsOf` says of the last event, given all that was folded before it. */
function ofLast(events: readonly Event[], above = ''): readonly string[] | string {
  const before = events.slice(0, -1);
  const event = events.at(-1) as Event;
  const tail = {
    above: vectorOf(above),
    events: before.filter(({ dot }) => !includes(vectorOf(above), dot)),
  };
  const found = conflictsOf({ type, event, state: foldLog(type, before), tail });
  return found.kind === 'pairs' ? shown(found.pairs) : `needs ${JSON.stringify([...found.above])}`;
}

test('two concurrent writes of a register are one pair, lower dot first, in either order', () => {
  const [us, eu] = [eventOf('us:1', { changes: set('tea') }), eventOf('eu:1', { changes: set('coffee') })];
  expect(ofLast([us, eu])).toEqual(['eu:1|us:1|name']);
  expect(ofLast([eu, us])).toEqual(['eu:1|us:1|name']);
  expect(shown(allConflicts(type, [us, eu]))).toEqual(['eu:1|us:1|name']);
});

test('a conflict’s text names the shard', () => {
  const [pair] = allConflicts(type, [
    eventOf('us:1', { changes: set('a') }),
    eventOf('eu:1', { changes: set('b') }),
  ]);
  expect(conflictKeyText(pair as ConflictPair, 7)).toBe('eu~1:7:1|us~1:7:1|name');
});

test('a write after another, and changes that commute, make no pair', () => {
  expect(
    ofLast([eventOf('us:1', { changes: set('a') }), eventOf('eu:1', { context: 'us:1', changes: set('b') })]),
  ).toEqual([]);
  expect(ofLast([eventOf('us:1', { changes: like }), eventOf('eu:1', { changes: like })])).toEqual([]);
  expect(
    ofLast([eventOf('us:1', { changes: tag('add', 'a') }), eventOf('eu:1', { changes: tag('remove', 'b') })]),
  ).toEqual([]);
});

test('each event pairs with the earliest partner of each other actor only', () => {
  const us = [1, 2, 3].map((seq) =>
    eventOf(`us:${seq}`, { context: seq > 1 ? `us:${seq - 1}` : '', changes: set('a') }),
  );
  const eu = [1, 2].map((seq) =>
    eventOf(`eu:${seq}`, { context: seq > 1 ? `eu:${seq - 1}` : '', changes: set('b') }),
  );
  const expected = ['eu:1|us:1|name', 'eu:1|us:2|name', 'eu:1|us:3|name', 'eu:2|us:1|name'];
  expect(shown(allConflicts(type, [...us, ...eu]))).toEqual(expected);
  expect(ofLast([...us, ...eu])).toEqual(['eu:2|us:1|name']);
});

test('an arriving event is the partner of every event whose first one of its actor it is', () => {
  const us = [1, 2].map((seq) =>
    eventOf(`us:${seq}`, { context: seq > 1 ? `us:${seq - 1}` : '', changes: set('a') }),
  );
  expect(ofLast([...us, eventOf('eu:1', { changes: set('b') })])).toEqual([
    'eu:1|us:1|name',
    'eu:1|us:2|name',
  ]);
});

test('a delete is in conflict with concurrent updates of any field, and with no other delete', () => {
  const update = eventOf('us:1', { changes: like });
  const [one, two] = [eventOf('eu:1', { kind: 'delete' }), eventOf('ap:1', { kind: 'delete' })];
  expect(ofLast([update, one])).toEqual(['eu:1|us:1|*']);
  expect(ofLast([one, update])).toEqual(['eu:1|us:1|*']);
  expect(ofLast([one, two])).toEqual([]);
});

test('a multi-value write pairs with a value it had in its context and had not observed, also of its own actor', () => {
  const first = eventOf('us:1', { changes: draft('a') });
  const second = eventOf('us:2', { context: 'us:1', observed: '', changes: draft('b') });
  expect(ofLast([first, second])).toEqual(['us:1|us:2|draft']);
  const observing = eventOf('us:2', { context: 'us:1', observed: 'us:1', changes: draft('b') });
  expect(ofLast([first, observing])).toEqual([]);
});

test('a value that was already replaced in the context is not a partner', () => {
  const first = eventOf('us:1', { changes: draft('a') });
  const second = eventOf('us:2', { context: 'us:1', observed: 'us:1', changes: draft('b') });
  const third = eventOf('us:3', { context: 'us:2', observed: '', changes: draft('c') });
  expect(ofLast([first, second, third])).toEqual(['us:2|us:3|draft']);
});

test('a tail that does not reach low enough is asked for again, lower', () => {
  const us = eventOf('us:2', { context: 'us:1', changes: set('a') });
  const known = [eventOf('us:1', { changes: set('a') }), eventOf('eu:1', { changes: set('b') })];
  const late = eventOf('eu:2', { context: 'eu:1', changes: set('c') });
  expect(ofLast([...known, us, late], 'us:1 eu:1')).toBe('needs [["eu~1",1]]');
  expect(ofLast([...known, us, late], 'eu:1')).toBe('needs []');
  expect(ofLast([...known, us, late])).toEqual(['eu:2|us:1|name']);
});

test('delete-wins: only the log tells whether an unobserved value was ignored by a delete that was observed', () => {
  const deleteWins = lawType({ draft: multiValue() }, 'delete-wins');
  const gone = [eventOf('eu:1', { kind: 'delete' }), eventOf('us:1', { changes: draft('a') })];
  const event = eventOf('ap:1', { context: 'eu:1 us:1', observed: 'eu:1', changes: draft('b') });
  const state = foldLog(deleteWins, gone);
  const tail = { above: vectorOf('eu:1'), events: gone.slice(1) };
  expect(conflictsOf({ type: deleteWins, event, state, tail })).toEqual({
    kind: 'needs',
    above: vectorOf(''),
  });
  const log = { above: vectorOf(''), events: gone };
  expect(conflictsOf({ type: deleteWins, event, state, tail: log })).toEqual({
    kind: 'pairs',
    pairs: [],
    partners: [],
  });
});

test('an event that has seen everything needs no tail', () => {
  const us = eventOf('us:1', { changes: set('a') });
  const state = foldLog(type, [us]);
  const event = eventOf('us:2', { context: 'us:1', changes: set('b') });
  const tail = { above: vectorOf('us:1'), events: [] };
  expect(conflictsOf({ type, event, state, tail })).toEqual({ kind: 'pairs', pairs: [], partners: [] });
});

test('the survivor of a retried command takes over the pairs of its alias', () => {
  const mutation = 'us.01900000-0000-7000-8000-000000000001';
  const write = eventOf('eu:1', { changes: set('a') });
  const retried = eventOf('ap:1', { mutation, changes: set('b') });
  const survivor = eventOf('us:1', { mutation, changes: set('b') });
  const before = allConflicts(type, [write, retried]);
  const after = allConflicts(type, [write, retried, survivor]);
  const { withdrawn, found } = compareConflicts(before, after);
  expect(shown(withdrawn)).toEqual(['ap:1|eu:1|name']);
  expect(shown(found)).toEqual(['eu:1|us:1|name']);
});
