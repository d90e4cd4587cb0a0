import { expect, test } from 'vitest';
import { nothingSeen, type VersionVector } from '#core/causality/version-vector.js';
import { canonicalText } from '#core/event/canonical-json.js';
import type { Event } from '#core/event/event.js';
import { lastWriterWins } from '#core/merge/policies.js';
import { encodeEntity } from '#core/merge/entity-value.js';
import { foldLog } from '#core/merge/fold-log.js';
import { eventOf, lawType, vectorOf } from '#kit/laws/make-event.js';
import { EntityCache, type CachedEntity } from './entity-cache.js';

const type = lawType({ name: lastWriterWins() }, 'update-wins');
const types = new Map([[type.name, type]]);
const first: Event = eventOf('us:1', { changes: [['name', { value: 'tea' }]] });
const second: Event = eventOf('us:2', { context: 'us:1', changes: [['name', { value: 'rum' }]] });
const state = foldLog(type, [first, second]);
const text = canonicalText(encodeEntity(type, state));

function cached(id: string, changes: Partial<CachedEntity> = {}): CachedEntity {
  return { entity: { type: type.name, id }, shard: 0, state, tailAbove: state.seen, tail: [], ...changes };
}

/** Room for two awake entities, and about two hundred that rest. */
function small(stable: VersionVector = nothingSeen): EntityCache {
  return new EntityCache({ bytesMax: 16 * 4_000, types, stable: () => stable });
}

function fill(cache: EntityCache, from: number, to: number): void {
  for (let at = from; at < to; at += 1) cache.set(`filler ${at}`, cached(String(at)), text);
}

test('an entity that was not asked for lately rests, and is the same when it is asked for', () => {
  const cache = small();
  const before = cached('a', { shard: 3 });
  cache.set('a', before, text);
  fill(cache, 0, 20);
  const after = cache.get('a');
  expect(after?.state).not.toBe(state);
  expect(after).toMatchObject({ entity: before.entity, shard: 3, tail: [] });
  expect(canonicalText(encodeEntity(type, after?.state ?? state))).toBe(text);
  expect(after?.tailAbove).toEqual(vectorOf('us:2'));
  expect(cache.get('a')).toBe(after);
});

test('an entity that rests remembers the events that are not stable, and no others', () => {
  const cache = small(vectorOf('us:1'));
  cache.set('a', cached('a', { tail: [first, second], tailAbove: nothingSeen }), text);
  cache.set('b', cached('b', { tail: [first], tailAbove: nothingSeen }), text);
  fill(cache, 0, 20);
  expect(cache.get('a')).toMatchObject({ tail: [second], tailAbove: vectorOf('us:1') });
  expect(cache.get('b')).toMatchObject({ tail: [], tailAbove: vectorOf('us:2') });
});

test('what is set again replaces what rests', () => {
  const cache = small();
  cache.set('a', cached('a'), text);
  fill(cache, 0, 20);
  const older = foldLog(type, [first]);
  cache.set('a', cached('a', { state: older }), canonicalText(encodeEntity(type, older)));
  fill(cache, 20, 40);
  expect(cache.get('a')?.state.seen).toEqual(vectorOf('us:1'));
});

test('the entities that were not asked for the longest are forgotten, within the limit in bytes', () => {
  const cache = small();
  cache.set('old', cached('old'), text);
  cache.set('used', cached('used'), text);
  for (let at = 0; at < 1000; at += 20) {
    fill(cache, at, at + 20);
    expect(cache.get('used')).toBeDefined();
    expect(cache.bytes).toBeLessThanOrEqual(16 * 4_000 + 4_000);
  }
  expect(cache.get('old')).toBeUndefined();
});

test('a shard that is lost is forgotten, awake or at rest', () => {
  const cache = small();
  cache.set('rests', cached('rests', { shard: 1 }), text);
  cache.set('stays', cached('stays'), text);
  fill(cache, 0, 20);
  cache.set('awake', cached('awake', { shard: 1 }), text);
  cache.dropShard(1);
  expect([cache.get('rests'), cache.get('awake')]).toEqual([undefined, undefined]);
  expect(cache.get('stays')).toBeDefined();
});

test('an empty cache counts nothing', () => {
  const cache = small();
  cache.set('a', cached('a', { shard: 1 }), text);
  fill(cache, 0, 50);
  cache.dropShard(0);
  cache.dropShard(1);
  expect(cache.bytes).toBe(0);
});
