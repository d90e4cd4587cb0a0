import { describe, expect, test } from 'vitest';
import type { StoredEvent } from '#core/event/event.js';
import { FollowedEvents } from './followed-events.js';

const event = (actor: string, seq: number, bytes = 10): StoredEvent =>
  ({ event: { dot: { actor, seq } }, bytes: new Uint8Array(bytes), hash: '' }) as unknown as StoredEvent;
const seqsOf = (events: readonly StoredEvent[] | undefined): readonly number[] | undefined =>
  events?.map(({ event: { dot } }) => dot.seq);

describe('events for those who follow', () => {
  test('are kept per shard and actor while somebody follows', () => {
    const followed = new FollowedEvents(1_000);
    followed.committed(0, [event('eu~1', 1)]);
    expect(followed.range(0, 'eu~1', { from: 1, to: 1 })).toBeUndefined();

    const unfollow = followed.follow();
    followed.committed(0, [event('eu~1', 2), event('us~1', 7), event('eu~1', 3)]);
    expect(seqsOf(followed.range(0, 'eu~1', { from: 2, to: 3 }))).toEqual([2, 3]);
    expect(seqsOf(followed.range(0, 'us~1', { from: 7, to: 7 }))).toEqual([7]);
    expect(followed.range(1, 'eu~1', { from: 2, to: 3 })).toBeUndefined();

    unfollow();
    expect(followed.range(0, 'eu~1', { from: 2, to: 3 })).toBeUndefined();
  });

  test('are read from the log where they are older, lost, or more than may be kept', () => {
    const followed = new FollowedEvents(100);
    followed.follow();
    followed.committed(0, [event('eu~1', 5)]);
    expect(followed.range(0, 'eu~1', { from: 4, to: 5 })).toBeUndefined();
    for (let seq = 6; seq < 40; seq += 1) followed.committed(0, [event('eu~1', seq)]);
    expect(followed.range(0, 'eu~1', { from: 5, to: 39 })).toBeUndefined();
    expect(seqsOf(followed.range(0, 'eu~1', { from: 38, to: 39 }))).toEqual([38, 39]);
    followed.lost(0);
    expect(followed.range(0, 'eu~1', { from: 38, to: 39 })).toBeUndefined();
  });

  test('are forgotten when a stream does not go on where it ended', () => {
    const followed = new FollowedEvents(1_000);
    followed.follow();
    followed.committed(0, [event('eu~1', 1), event('eu~1', 2)]);
    followed.committed(0, [event('eu~1', 9)]);
    expect(followed.range(0, 'eu~1', { from: 2, to: 9 })).toBeUndefined();
    expect(seqsOf(followed.range(0, 'eu~1', { from: 9, to: 9 }))).toEqual([9]);
  });
});
