import { expect, test } from 'vitest';
import { dotOf, eventOf, lawType, vectorOf } from '#kit/laws/make-event.js';
import { driftMillisMax } from '../causality/hybrid-timestamp.js';
import type { Json } from '../json.js';
import { allConflicts } from '../merge/conflicts.js';
import { entityValue } from '../merge/entity-value.js';
import { foldLog } from '../merge/fold-log.js';
import { counter, lastWriterWins } from '../merge/policies.js';
import type { Event } from './event.js';
import { readiness, type ReadinessInput } from './readiness.js';

const type = lawType({ likes: counter() });
const event = eventOf('us:2', { context: 'us:1 eu:1', changes: [['likes', { by: 1 }]] });

function judge(change: Partial<ReadinessInput>): string {
  const found = readiness({
    type,
    event,
    seen: vectorOf('us:1 eu:1'),
    quarantined: false,
    ownActor: 'ap~1',
    nowMillis: 1_000,
    copies: [],
    dependencyMissing: undefined,
    shards: 16,
    ...change,
  });
  if (found.kind === 'pending' && found.reason !== undefined) return `waits for ${found.reason}`;
  if (found.kind === 'pending') {
    const where = found.waitsIn === undefined ? '' : ` of shard ${found.waitsIn}`;
    return `waits for ${found.waitsFor.actor}:${found.waitsFor.seq}${where}`;
  }
  return found.kind === 'parked' ? found.reason : 'ready';
}

test('an event whose context is covered is ready', () => {
  expect(judge({})).toBe('ready');
  expect(judge({ seen: vectorOf('us:1 eu:4 ap:9') })).toBe('ready');
});

test('an event waits for the first dot of its context that is not folded here', () => {
  expect(judge({ seen: vectorOf('us:1') })).toBe('waits for eu~1:1');
});

test('an event waits for a dependency that is not covered, once its context is', () => {
  const dependencyMissing = { shard: 3, dot: dotOf('eu:9') };
  expect(judge({ dependencyMissing })).toBe('waits for eu~1:9 of shard 3');
  expect(judge({ dependencyMissing, seen: vectorOf('eu:1') })).toBe('waits for us~1:1');
});

test('INV-14: an event whose dependencies no region could ever cover is parked', () => {
  const needs = (shard: number, cursors: string): string =>
    judge({ event: { ...event, dependencies: new Map([[shard, vectorOf(cursors)]]) } });
  expect(needs(event.shard, 'us:1 eu:9')).toBe('ready');
  expect(needs(event.shard, 'us:2')).toBe('invalid_change');
  expect(needs(event.shard, 'us:3')).toBe('invalid_change');
  expect(needs(15, 'us:3')).toBe('ready');
  expect(needs(16, 'us:1')).toBe('invalid_change');
});

test('what cannot be understood is parked', () => {
  expect(judge({ type: undefined })).toBe('unknown_type');
  expect(judge({ event: eventOf('us:2', { schemaVersion: 2 }) })).toBe('unknown_schema_version');
  expect(judge({ event: eventOf('us:2', { context: 'us:1', set: { shares: 1 } }) })).toBe('unknown_field');
  expect(
    judge({ event: eventOf('us:2', { context: 'us:1', set: { likes: { by: 1 } }, policyVersion: 2 }) }),
  ).toBe('unknown_policy_version');
  expect(judge({ policyMismatch: true })).toBe('policy_mismatch');
});

test('INV-14: what a peer should not have sent is parked', () => {
  const parts = { context: 'us:1' };
  expect(judge({ event: eventOf('us:2', { ...parts, set: { likes: 'lots' } }) })).toBe('invalid_change');
  expect(judge({ event: eventOf('us:2', { ...parts, kind: 'delete', set: { likes: { by: 1 } } }) })).toBe(
    'invalid_change',
  );
  expect(judge({ event: eventOf('us:2', { context: 'us:2' }) })).toBe('invalid_change');
  expect(judge({ event: eventOf('us:2', { ...parts, observed: 'eu:1' }) })).toBe('invalid_change');
});

test('an event that leaves out its own actor’s last one is parked', () => {
  expect(judge({ event: eventOf('us:2', { context: 'eu:1' }) })).toBe('invalid_change');
  const late = eventOf('us:3', { context: 'us:1' });
  expect(judge({ event: late, seen: vectorOf('us:1'), waiting: [dotOf('us:2')] })).toBe('invalid_change');
  expect(judge({ event: late, seen: vectorOf('us:1'), waiting: [dotOf('us:3'), dotOf('eu:2')] })).toBe(
    'ready',
  );
});

test('INV-13: a timestamp beyond the drift bound is parked, unless it was stamped here', () => {
  const wallMillis = 1_000 + driftMillisMax;
  expect(judge({ event: { ...event, time: { ...event.time, wallMillis } } })).toBe('ready');
  const early = { ...event, time: { ...event.time, wallMillis: wallMillis + 1 } };
  expect(judge({ event: early })).toBe('beyond_drift');
  expect(judge({ event: early, ownActor: 'us~1' })).toBe('ready');
});

test('a parked event parks all later ones of its entity except the region’s own', () => {
  expect(judge({ quarantined: true })).toBe('quarantined');
  expect(judge({ quarantined: true, ownActor: 'us~1' })).toBe('ready');
});

test('an event with a copy of its own command in its context is parked', () => {
  expect(judge({ copies: [dotOf('eu:1')] })).toBe('own_copy_in_context');
  expect(judge({ copies: [dotOf('eu:2')] })).toBe('ready');
});

test('an event of a type that was moved waits for a move of its type that is not known here', () => {
  const later = { ...event, phase: 1 };
  expect(judge({ event: later })).toBe('waits for type_moving');
  const at = { epoch: { membership: 1, counter: 1 }, seq: 3 };
  const phase = {
    isClosing: true,
    closed: vectorOf(''),
    end: { kind: 'aborted' as const, at, upTo: vectorOf('') },
  };
  const moves = new Map([[type.name, new Map([[0, phase]])]]);
  expect(judge({ event: later, moves })).toBe('ready');
  expect(judge({ event: { ...later, epoch: '1.1' }, moves })).toBe('invalid_change');
});

test('a declaration judges what was written under its own schema version, and keeps what was written before', () => {
  const check = (value: Json) =>
    typeof value === 'string' && value.length <= 5
      ? ({ kind: 'valid', value } as const)
      : ({ kind: 'invalid', path: '', message: 'too long' } as const);
  const narrow = { ...lawType({ name: lastWriterWins({ description: 'narrow', check }) }), schemaVersion: 2 };
  const written = (schemaVersion: number): Event =>
    eventOf('us:1', { schemaVersion, changes: [['name', { value: 'a long name' }]] });
  expect(judge({ type: narrow, event: written(2), seen: new Map() })).toBe('invalid_change');
  expect(judge({ type: narrow, event: written(1), seen: new Map() })).toBe('ready');
  const other = eventOf('eu:1', { schemaVersion: 2, changes: [['name', { value: 'short' }]] });
  expect(entityValue(narrow, foldLog(narrow, [written(1), other]))).toMatchObject({
    name: expect.any(String),
  });
  expect(allConflicts(narrow, [written(1), other])).toHaveLength(1);
});
