import type { Actor } from '#core/causality/dot.js';
import type { VersionVector } from '#core/causality/version-vector.js';

/** One shard as its owner knew it in one committed, flushed state (PROTOCOL §6). */
export interface ShardHeartbeat {
  readonly shard: number;
  readonly stored: VersionVector;
  readonly folded: VersionVector;
  /** Last seq minted by the sender's actor. */
  readonly lastSeq: number;
}

export interface Heartbeat {
  readonly region: string;
  readonly actor: Actor;
  readonly process: string;
  /** Counts up per sending process. */
  readonly number: number;
  /** Per peer region: the last heartbeat received from each of its processes (echo). */
  readonly echoes: readonly { readonly region: string; readonly process: string; readonly number: number }[];
  readonly shards: readonly ShardHeartbeat[];
  /** Type -> policy hash, compared with ours (PROTOCOL §12). */
  readonly policyHashes: ReadonlyMap<string, string>;
}

export interface FetchRequest {
  readonly shard: number;
  readonly actor: Actor;
  readonly from: number;
  readonly limit: number;
  readonly bytesMax: number;
}

/** The region cannot be reached at the moment. */
export class PeerUnavailable extends Error {
  override readonly name = 'PeerUnavailable';
}

/** Other regions, over authenticated gRPC. */
export interface Peers {
  /** All other members. */
  readonly regions: readonly string[];
  /** Event bytes in seq order, from any process of that region; empty when it stores none of them. @throws PeerUnavailable */
  fetch(region: string, request: FetchRequest): Promise<readonly Uint8Array[]>;
  /** Fire and forget: dropped when the peer cannot be reached or its buffer is full. */
  sendHeartbeat(region: string, heartbeat: Heartbeat): void;
  /** Called with every heartbeat that arrives at this process from a peer region. */
  onHeartbeat(handler: (heartbeat: Heartbeat) => void): void;
}

/** Other processes of the same region. */
export interface Siblings {
  /** Hands a command to the owner of its shard: one hop. The payload is the command as flow encodes it. @throws PeerUnavailable */
  forward(address: string, payload: Uint8Array): Promise<Uint8Array>;
  /** Passes a heartbeat on to the process that owns some of its shards. */
  relayHeartbeat(address: string, heartbeat: Heartbeat): void;
}
