import { expect, test } from 'vitest';
import type { Event } from '../event/event.js';
import type { Json } from '../json.js';
import { eventOf, lawType } from '#kit/laws/make-event.js';
import { foldLog } from './fold-log.js';
import { counter, flag, lastWriterWins, maxRegister, multiValue, orderedStatus } from './policies.js';
import { isSuperseded } from './superseded.js';

const type = lawType(
  {
    name: lastWriterWins(),
    slot: multiValue(),
    furthest: maxRegister(),
    status: orderedStatus(['new', 'paid', 'sent']),
    open: flag({ concurrent: 'enable-wins' }),
    likes: counter(),
  },
  'update-wins',
);

function written(dot: string, field: string, change: Json, context?: string): Event {
  return eventOf(dot, { changes: [[field, change]], ...(context !== undefined && { context }) });
}

/** Whether the first event is superseded once the others are folded too. */
function superseded(first: Event, ...others: readonly Event[]): boolean {
  return isSuperseded(type, foldLog(type, [first, ...others]), first.changes);
}

test.each<[string, Json, Json]>([
  ['name', { value: 'tea' }, { value: 'mate' }],
  ['slot', { value: 9 }, { value: 10 }],
  ['furthest', { value: 3 }, { value: 5 }],
  ['status', { to: 'paid' }, { to: 'sent' }],
  ['open', 'enable', 'disable'],
])(
  'a write of %s is superseded by another that takes its place, and not by one of the same',
  (field, one, other) => {
    const first = written('us:1', field, one);
    expect(superseded(first)).toBe(false);
    expect(superseded(first, written('eu:1', field, one))).toBe(false);
    expect(superseded(first, written('us:2', field, other, 'us:1'))).toBe(true);
  },
);

test('a sibling that is shown beside others is not superseded', () => {
  const first = written('us:1', 'slot', { value: 9 });
  expect(superseded(first, written('eu:1', 'slot', { value: 10 }))).toBe(false);
});

test('of several fields one that is shown is enough', () => {
  const both = eventOf('us:1', {
    changes: [
      ['name', { value: 'tea' }],
      ['furthest', { value: 3 }],
    ],
  });
  expect(superseded(both, written('us:2', 'name', { value: 'mate' }, 'us:1'))).toBe(false);
  const further = written('us:3', 'furthest', { value: 4 }, 'us:2');
  expect(superseded(both, written('us:2', 'name', { value: 'mate' }, 'us:1'), further)).toBe(true);
});

test('what was deleted is superseded; what a value keeps is not', () => {
  const first = written('us:1', 'name', { value: 'tea' });
  expect(superseded(first, eventOf('us:2', { kind: 'delete', context: 'us:1' }))).toBe(true);
  expect(superseded(written('us:1', 'likes', { by: 2 }), written('us:2', 'likes', { by: -2 }, 'us:1'))).toBe(
    false,
  );
});
