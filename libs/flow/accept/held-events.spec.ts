import { describe, expect, it } from 'vitest';
import type { StoredEvent } from '#core/event/event.js';
import { eventOf } from '#kit/laws/make-event.js';
import { HeldEvents } from './held-events.js';

const stored = (dot: string): StoredEvent => ({
  event: eventOf(dot),
  bytes: new Uint8Array(1_000),
  hash: '',
});
const dot = (seq: number): { actor: string; seq: number } => ({ actor: 'us~1', seq });

describe('events that wait', () => {
  it('are remembered by shard and dot until they leave', () => {
    const held = new HeldEvents(1e6);
    held.add(7, stored('us:1'));
    held.add(8, stored('us:1'));
    expect(held.get(7, dot(1))?.event).toEqual(eventOf('us:1'));
    held.drop(7, dot(1));
    expect(held.get(7, dot(1))).toBeUndefined();
    expect(held.get(8, dot(1))).toBeDefined();
    held.dropShard(8);
    expect(held.bytes).toBe(0);
  });

  it('are remembered within the limit, the first ones first', () => {
    const held = new HeldEvents(10_000);
    for (let seq = 1; seq <= 100; seq += 1) held.add(7, stored(`us:${seq}`));
    expect(held.get(7, dot(1))).toBeDefined();
    expect(held.get(7, dot(100))).toBeUndefined();
    expect(held.bytes).toBeLessThanOrEqual(10_000);
    held.drop(7, dot(1));
    held.add(7, stored('us:100'));
    expect(held.get(7, dot(100))).toBeDefined();
  });

  it('count once when they are told again', () => {
    const held = new HeldEvents(1e6);
    held.add(7, stored('us:1'));
    const { bytes } = held;
    held.add(7, stored('us:1'));
    expect(held.bytes).toBe(bytes);
  });
});
