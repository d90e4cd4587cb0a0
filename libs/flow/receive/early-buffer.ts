import type { Actor } from '#core/causality/dot.js';
import type { StoredEvent } from '#core/event/event.js';
import { streamKey } from './stream-key.js';

/** Events ahead of their turn, per stream (actor and shard), within one limit in bytes for all (INV-15). */
export class EarlyBuffer {
  private readonly streams = new Map<string, Map<number, StoredEvent>>();
  private usedBytes = 0;

  constructor(private readonly bytesMax: number) {}

  /** `false` when there is no room: the event is fetched again when its turn comes. */
  hold(shard: number, stored: StoredEvent): boolean {
    const { actor, seq } = stored.event.dot;
    const key = streamKey(shard, actor);
    const stream = this.streams.get(key) ?? new Map<number, StoredEvent>();
    if (stream.has(seq)) return true;
    if (this.usedBytes + stored.bytes.length > this.bytesMax) return false;
    stream.set(seq, stored);
    this.streams.set(key, stream);
    this.usedBytes += stored.bytes.length;
    return true;
  }

  /** Takes the event out, if it is here. */
  take(shard: number, actor: Actor, seq: number): StoredEvent | undefined {
    if (this.streams.size === 0) return undefined;
    const key = streamKey(shard, actor);
    const stream = this.streams.get(key);
    const stored = stream?.get(seq);
    if (!stream || !stored) return undefined;
    stream.delete(seq);
    this.usedBytes -= stored.bytes.length;
    if (stream.size === 0) this.streams.delete(key);
    return stored;
  }

  /** The streams of which something is held. */
  streamsHeld(): readonly { readonly shard: number; readonly actor: Actor }[] {
    return [...this.streams.keys()].map((key) => {
      const at = key.indexOf(' ');
      return { shard: Number(key.slice(0, at)), actor: key.slice(at + 1) };
    });
  }

  dropShard(shard: number): void {
    for (const [key, stream] of this.streams) {
      if (!key.startsWith(`${shard} `)) continue;
      for (const stored of stream.values()) this.usedBytes -= stored.bytes.length;
      this.streams.delete(key);
    }
  }

  get bytes(): number {
    return this.usedBytes;
  }
}
