import type { Actor } from '#core/causality/dot.js';
import type { StoredEvent } from '#core/event/event.js';
import { eventBytes } from '../accept/queues.js';
import { streamKey } from './stream-key.js';

export type Grouped =
  /** All of them are here. */
  | { readonly kind: 'whole'; readonly events: readonly StoredEvent[] }
  | { readonly kind: 'open' }
  /** No home writes this. */
  | { readonly kind: 'malformed' };

/**
 * The events of atomic groups whose last event has not come yet, at most one group per stream (actor and shard), each within
 * a limit in bytes (INV-15). They are stored together or not at all: a position is never inside a group (PROTOCOL §8).
 */
export class OpenGroups {
  private readonly streams = new Map<string, StoredEvent[]>();

  constructor(private readonly bytesMax: number) {}

  /** How many events of a stream are here, and not handed on. */
  count(shard: number, actor: Actor): number {
    return this.streams.size === 0 ? 0 : (this.streams.get(streamKey(shard, actor))?.length ?? 0);
  }

  /** How many events the group that has begun in a stream still lacks. */
  missing(shard: number, actor: Actor): number {
    if (this.streams.size === 0) return 0;
    const events = this.streams.get(streamKey(shard, actor));
    return (events?.[0]?.event.group?.size ?? 0) - (events?.length ?? 0);
  }

  /** Adds the next event of its stream. One that is of no group is whole by itself. */
  add(shard: number, stored: StoredEvent): Grouped {
    const { dot, group } = stored.event;
    if (!group && this.count(shard, dot.actor) === 0) return { kind: 'whole', events: [stored] };
    const key = streamKey(shard, dot.actor);
    const events = this.streams.get(key) ?? [];
    if (!group || !follows(events, stored) || this.bytes([...events, stored]) > this.bytesMax)
      return { kind: 'malformed' };
    events.push(stored);
    this.streams.set(key, events);
    if (events.length < group.size) return { kind: 'open' };
    this.streams.delete(key);
    return { kind: 'whole', events };
  }

  dropShard(shard: number): void {
    for (const key of this.streams.keys()) if (key.startsWith(`${shard} `)) this.streams.delete(key);
  }

  private bytes([first, ...rest]: readonly StoredEvent[]): number {
    return first ? eventBytes({ stored: first, rest }) : 0;
  }
}

function follows(events: readonly StoredEvent[], { event: { group, mutation } }: StoredEvent): boolean {
  if (group?.index !== events.length) return false;
  const first = events[0]?.event;
  return first === undefined || (first.group?.size === group.size && first.mutation.id === mutation.id);
}
