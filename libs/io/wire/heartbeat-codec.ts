import { regionOf, type Actor } from '#core/causality/dot.js';
import type { Heartbeat, ShardHeartbeat } from '#flow/ports/peers.js';

/** `atoll.peer.v1.Heartbeat` as the proto loader gives and takes it: camel case, int64 as number, nothing absent. */
export interface HeartbeatMessage {
  readonly region: string;
  readonly actor: string;
  readonly process: string;
  readonly number: number;
  readonly echoes: readonly { readonly region: string; readonly process: string; readonly number: number }[];
  readonly actors: readonly string[];
  readonly shards: readonly {
    readonly shard: number;
    readonly lastSeq: number;
    readonly cursors: readonly { readonly actor: number; readonly stored: number; readonly folded: number }[];
  }[];
  readonly policyHashes: Readonly<Record<string, string>>;
}

/** Actors are named once and then by index: each shard has cursors of all of them. */
export function encodeHeartbeat(heartbeat: Heartbeat): HeartbeatMessage {
  const indexes = new Map<Actor, number>();
  const indexOf = (actor: Actor): number => {
    const index = indexes.get(actor) ?? indexes.size;
    indexes.set(actor, index);
    return index;
  };
  const shards = heartbeat.shards.map(({ shard, lastSeq, stored, folded }) => {
    const actors = new Set([...stored.keys(), ...folded.keys()]);
    const cursors = [...actors].map((actor) => ({
      actor: indexOf(actor),
      stored: stored.get(actor) ?? 0,
      folded: folded.get(actor) ?? 0,
    }));
    return { shard, lastSeq, cursors };
  });
  const { region, actor, process, number, echoes, policyHashes } = heartbeat;
  return {
    region,
    actor,
    process,
    number,
    echoes,
    actors: [...indexes.keys()],
    shards,
    policyHashes: Object.fromEntries(policyHashes),
  };
}

/** `undefined` when the message is no heartbeat that a member could have sent: it comes from outside and is not trusted. */
export function decodeHeartbeat(message: HeartbeatMessage): Heartbeat | undefined {
  const { region, actor, process, number, echoes, actors } = message;
  if (region === '' || process === '' || regionOf(actor) !== region || !isCount(number)) return undefined;
  if (!echoes.every((echo) => isCount(echo.number))) return undefined;
  const shards: ShardHeartbeat[] = [];
  for (const encoded of message.shards) {
    const shard = decodeShard(encoded, actors);
    if (shard === undefined) return undefined;
    shards.push(shard);
  }
  return {
    region,
    actor,
    process,
    number,
    echoes: echoes.map((echo) => ({ region: echo.region, process: echo.process, number: echo.number })),
    shards,
    policyHashes: new Map(Object.entries(message.policyHashes)),
  };
}

function decodeShard(
  encoded: HeartbeatMessage['shards'][number],
  actors: readonly string[],
): ShardHeartbeat | undefined {
  if (!isCount(encoded.lastSeq)) return undefined;
  const stored = new Map<Actor, number>();
  const folded = new Map<Actor, number>();
  for (const cursor of encoded.cursors) {
    const actor = actors[cursor.actor];
    if (actor === undefined || !isCount(cursor.stored) || !isCount(cursor.folded)) return undefined;
    if (cursor.stored > 0) stored.set(actor, cursor.stored);
    if (cursor.folded > 0) folded.set(actor, cursor.folded);
  }
  return { shard: encoded.shard, lastSeq: encoded.lastSeq, stored, folded };
}

/** What arrives as int64 beyond 2^53-1 has lost digits on the way to a number: refused, not guessed at. */
function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
