import type { Dot } from '../causality/dot.js';
import type { HybridTimestamp } from '../causality/hybrid-timestamp.js';
import type { VersionVector } from '../causality/version-vector.js';
import type { Json } from '../json.js';

/** The unit of merge: `(type, id)`. */
export interface EntityRef {
  readonly type: string;
  readonly id: string;
}

/** What one event does to one field, in the terms of that field's policy at that version. */
export interface FieldChange {
  readonly field: string;
  readonly policyVersion: number;
  readonly change: Json;
}

/** Events of one atomic group: more, and a batch would grow beyond what others wait for. */
export const groupSizeMax = 100;

/**
 * The place of an event in the atomic change that it is a part of (PROTOCOL §8). The events of a group have consecutive seqs
 * and are stored, folded or lost only together.
 */
export interface EventGroup {
  readonly index: number;
  readonly size: number;
}

/**
 * A stamped change: what is stored, published and applied (PROTOCOL §3).
 *
 * `hash` is SHA-256 (hex) of the event's bytes, `prev` the hash of its predecessor in (actor, shard) or `''` for the
 * first: the two make a chain, so that a dot can never silently stand for two events (INV-8).
 */
export interface Event {
  readonly shard: number;
  readonly dot: Dot;
  readonly prev: string;
  readonly entity: EntityRef;
  readonly kind: 'update' | 'delete';
  readonly schemaVersion: number;
  readonly changes: readonly FieldChange[];
  /** The region's `seen` of the entity when it decided this change. */
  readonly context: VersionVector;
  /** What the client had read, for multi-value writes: within the context. Absent: the context itself. */
  readonly observed?: VersionVector;
  /** What the command depended on, in any shard (level causal): to be covered before this is folded. Shard -> cursors. */
  readonly dependencies?: ReadonlyMap<number, VersionVector>;
  readonly time: HybridTimestamp;
  readonly mutation: MutationRef;
  /** Ids of the conflicts that a person resolved with this change. */
  readonly resolves?: readonly string[];
  /** Whoever stores it tells its origin at once: somebody waits there. */
  readonly acks?: true;
  /** Of strong types only: in which the home wrote it. */
  readonly epoch?: string;
  readonly group?: EventGroup;
  /** Of which phase of its type it is, in its shard: how often the type was moved before. Absent: of the first. */
  readonly phase?: number;
  /** W3C traceparent of the command. */
  readonly trace?: string;
}

/** Which command an event came from. `digest` is 22 characters of base64url over the canonical command. */
export interface MutationRef {
  readonly id: string;
  readonly digest: string;
}

/** What passing an event on needs of it: its canonical bytes, and its entity for the key of a record. Nothing is decoded for it. */
export interface EventBytes {
  readonly event: Pick<Event, 'entity'>;
  readonly bytes: Uint8Array;
}

/** An event together with its canonical bytes and their hash: what the log holds. */
export interface StoredEvent extends EventBytes {
  readonly event: Event;
  readonly hash: string;
}
