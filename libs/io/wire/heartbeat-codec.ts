import { regionOf, type Actor } from '#core/causality/dot.js';
import type { Echo, Heartbeat, ShardHeartbeat } from '#flow/ports/peers.js';

/** `atoll.peer.v1.Heartbeat` as the proto loader gives and takes it: camel case, int64 as number, nothing absent. */
export interface HeartbeatMessage {
  readonly region: string;
  readonly actor: string;
  readonly process: string;
  readonly number: number;
  readonly echoes: readonly Echo[];
  readonly actors: readonly string[];
  readonly shards: readonly ShardMessage[];
  readonly policyHashes: Readonly<Record<string, string>>;
  readonly compared: readonly { readonly region: string; readonly refused: readonly string[] }[];
  readonly wallMillis: number;
}

/** One shard, with its actors by their index in a list beside it. */
export interface ShardMessage {
  readonly shard: number;
  readonly lastSeq: number;
  readonly cursors: readonly { readonly actor: number; readonly stored: number; readonly folded: number }[];
}

/** Gives actors their indexes: the keys, in their order, are the list. */
export class ActorIndexes {
  readonly #indexes = new Map<Actor, number>();

  of(actor: Actor): number {
    const index = this.#indexes.get(actor) ?? this.#indexes.size;
    this.#indexes.set(actor, index);
    return index;
  }

  get actors(): readonly Actor[] {
    return [...this.#indexes.keys()];
  }
}

export function encodeShard(
  { shard, lastSeq, stored, folded }: ShardHeartbeat,
  indexes: ActorIndexes,
): ShardMessage {
  const actors = new Set([...stored.keys(), ...folded.keys()]);
  const cursors = [...actors].map((actor) => ({
    actor: indexes.of(actor),
    stored: stored.get(actor) ?? 0,
    folded: folded.get(actor) ?? 0,
  }));
  return { shard, lastSeq, cursors };
}

/** Actors are named once and then by index: each shard has cursors of all of them. */
export function encodeHeartbeat(heartbeat: Heartbeat): HeartbeatMessage {
  const indexes = new ActorIndexes();
  const shards = heartbeat.shards.map((shard) => encodeShard(shard, indexes));
  const { region, actor, process, number, echoes, policyHashes } = heartbeat;
  return {
    region,
    actor,
    process,
    number,
    echoes,
    actors: indexes.actors,
    shards,
    policyHashes: Object.fromEntries(policyHashes),
    compared: [...(heartbeat.compared ?? [])].map(([of, refused]) => ({ region: of, refused })),
    wallMillis: heartbeat.wallMillis ?? 0,
  };
}

/** `undefined` when the message is no heartbeat that a member could have sent: it comes from outside and is not trusted. */
export function decodeHeartbeat(message: HeartbeatMessage): Heartbeat | undefined {
  const { region, actor, process, number, echoes, actors, compared, wallMillis } = message;
  if (region === '' || process === '' || regionOf(actor) !== region || !isCount(number)) return undefined;
  if (!Number.isFinite(wallMillis) || wallMillis < 0) return undefined;
  if (!echoes.every(({ number: of, heldMillis }) => isCount(of) && heldMillis >= 0)) return undefined;
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
    echoes: echoes.map((echo) => ({
      region: echo.region,
      process: echo.process,
      number: echo.number,
      heldMillis: echo.heldMillis,
    })),
    shards,
    policyHashes: new Map(Object.entries(message.policyHashes)),
    ...(compared.length > 0 && { compared: new Map(compared.map((one) => [one.region, one.refused])) }),
    ...(wallMillis > 0 && { wallMillis }),
  };
}

/** `undefined` when the message makes no sense. */
export function decodeShard(encoded: ShardMessage, actors: readonly string[]): ShardHeartbeat | undefined {
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
export function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
