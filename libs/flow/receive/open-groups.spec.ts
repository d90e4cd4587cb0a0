import { describe, expect, it } from 'vitest';
import type { StoredEvent } from '#core/event/event.js';
import { eventOf, type EventParts } from '#kit/laws/make-event.js';
import { OpenGroups, type Grouped } from './open-groups.js';

const stored = (dot: string, parts: EventParts = {}): StoredEvent => ({
  event: eventOf(dot, parts),
  bytes: new Uint8Array(10),
  hash: dot,
});
const part = (dot: string, index: number, size = 3, mutation = 'm'): StoredEvent =>
  stored(dot, { mutation, group: { index, size } });
const kinds = (groups: OpenGroups, ...events: readonly StoredEvent[]): Grouped['kind'][] =>
  events.map((event) => groups.add(0, event).kind);

describe('events of a group', () => {
  it('are whole with the last of them, and an event of no group by itself', () => {
    const groups = new OpenGroups(1_000);
    expect(kinds(groups, stored('us:1'), part('us:2', 0), part('us:3', 1))).toEqual([
      'whole',
      'open',
      'open',
    ]);
    expect([groups.count(0, 'us~1'), groups.missing(0, 'us~1')]).toEqual([2, 1]);
    const last = groups.add(0, part('us:4', 2));
    expect(last.kind === 'whole' && last.events.map(({ hash }) => hash)).toEqual(['us:2', 'us:3', 'us:4']);
    expect([groups.count(0, 'us~1'), groups.missing(0, 'us~1')]).toEqual([0, 0]);
  });

  it('of other streams do not mix, and go with their shard', () => {
    const groups = new OpenGroups(1_000);
    expect(kinds(groups, part('us:1', 0), part('eu:1', 0, 2), part('eu:2', 1, 2))).toEqual([
      'open',
      'open',
      'whole',
    ]);
    groups.dropShard(0);
    expect(groups.count(0, 'us~1')).toBe(0);
  });

  it('are refused where no home would write them so', () => {
    const begun = (): OpenGroups => {
      const groups = new OpenGroups(1_000);
      groups.add(0, part('us:1', 0));
      return groups;
    };
    expect(begun().add(0, stored('us:2')).kind).toBe('malformed');
    expect(begun().add(0, part('us:2', 2)).kind).toBe('malformed');
    expect(begun().add(0, part('us:2', 1, 4)).kind).toBe('malformed');
    expect(begun().add(0, part('us:2', 1, 3, 'another')).kind).toBe('malformed');
    expect(new OpenGroups(1_000).add(0, part('us:1', 1)).kind).toBe('malformed');
  });

  it('are held within a limit in bytes', () => {
    const groups = new OpenGroups(20);
    expect(kinds(groups, part('us:1', 0), part('us:2', 1), part('us:3', 2))).toEqual([
      'open',
      'open',
      'malformed',
    ]);
  });
});
