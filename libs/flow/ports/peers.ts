import type { Actor, Dot } from '#core/causality/dot.js';
import type { VersionVector } from '#core/causality/version-vector.js';
import type { ErrorCode } from '#core/errors.js';
import type { EntityRef } from '#core/event/event.js';
import type { Side } from '#core/merge/rights.js';
import type { EventRange } from './event-log.js';

/** One shard as its owner knew it in one committed, flushed state (PROTOCOL §6). */
export interface ShardHeartbeat {
  readonly shard: number;
  readonly stored: VersionVector;
  readonly folded: VersionVector;
  /** Last seq minted by the sender's actor. */
  readonly lastSeq: number;
}

/** A heartbeat of another region's process, as the one who echoes it received it. */
export interface Echo {
  readonly region: string;
  readonly process: string;
  readonly number: number;
  /** Between its arrival and the moment when the echo was made, by the clock of the one who echoes. For estimates only. */
  readonly heldMillis: number;
}

export interface Heartbeat {
  readonly region: string;
  readonly actor: Actor;
  readonly process: string;
  /** Counts up per sending process. */
  readonly number: number;
  /** Per peer region: the last heartbeat received from each of its processes, before the state told here was read. */
  readonly echoes: readonly Echo[];
  readonly shards: readonly ShardHeartbeat[];
  /** Type -> policy hash, compared with ours (PROTOCOL §12). */
  readonly policyHashes: ReadonlyMap<string, string>;
  /**
   * Per region that the sender has heard in its life: the types that differ from the sender's own. What is not heard of that
   * region here goes by this (PROTOCOL §12). Absent: the sender cannot say.
   */
  readonly compared?: ReadonlyMap<string, readonly string[]>;
  /** The sender's wall clock after it had heard what it echoes. Absent: it does not trust it, or cannot say. */
  readonly wallMillis?: number;
}

/** What a region stores of one shard: its truth at some moment after it was asked (PROTOCOL §1). */
export interface ShardCursors {
  /** The region's own actor, and the last seq that it had minted in the shard. */
  readonly actor: Actor;
  readonly lastSeq: number;
  readonly stored: VersionVector;
  readonly folded: VersionVector;
  /** How old a read of the shard would be at that region, by its own clock, in whole milliseconds; `null`: it cannot tell. */
  readonly stalenessMillis: number | null;
}

/** "Everything of this stream up to there is stored here, and flushed": told at once, to the origin, after the commit. */
export interface Ack {
  readonly shard: number;
  /** The actor whose events are acknowledged: one of the region that is told. */
  readonly actor: Actor;
  readonly stored: number;
}
/** A region asks another one for rights to a bounded counter. The same request again moves nothing twice. */
export interface RightsRequest {
  readonly entity: EntityRef;
  readonly field: string;
  readonly side: Side;
  /** The actor of the region that asks. */
  readonly to: Actor;
  /** Given wholly if it is there; and more, up to `want`, where that leaves the giver half. */
  readonly need: number;
  readonly want: number;
  /** Born in the region that is asked: it names the transfer. */
  readonly mutationId: string;
}

/** The event that transfers, or why there is none. */
export type RightsAnswer =
  { readonly kind: 'granted'; readonly dot: Dot } | { readonly kind: 'refused'; readonly reason: ErrorCode };

/** The region cannot be reached at the moment. */
export class PeerUnavailable extends Error {
  override readonly name = 'PeerUnavailable';
}

/** Other regions, over authenticated gRPC. */
export interface Peers extends StrongPeers {
  /** All other members. */
  readonly regions: readonly string[];
  /** Event bytes in seq order, from any process of that region; empty when it stores none of them. @throws PeerUnavailable */
  fetch(region: string, range: EventRange): Promise<readonly Uint8Array[]>;
  /** Any process of that region. Without an answer nobody knows whether it granted: ask again with the same request. @throws PeerUnavailable */
  askRights(region: string, request: RightsRequest): Promise<RightsAnswer>;
  /** Fire and forget: dropped when the peer cannot be reached or its buffer is full. */
  sendHeartbeat(region: string, heartbeat: Heartbeat): void;
  /** Called with every heartbeat that arrives at this process from a peer region. */
  onHeartbeat(handler: (heartbeat: Heartbeat) => void): void;
  /**
   * What that region stores of a shard, read there after the question arrived; from whichever of its processes answers
   * first. @throws PeerUnavailable after `millisMax` at the latest
   */
  cursors(region: string, shard: number, millisMax: number): Promise<ShardCursors>;
  /** Tells every process of a region. Fire and forget: dropped when it cannot be reached or its buffer is full. */
  sendAck(region: string, ack: Ack): void;
  /** Called with every ack that arrives at this process, and the region that surely sent it. */
  onAck(handler: (region: string, ack: Ack) => void): void;
}

/** What strong shards say among regions; the payloads are as `flow/strong` writes them. */
export interface StrongPeers {
  /** Asks a region, through whichever of its processes answers. @throws PeerUnavailable after `millisMax` at the latest */
  ask(region: string, payload: Uint8Array, millisMax: number): Promise<Uint8Array>;
  /** Tells every process of a region, in order and at once; dropped when it cannot be reached or its buffer is full. */
  tell(region: string, payload: Uint8Array): void;
  /** Called with everything that is told to this process, and the region that surely said it. */
  onTold(handler: (region: string, payload: Uint8Array) => void): void;
}

/** Other processes of the same region. */
export interface Siblings {
  /** Hands a command to the owner of its shard: one hop. The payload is the command as flow encodes it. @throws PeerUnavailable */
  forward(address: string, payload: Uint8Array): Promise<Uint8Array>;
  /** Passes a heartbeat on to the process that owns some of its shards. */
  relayHeartbeat(address: string, heartbeat: Heartbeat): void;
}
