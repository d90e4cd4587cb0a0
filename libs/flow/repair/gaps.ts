import type { Actor } from '#core/causality/dot.js';

/** A stream (one actor in one shard) of which somebody stores more than is here. */
export interface Gap {
  readonly shard: number;
  readonly actor: Actor;
  /** Highest seq that anybody is known to store. */
  upTo: number;
  /** Region -> highest seq it is known to store of this stream. */
  readonly sources: Map<string, number>;
  /** Next seq that was wanted when the gap last moved, and when that was (monotonic milliseconds). */
  nextSeq: number;
  movedAtMillis: number;
  fetching: boolean;
}

/** Decides when a gap is worth a fetch: not while the stream moves by itself, at once when somebody waits (PROTOCOL §6). */
export class Gaps {
  private readonly byStream = new Map<string, Gap>();

  /** Notes that `region` stores the stream up to `upTo` while `nextSeq` is wanted here. */
  note(
    stream: { readonly shard: number; readonly actor: Actor },
    seen: {
      readonly region: string;
      readonly upTo: number;
      readonly nextSeq: number;
      readonly nowMillis: number;
    },
  ): void {
    if (seen.upTo < seen.nextSeq) return;
    const key = `${stream.shard} ${stream.actor}`;
    let gap = this.byStream.get(key);
    if (!gap) {
      gap = {
        ...stream,
        upTo: 0,
        sources: new Map(),
        nextSeq: seen.nextSeq,
        movedAtMillis: seen.nowMillis,
        fetching: false,
      };
      this.byStream.set(key, gap);
    }
    gap.upTo = Math.max(gap.upTo, seen.upTo);
    gap.sources.set(seen.region, Math.max(gap.sources.get(seen.region) ?? 0, seen.upTo));
  }

  /** Gaps that have stood still for as long as their stream's patience. Closed ones are forgotten on the way. */
  due(input: {
    readonly nowMillis: number;
    readonly patienceMillis: (gap: Gap, nextSeq: number) => number;
    readonly nextSeq: (shard: number, actor: Actor) => number;
  }): readonly Gap[] {
    const due: Gap[] = [];
    for (const [key, gap] of this.byStream) {
      if (gap.fetching) continue;
      const next = input.nextSeq(gap.shard, gap.actor);
      if (next > gap.upTo) {
        this.byStream.delete(key);
        continue;
      }
      if (next !== gap.nextSeq) {
        gap.nextSeq = next;
        gap.movedAtMillis = input.nowMillis;
      }
      if (input.nowMillis - gap.movedAtMillis >= input.patienceMillis(gap, next)) due.push(gap);
    }
    return due;
  }

  dropShard(shard: number): void {
    for (const [key, gap] of this.byStream) if (gap.shard === shard) this.byStream.delete(key);
  }

  /** How many events a region is known to store of the shards here that are not here. */
  behind(region: string, nextSeq: (shard: number, actor: Actor) => number): number {
    let events = 0;
    for (const gap of this.byStream.values()) {
      events += Math.max(0, (gap.sources.get(region) ?? 0) - nextSeq(gap.shard, gap.actor) + 1);
    }
    return events;
  }
}
