/** What regions send and take over HTTP, as far as this client uses it. Checked against the service's in wire.spec.ts. */

export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** The unit of merge: `(type, id)`. */
export interface EntityRef {
  readonly type: string;
  readonly id: string;
}

/** Seqs by actor. */
export type Seen = Readonly<Record<string, number>>;

/** `{ field, op, … }`, as the field's policy knows it. */
export interface FieldOperation {
  readonly field: string;
  readonly op: string;
  readonly [argument: string]: Json;
}

/** One atomic change. */
export interface Change {
  readonly operations: readonly FieldOperation[];
  /** The version that the client had read; a field with siblings demands it. */
  readonly observed?: string;
}

/** One change of a batch. */
export interface BatchChange extends EntityRef {
  readonly kind?: 'update' | 'delete';
  readonly operations?: readonly FieldOperation[];
  readonly observed?: string;
  readonly mutationId: string;
  /** What this change depends on. */
  readonly session?: string;
}

export interface WriteResult extends EntityRef {
  readonly mutationId: string;
  /** `actor:shard:seq`. */
  readonly dot: string;
  /** The entity's version after the write. */
  readonly version: string;
  readonly seen: Seen;
  /** The command had been stored before; this is what became of it. */
  readonly replayed: boolean;
  /** Regions besides its origin that are known to store it durably, where acks were asked for. */
  readonly confirmed: readonly string[];
  /** Of the home that answered, where the type is strong. */
  readonly epoch?: string | undefined;
  readonly region: string;
  readonly session: string;
}

/** What an atomic change does to one entity. */
export interface TransactionChange extends EntityRef {
  readonly kind?: 'update' | 'delete';
  readonly operations?: readonly FieldOperation[];
  readonly observed?: string;
  /** The version that the entity must have: otherwise nothing is changed. */
  readonly ifMatch?: string;
}

export interface TransactionResult {
  readonly mutationId: string;
  /** What each entity became, in the order of the changes. */
  readonly changes: readonly (EntityRef & {
    readonly dot: string;
    readonly version: string;
    readonly seen: Seen;
  })[];
  readonly replayed: boolean;
  readonly confirmed: readonly string[];
  /** Of the home that answered. */
  readonly epoch?: string | undefined;
  readonly region: string;
  readonly session: string;
}

/** A write that is stored, but not in as many other regions yet as it asked for: what the problem `acks_incomplete` tells. */
export interface IncompleteWrite {
  readonly mutationId: string;
  readonly dot: string;
  readonly version: string;
  readonly seen: Seen;
  readonly session: string;
  readonly confirmed: readonly string[];
  readonly unconfirmed: readonly string[];
}

export type BatchOutcome =
  { readonly ok: true; readonly write: WriteResult } | { readonly ok: false; readonly error: Problem };

export interface BatchResult {
  /** One per change, in their order. */
  readonly outcomes: readonly BatchOutcome[];
  /** Covers all that was written; `null` when nothing was. */
  readonly session: string | null;
}

/** An RFC 9457 problem. */
export interface Problem {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly retryable: boolean;
  readonly requestId: string;
  readonly region: string;
  readonly errors: readonly { readonly path: string; readonly code: string; readonly detail: string }[];
}

/** An entity as it was read. */
export interface ListedEntity extends EntityRef {
  /** `null`: never written, or deleted. */
  readonly value: JsonObject | null;
  readonly version: string;
  readonly seen: Seen;
  /** Ids of conflicts that a person must decide. */
  readonly conflicts: readonly string[];
  readonly quarantined: boolean;
  /** What is missing in it is younger than this, in milliseconds; `null`: nobody can tell. */
  readonly stalenessMs: number | null;
  /** Of the home that answered, where the read was strong. */
  readonly epoch?: string | undefined;
}

export interface EntityRead extends ListedEntity {
  readonly region: string;
  readonly session: string;
}

export interface EntityPage {
  readonly entities: readonly ListedEntity[];
  /** `after` of the next page. */
  readonly next: string | null;
  readonly session: string;
}

export interface HybridTime {
  readonly wallMillis: number;
  readonly counter: number;
}

export interface HistoryEntry {
  readonly dot: string;
  readonly origin: string;
  readonly kind: 'update' | 'delete';
  readonly changes: readonly {
    readonly field: string;
    readonly policyVersion: number;
    readonly change: Json;
  }[];
  readonly context: Seen;
  readonly observed: Seen | null;
  readonly time: HybridTime;
  readonly mutationId: string;
  readonly bytes: number;
  /** How it was merged in the region that answers; `refused`: a new home left it out, for ever. */
  readonly merged: 'folded' | 'pending' | 'parked' | 'alias' | 'refused';
  readonly reason: string | null;
}

export interface HistoryPage extends EntityRef {
  /** Newest first. */
  readonly entries: readonly HistoryEntry[];
  /** `offset` of the next page. */
  readonly next: number | null;
}

export interface ConflictSide {
  readonly dot: string;
  readonly change: Json;
}

export interface Conflict {
  readonly id: string;
  readonly type: string;
  readonly entityId: string;
  /** `*`: the whole entity (a delete). */
  readonly field: string;
  readonly policy: string;
  readonly low: ConflictSide;
  readonly high: ConflictSide;
  readonly resolvedBy: string | null;
  readonly detectedMillis: number;
}

/** Newest first, by when the region that answers found them. */
export interface ConflictPage {
  readonly conflicts: readonly Conflict[];
  readonly next: string | null;
}

export interface ConflictQuery {
  readonly type?: string;
  /** Of the entity; needs `type`. */
  readonly id?: string;
  readonly unresolved?: boolean;
  /** `next` of the page before. */
  readonly after?: string;
  readonly limit?: number;
}

export type WriteState =
  'stored' | 'pending' | 'parked' | 'merged' | 'superseded' | 'alias' | 'refused' | 'converged';

export interface WriteStatus extends EntityRef {
  readonly mutationId: string;
  readonly state: WriteState;
  readonly copies: readonly { readonly dot: string; readonly region: string; readonly state: WriteState }[];
}

export interface BarrierState {
  readonly reached: boolean;
  readonly missing: readonly string[];
}

/** One entry of the changes feed. */
export interface Notice extends EntityRef {
  /** Resumes after this notice, in any region. */
  readonly position: string;
  /** `null` after a delete. */
  readonly value: JsonObject | null;
  readonly version: string;
  readonly seen: Seen;
  readonly cause: 'local' | 'merged' | 'resolved' | 'deleted';
  readonly dot: string;
  /** When the origin stamped it. */
  readonly time: HybridTime;
}
