import { expect, test } from 'vitest';
import { eventOf, vectorOf } from '#kit/laws/make-event.js';
import { nothingSeen, type VersionVector } from '../causality/version-vector.js';
import { decodeEvent, encodeEvent } from '../event/event-codec.js';
import { shardsMax } from '../event/shard-of.js';
import {
  dependenciesOf,
  dependsOnItself,
  joinDependencies,
  missingDependency,
  type Dependencies,
} from './dependencies.js';

const deps = (given: Readonly<Record<number, string>>): Dependencies =>
  new Map(Object.entries(given).map(([shard, cursors]) => [Number(shard), vectorOf(cursors)]));
const nothing = (): VersionVector => nothingSeen;
const stableIn =
  (shard: number, cursors: string) =>
  (of: number): VersionVector =>
    of === shard ? vectorOf(cursors) : nothingSeen;

test('a causal command carries its token, without what is stable', () => {
  expect(dependenciesOf(deps({ 0: 'eu:3 us:1', 4: 'us:2' }), stableIn(0, 'eu:3'))).toEqual(
    deps({ 0: 'us:1', 4: 'us:2' }),
  );
  expect(dependenciesOf(deps({ 0: 'eu:3' }), stableIn(0, 'eu:3'))).toBeUndefined();
  expect(dependenciesOf(new Map(), nothing)).toBeUndefined();
});

test('an entity joins the dependencies of its events, and keeps each until it is itself stable', () => {
  const one = deps({ 0: 'eu:3', 4: 'us:2' });
  const other = deps({ 0: 'eu:1 us:5' });
  expect(joinDependencies(undefined, one, nothing)).toEqual(one);
  expect(joinDependencies(one, undefined, nothing)).toEqual(one);
  expect(joinDependencies(one, other, nothing)).toEqual(deps({ 0: 'eu:3 us:5', 4: 'us:2' }));
  expect(joinDependencies(one, other, stableIn(0, 'eu:3'))).toEqual(deps({ 0: 'us:5', 4: 'us:2' }));
  expect(joinDependencies(one, other, stableIn(0, 'eu:2'))).toEqual(deps({ 0: 'eu:3 us:5', 4: 'us:2' }));
  expect(joinDependencies(undefined, undefined, nothing)).toBeUndefined();
});

test('an event waits for the first dependency that is not covered', () => {
  const wanted = deps({ 0: 'eu:3', 4: 'us:2' });
  const have = (cursors: Readonly<Record<number, string>>) => (shard: number) =>
    vectorOf(cursors[shard] ?? '');
  expect(missingDependency(wanted, have({ 0: 'eu:9', 4: 'us:2' }))).toBeUndefined();
  expect(missingDependency(wanted, have({ 0: 'eu:9', 4: 'us:1' }))).toEqual({
    shard: 4,
    dot: { actor: 'us~1', seq: 2 },
  });
  expect(missingDependency(undefined, nothing)).toBeUndefined();
});

test('an event that depends on itself, or on what its actor wrote later, can be told', () => {
  const event = eventOf('us:5');
  const on = (shard: number, cursors: string): boolean =>
    dependsOnItself({ ...event, dependencies: deps({ [shard]: cursors }) });
  expect([on(event.shard, 'us:4'), on(event.shard, 'us:5'), on(event.shard, 'us:6')]).toEqual([
    false,
    true,
    true,
  ]);
  expect(on(event.shard + 1, 'us:9')).toBe(false);
  expect(dependsOnItself(event)).toBe(false);
});

test('the dependencies of the largest region leave an event most of its room', () => {
  const actors = ['us', 'eu', 'ap', 'sa', 'af'].map((region) => `${region}~01jd3x8k2m9qw7vz5t4r1b6c`);
  const dependencies: Dependencies = new Map(
    Array.from({ length: shardsMax }, (_, shard) => [
      shard,
      new Map(actors.map((actor) => [actor, 1_000_000_000])),
    ]),
  );
  const text = encodeEvent({ ...eventOf('us:5'), dependencies });
  expect(text.length).toBeLessThan(256 * 1024);
  expect(decodeEvent(text)?.dependencies).toEqual(dependencies);
});
