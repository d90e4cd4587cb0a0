import type { StoredEvent } from '#core/event/event.js';
import type { PublishRange } from './publish-queue.js';

interface Ring {
  /** Seq of the first event that is kept. */
  first: number;
  events: StoredEvent[];
  bytes: number;
}

/** The latest own events of each shard, so that publishing rarely reads the log. Bounded per shard (INV-15). */
export class RecentEvents {
  private readonly rings = new Map<number, Ring>();

  constructor(private readonly bytesMaxPerShard: number) {}

  add(shard: number, events: readonly StoredEvent[]): void {
    const [head] = events;
    if (!head) return;
    let ring = this.rings.get(shard);
    if (!ring || ring.first + ring.events.length !== head.event.dot.seq) {
      ring = { first: head.event.dot.seq, events: [], bytes: 0 };
      this.rings.set(shard, ring);
    }
    for (const stored of events) {
      ring.events.push(stored);
      ring.bytes += stored.bytes.length;
    }
    this.trim(ring);
  }

  drop(shard: number): void {
    this.rings.delete(shard);
  }

  /** The events of the run; `undefined` when not all of them are remembered. */
  range({ shard, from, to }: PublishRange): readonly StoredEvent[] | undefined {
    const ring = this.rings.get(shard);
    if (!ring || from < ring.first || to >= ring.first + ring.events.length) return undefined;
    return ring.events.slice(from - ring.first, to - ring.first + 1);
  }

  /** The run cut so that it stays within `bytesMax`, as far as sizes are remembered; at least one event. */
  fit(range: PublishRange, bytesMax: number): PublishRange {
    const events = this.range(range);
    if (!events) return range;
    let bytes = 0;
    let to = range.from - 1;
    for (const stored of events) {
      bytes += stored.bytes.length;
      if (bytes > bytesMax && to >= range.from) break;
      to += 1;
    }
    return { ...range, to };
  }

  /** Events up to `seq` are on every cluster: they are not asked for again. */
  forget(shard: number, seq: number): void {
    const ring = this.rings.get(shard);
    if (!ring || seq < ring.first) return;
    this.dropFirst(ring, Math.min(seq - ring.first + 1, ring.events.length));
  }

  private dropFirst(ring: Ring, count: number): void {
    for (const { bytes } of ring.events.slice(0, count)) ring.bytes -= bytes.length;
    ring.events = ring.events.slice(count);
    ring.first += count;
  }

  private trim(ring: Ring): void {
    if (ring.bytes <= this.bytesMaxPerShard) return;
    let dropped = 0;
    // Down to half, so that cutting the front off is rare.
    while (ring.bytes > this.bytesMaxPerShard / 2 && dropped < ring.events.length - 1) {
      ring.bytes -= ring.events[dropped]?.bytes.length ?? 0;
      dropped += 1;
    }
    ring.events = ring.events.slice(dropped);
    ring.first += dropped;
  }
}
