import type { Actor } from '#core/causality/dot.js';
import type { StoredEvent } from '#core/event/event.js';
import { RecentEvents, type SeqRange } from '../recent-events.js';

/**
 * The latest committed events of the shards this process owns, of all actors, while somebody follows them: a feed that
 * keeps up reads no log. With a query per shard and commit, following was most of what a small commit cost.
 */
export class FollowedEvents {
  private readonly shards = new Map<number, RecentEvents<Actor>>();
  private followers = 0;

  constructor(private readonly bytesMaxPerStream: number) {}

  /** From now on events are kept. Undone once by what it returns. */
  follow(): () => void {
    this.followers += 1;
    return () => {
      this.followers -= 1;
      if (this.followers === 0) this.shards.clear();
    };
  }

  /** In the order in which they were stored. Called after their commit. */
  committed(shard: number, events: readonly StoredEvent[]): void {
    if (this.followers === 0 || events.length === 0) return;
    let recent = this.shards.get(shard);
    if (!recent) this.shards.set(shard, (recent = new RecentEvents(this.bytesMaxPerStream)));
    for (const [actor, run] of Map.groupBy(events, ({ event }) => event.dot.actor)) recent.add(actor, run);
  }

  lost(shard: number): void {
    this.shards.delete(shard);
  }

  /** The events of the run; `undefined` when not all of them are kept. */
  range(shard: number, actor: Actor, range: SeqRange): readonly StoredEvent[] | undefined {
    return this.shards.get(shard)?.range(actor, range);
  }
}
