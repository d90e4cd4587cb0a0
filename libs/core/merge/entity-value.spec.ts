import { expect, test } from 'vitest';
import { eventOf, lawType } from '#kit/laws/make-event.js';
import { canonicalText } from '../event/canonical-json.js';
import { untouchedEntity } from './entity-state.js';
import { decodeEntity, encodeEntity, entityValue } from './entity-value.js';
import { foldLog } from './fold-log.js';
import { addWinsSet, counter, lastWriterWins } from './policies.js';

const type = lawType({ name: lastWriterWins(), likes: counter(), tags: addWinsSet() }, 'update-wins', {
  name: 'unnamed',
});
const events = [
  eventOf('us:1', { changes: [['likes', { by: 2 }]], mutation: 'm' }),
  eventOf('eu:1', { changes: [['likes', { by: 2 }]], mutation: 'm' }),
  eventOf('eu:2', { changes: [['tags', { add: 'a' }]], context: 'eu:1' }),
  eventOf('ap:1', { kind: 'delete' }),
  eventOf('ap:2', { context: 'ap:1', changes: [['tags', { add: 'b' }]] }),
];

test('an entity that nobody wrote has no value', () => {
  expect(entityValue(type, untouchedEntity)).toBeUndefined();
});

test('every declared field is shown; one without a value reads as its fallback', () => {
  expect(entityValue(type, foldLog(type, [eventOf('us:1')]))).toEqual({
    name: 'unnamed',
    likes: 0,
    tags: [],
  });
  const named = eventOf('us:1', { changes: [['name', { value: 'tea' }]] });
  expect(entityValue(type, foldLog(type, [named]))).toMatchObject({ name: 'tea' });
});

test('a state survives its encoding, and equal states have equal bytes', () => {
  const state = foldLog(type, events);
  const text = canonicalText(encodeEntity(type, state));
  expect(decodeEntity(type, JSON.parse(text))).toEqual(state);
  expect(canonicalText(encodeEntity(type, foldLog(type, events.toReversed())))).toBe(text);
  expect(state.copies.size).toBe(2);
  expect(state.deletes).toHaveLength(1);
});

test('who touched it is told apart from what was seen only where they differ, and read in both forms', () => {
  const plain = foldLog(type, [eventOf('us:1'), eventOf('eu:1')]);
  const text = canonicalText(encodeEntity(type, plain));
  expect(JSON.parse(text)).not.toHaveProperty('touched');
  const named = { ...encodeEntity(type, plain), touched: { 'eu~1': 1, 'us~1': 1 } };
  expect(decodeEntity(type, named)).toEqual(plain);
  expect(canonicalText(encodeEntity(type, decodeEntity(type, named)))).toBe(text);

  const deleted = foldLog(type, [eventOf('us:1'), eventOf('us:2', { kind: 'delete', context: 'us:1' })]);
  expect(encodeEntity(type, deleted)).toMatchObject({ touched: {} });
});

test('an untouched entity survives its encoding', () => {
  expect(decodeEntity(type, encodeEntity(type, untouchedEntity))).toEqual(untouchedEntity);
});

test('what is not a stored entity stops the process', () => {
  for (const json of [null, [], { ...encodeEntity(type, untouchedEntity), seen: { 'us~1': 0 } }]) {
    expect(() => decodeEntity(type, json)).toThrow(/stored/);
  }
});
