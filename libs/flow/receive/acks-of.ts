import type { Actor } from '#core/causality/dot.js';
import type { StoredEvent } from '#core/event/event.js';
import type { Ack } from '../ports/peers.js';

/**
 * The acks that a batch owes: one per actor with an event in it that asks for one, up to the last that the batch stored.
 *
 * To be told when the batch is durable and flushed (INV-9): every commit is synchronous. If applies ever commit
 * asynchronously, a batch that owes acks must not.
 */
export function acksOf(shard: number, received: readonly StoredEvent[]): readonly Ack[] {
  let asking: Map<Actor, number> | undefined;
  for (const { event } of received) {
    if (event.acks === true) (asking ??= new Map<Actor, number>()).set(event.dot.actor, event.dot.seq);
    else if (asking?.has(event.dot.actor) === true) asking.set(event.dot.actor, event.dot.seq);
  }
  if (!asking) return [];
  return [...asking].map(([actor, stored]) => ({ shard, actor, stored }));
}
