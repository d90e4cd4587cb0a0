import type { EventRange } from './event-log.js';
import type { Heartbeat, RightsAnswer, RightsRequest, ShardCursors } from './peers.js';

/** What a process answers to its peers and siblings: the other side of `Peers` and `Siblings`. */
export interface PeerHandlers {
  /** Event bytes in seq order from `request.from`, within its limits; empty when this region stores none of them. */
  fetch(range: EventRange): Promise<readonly Uint8Array[]>;
  /** What the region stores of a shard, read after the question arrived. */
  cursors(shard: number): Promise<ShardCursors>;
  /** A peer region asks for rights to a bounded counter; `request.to` is an actor of that region. */
  grantRights(request: RightsRequest): Promise<RightsAnswer>;
  /**
   * A command that a sibling hands to the owner of its shard. What the command came to, a rejection too, is in the answer.
   *
   * @throws AtollError carried to the sibling with its code; anything else reaches it as `PeerUnavailable`, outcome unknown
   */
  forward(payload: Uint8Array): Promise<Uint8Array>;
  /** A question of another region about a strong shard, or a strong operation. What it came to is in the answer. */
  asked(region: string, payload: Uint8Array): Promise<Uint8Array>;
  /** A peer region's heartbeat that a sibling passed on because this process owns shards it speaks of. Not passed on again. */
  relayed(heartbeat: Heartbeat): void;
}
