import type { StoredEvent } from '#core/event/event.js';

/** A run of seqs, both ends included. */
export interface SeqRange {
  readonly from: number;
  readonly to: number;
}

interface Ring {
  /** Seq of the first event that is kept. */
  first: number;
  events: StoredEvent[];
  bytes: number;
}

/** The latest events of each stream, so that whoever passes them on rarely reads the log. Bounded per stream (INV-15). */
export class RecentEvents<Stream> {
  private readonly rings = new Map<Stream, Ring>();

  constructor(private readonly bytesMaxPerStream: number) {}

  /** In seq order. What does not follow on what is kept replaces it. */
  add(stream: Stream, events: readonly StoredEvent[]): void {
    const [head] = events;
    if (!head) return;
    let ring = this.rings.get(stream);
    if (!ring || ring.first + ring.events.length !== head.event.dot.seq) {
      ring = { first: head.event.dot.seq, events: [], bytes: 0 };
      this.rings.set(stream, ring);
    }
    for (const stored of events) {
      ring.events.push(stored);
      ring.bytes += stored.bytes.length;
    }
    this.trim(ring);
  }

  drop(stream: Stream): void {
    this.rings.delete(stream);
  }

  /** The events of the run; `undefined` when not all of them are remembered. */
  range(stream: Stream, { from, to }: SeqRange): readonly StoredEvent[] | undefined {
    const ring = this.rings.get(stream);
    if (!ring || from < ring.first || to >= ring.first + ring.events.length) return undefined;
    return ring.events.slice(from - ring.first, to - ring.first + 1);
  }

  /** The run cut so that it stays within `bytesMax`, as far as sizes are remembered; at least one event. */
  fit(stream: Stream, range: SeqRange, bytesMax: number): SeqRange {
    const events = this.range(stream, range);
    if (!events) return range;
    let bytes = 0;
    let to = range.from - 1;
    for (const stored of events) {
      bytes += stored.bytes.length;
      if (bytes > bytesMax && to >= range.from) break;
      to += 1;
    }
    return { from: range.from, to };
  }

  /** Events up to `seq` are not asked for again. */
  forget(stream: Stream, seq: number): void {
    const ring = this.rings.get(stream);
    if (!ring || seq < ring.first) return;
    this.dropFirst(ring, Math.min(seq - ring.first + 1, ring.events.length));
  }

  private dropFirst(ring: Ring, count: number): void {
    for (const { bytes } of ring.events.slice(0, count)) ring.bytes -= bytes.length;
    ring.events = ring.events.slice(count);
    ring.first += count;
  }

  private trim(ring: Ring): void {
    if (ring.bytes <= this.bytesMaxPerStream) return;
    let dropped = 0;
    // Down to half, so that cutting the front off is rare.
    while (ring.bytes > this.bytesMaxPerStream / 2 && dropped < ring.events.length - 1) {
      ring.bytes -= ring.events[dropped]?.bytes.length ?? 0;
      dropped += 1;
    }
    ring.events = ring.events.slice(dropped);
    ring.first += dropped;
  }
}
