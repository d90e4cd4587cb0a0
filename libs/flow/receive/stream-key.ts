import type { Actor } from '#core/causality/dot.js';

/** Names a stream: the shard, a space, the actor. */
export function streamKey(shard: number, actor: Actor): string {
  return `${shard} ${actor}`;
}
