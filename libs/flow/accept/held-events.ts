import { dotKey, type Dot } from '#core/causality/dot.js';
import type { Event, StoredEvent } from '#core/event/event.js';

/** Memory of a decoded event, per byte of its stored form, and besides it; measured roughly, for the limit only. */
const memoryPerByte = 3;
const memoryPerEvent = 600;

interface Held {
  readonly event: Event;
  readonly bytes: number;
}

/**
 * Events that are stored and wait to be folded, remembered so that looking at them again reads nothing. Within a limit in
 * bytes (INV-15): behind a long cut the first ones are kept, which are folded first, and the others are read from the log.
 */
export class HeldEvents {
  private readonly shards = new Map<number, Map<string, Held>>();
  private heldBytes = 0;

  constructor(private readonly bytesMax: number) {}

  get(shard: number, dot: Dot): { readonly event: Event } | undefined {
    return this.shards.get(shard)?.get(dotKey(dot));
  }

  add(shard: number, { event, bytes: { length } }: StoredEvent): void {
    const bytes = length * memoryPerByte + memoryPerEvent;
    if (this.heldBytes + bytes > this.bytesMax) return;
    const held = this.shards.get(shard) ?? new Map<string, Held>();
    this.drop(shard, event.dot);
    held.set(dotKey(event.dot), { event, bytes });
    this.shards.set(shard, held);
    this.heldBytes += bytes;
  }

  drop(shard: number, dot: Dot): void {
    const held = this.shards.get(shard);
    const found = held?.get(dotKey(dot));
    if (!held || !found) return;
    held.delete(dotKey(dot));
    this.heldBytes -= found.bytes;
  }

  dropShard(shard: number): void {
    for (const { bytes } of this.shards.get(shard)?.values() ?? []) this.heldBytes -= bytes;
    this.shards.delete(shard);
  }

  get bytes(): number {
    return this.heldBytes;
  }
}
