import { regionOf } from '#core/causality/dot.js';
import type { Ack, ShardCursors } from '#flow/ports/peers.js';
import { ActorIndexes, decodeShard, encodeShard, isCount, type ShardMessage } from './heartbeat-codec.js';

/** `atoll.peer.v1.CursorsResponse` as the proto loader gives and takes it. */
export interface CursorsMessage {
  readonly actor: string;
  readonly actors: readonly string[];
  readonly shard: ShardMessage | null;
  readonly stalenessMillis?: number;
}

export function encodeCursors(shard: number, cursors: ShardCursors): CursorsMessage {
  const indexes = new ActorIndexes();
  const { actor, stalenessMillis } = cursors;
  const message = encodeShard({ shard, ...cursors }, indexes);
  return {
    actor,
    actors: indexes.actors,
    shard: message,
    ...(stalenessMillis !== null && { stalenessMillis }),
  };
}

/** `undefined` when it is no answer that `region` could have given to a question about `shard`. */
export function decodeCursors(
  message: CursorsMessage,
  asked: { readonly region: string; readonly shard: number },
): ShardCursors | undefined {
  const { actor, actors, shard, stalenessMillis } = message;
  if (regionOf(actor) !== asked.region || !shard || shard.shard !== asked.shard) return undefined;
  const decoded = decodeShard(shard, actors);
  if (!decoded) return undefined;
  const { lastSeq, stored, folded } = decoded;
  return { actor, lastSeq, stored, folded, stalenessMillis: stalenessMillis ?? null };
}

/** `undefined` when it acknowledges nothing of this region's: what a peer sends is not trusted. */
export function decodeAck({ shard, actor, stored }: Ack, ownRegion: string): Ack | undefined {
  if (regionOf(actor) !== ownRegion || !isCount(stored) || stored < 1) return undefined;
  return { shard, actor, stored };
}
