import type { Actor, Dot } from '#core/causality/dot.js';
import type { VersionVector } from '#core/causality/version-vector.js';
import type { EntityRef, EventBytes, StoredEvent } from '#core/event/event.js';
import type { Json } from '#core/json.js';

/** Who this region's database is: fixed when it was created. */
export interface RegionIdentity {
  readonly region: string;
  readonly actor: Actor;
  readonly shards: number;
}

/** What every transaction of a shard compares and sets before anything else (PROTOCOL §1). */
export interface Fence {
  readonly ownerEpoch: number;
  readonly batch: number;
  /** Last seq minted here for this shard by this region's actor. */
  readonly lastSeq: number;
}

export interface CursorRow {
  readonly actor: Actor;
  readonly stored: number;
  /** Hash of the event at `stored`: the chain's head. */
  readonly hash: string;
  readonly folded: number;
}

/** A committed cursor, as whoever does not own the shard reads it. */
export interface RegionCursorRow extends CursorRow {
  /** `stored`, lowered below the first pending event: what dependencies are held against. */
  readonly causal: number;
}

/** A row of the entity table: both halves are canonical JSON bytes. `value` is null while the entity does not exist. */
export interface EntityRow {
  readonly entity: EntityRef;
  readonly shard: number;
  /** Canonical JSON, and so is the value. */
  readonly state: string;
  /** What a read shows; `null` where the entity does not exist. */
  readonly value: string | null;
}

/** An entity as a list has it. */
export interface ListedRow extends EntityRow {
  /** Whether an event of it is parked: it is quarantined. */
  readonly isParked: boolean;
}

/** An entity's state alone: what is folded on, and needs no value. */
export type StateRow = Omit<EntityRow, 'value'>;

/** One per event that came from a command with a mutation id: i.e. every event. */
export interface MutationRow {
  readonly id: string;
  readonly digest: string;
  readonly entity: EntityRef;
  readonly shard: number;
  readonly dot: Dot;
  readonly groupIndex: number;
  /** When the command was born, in milliseconds since 1970, by its id; else when it was stored here. */
  readonly bornMillis: number;
}

/** An event that is stored but not folded. */
export interface WaitingRow {
  readonly dot: Dot;
  readonly entity: EntityRef;
  readonly state: 'pending' | 'parked';
  /** For pending: the dot it waits for; for parked: why. */
  readonly waitsFor?: Dot;
  /** Where a dependency is waited for: its shard. Absent: the dot is one of the entity's own. */
  readonly waitsIn?: number;
  readonly reason?: string;
}

/** A strong event that a decided opening left out: kept as losing, never in any state (INV-11). */
export interface RefusedRow {
  readonly dot: Dot;
  readonly entity: EntityRef;
  readonly epoch: string;
  readonly mutationId: string;
}

export interface ConflictRow {
  readonly id: string;
  readonly shard: number;
  readonly entity: EntityRef;
  readonly field: string;
  readonly policy: string;
  readonly low: Dot;
  readonly high: Dot;
  /** What each of the two did to the field, as JSON for people (operation and time); by it the loser is kept. */
  readonly lowChange: Json;
  readonly highChange: Json;
  readonly resolvedBy: Dot | null;
  readonly detectedMillis: number;
}

/** Everything one batch does to one shard; it commits wholly or not at all (INV-1). */
export interface ShardCommit {
  readonly shard: number;
  /** As it must be found. */
  readonly fence: Fence;
  /** As it becomes; `batch` always grows by one. */
  readonly lastSeq: number;
  /** Highest wall time stamped or heard in this shard: a new owner's clock starts beyond it. */
  readonly hybridFloorMillis: number;
  readonly events: readonly StoredEvent[];
  readonly entities: readonly EntityRow[];
  readonly cursors: readonly CursorRow[];
  readonly mutations: readonly MutationRow[];
  readonly waiting: readonly WaitingRow[];
  /** Dots whose waiting row goes: they were folded. */
  readonly settled: readonly Dot[];
  readonly conflicts: readonly ConflictRow[];
  readonly withdrawnConflicts: readonly string[];
  readonly resolvedConflicts: readonly { readonly id: string; readonly by: Dot }[];
  /** The epoch that the shard's row promises from now on; absent: as before. */
  readonly promised?: string;
  readonly refused: readonly RefusedRow[];
  /** Records of refused commands: they may be executed anew. */
  readonly voided: readonly MutationRow[];
}

export interface ShardImage {
  readonly fence: Fence;
  /** The greatest epoch that this region has promised in the shard; '' for none. */
  readonly promised: string;
  readonly hybridFloorMillis: number;
  readonly cursors: readonly CursorRow[];
  readonly waiting: readonly WaitingRow[];
  /** Per cluster (region name): the seq up to which this region's events are known to be published there. */
  readonly marks: ReadonlyMap<string, number>;
}

export interface ShardOwner {
  readonly shard: number;
  /** Process id of the owner, '' when nobody has ever owned it. */
  readonly owner: string;
  /** Where other processes of the region reach it (gRPC). */
  readonly address: string;
  readonly ownerEpoch: number;
  readonly leaseRemainingMillis: number;
}

export interface ProcessRow {
  readonly id: string;
  readonly address: string;
  readonly ageMillis: number;
}

/** The batch surely did not commit, and trying the same rows again would fail again (for example a unique key). */
export class CommitRefused extends Error {
  override readonly name = 'CommitRefused';
}
/** Nobody knows yet whether the batch committed (connection lost, timeout). */
export class CommitUnknown extends Error {
  override readonly name = 'CommitUnknown';
}
/** The database answered with an error that one of the rows which were asked for may have caused: each alone may be answered. */
export class ReadRefused extends Error {
  override readonly name = 'ReadRefused';
}
/** The database cannot be reached or answers with an operating error; nothing was written by this call. */
export class LogUnavailable extends Error {
  override readonly name = 'LogUnavailable';
}

/** Where a conflict stands in the list of them. */
export type ConflictPlace = Pick<ConflictRow, 'detectedMillis' | 'id'>;

export interface ConflictQuery {
  readonly entity?: EntityRef;
  /** Of `entity` only: in these of its fields. */
  readonly fields?: readonly string[];
  readonly type?: string;
  /** The last one of the page before. */
  readonly after?: ConflictPlace;
  readonly limit: number;
  readonly onlyUnresolved?: boolean;
}

/** A part of one actor's stream in one shard: from this seq on, at most so many events and about so many bytes; the first always. */
export interface EventRange {
  readonly shard: number;
  readonly actor: Actor;
  readonly from: number;
  readonly limit: number;
  readonly bytesMax: number;
}

/** Station 2 and all that is durable in a region. One instance per process; safe for concurrent use. */
export interface EventLog {
  readonly identity: RegionIdentity;

  /** Takes a shard whose lease has lapsed (by the database's clock) or that this process owns already; `ownerEpoch` grows by one. */
  takeOver(
    shard: number,
    process: { readonly id: string; readonly address: string },
    leaseMillis: number,
  ): Promise<
    | { readonly kind: 'taken'; readonly ownerEpoch: number }
    | { readonly kind: 'held'; readonly by: ShardOwner }
  >;
  /** Raises the epoch of a shard this process believes it owns, to settle an unknown commit (PROTOCOL §2). */
  reclaim(
    shard: number,
    ownerEpoch: number,
  ): Promise<{ readonly kind: 'kept'; readonly fence: Fence } | { readonly kind: 'lost' }>;
  /** Extends leases; answers the shards whose epoch is no longer the given one. Also registers the process. */
  renew(
    process: { readonly id: string; readonly address: string },
    shards: readonly { readonly shard: number; readonly ownerEpoch: number }[],
    leaseMillis: number,
  ): Promise<readonly number[]>;
  /** Gives shards up at once: their lease lapses now. */
  release(shards: readonly { readonly shard: number; readonly ownerEpoch: number }[]): Promise<void>;
  /** Starts-with check for answers that need it: the shards of those given that are still owned at that epoch. */
  stillOwned(
    shards: readonly { readonly shard: number; readonly ownerEpoch: number }[],
  ): Promise<readonly number[]>;
  owners(): Promise<readonly ShardOwner[]>;
  processes(): Promise<readonly ProcessRow[]>;

  /** To be called only after takeOver has committed, in a transaction of its own. */
  loadShard(shard: number): Promise<ShardImage>;

  /** One transaction for all; a shard whose fence did not match is left out and named. @throws CommitRefused, CommitUnknown, LogUnavailable */
  commit(shards: readonly ShardCommit[]): Promise<{ readonly fenced: readonly number[] }>;

  /** One round trip before a batch: what the batch needs and nobody has in memory. Missing entities are simply absent. */
  prepare(wanted: {
    readonly entities: readonly EntityRef[];
    readonly mutations: readonly string[];
  }): Promise<{ readonly entities: readonly StateRow[]; readonly mutations: readonly MutationRow[] }>;

  /**
   * States of entities as canonical JSON text, in the order asked for, in one round trip: `undefined` of what was never
   * written, `null` of what has more than `bytesMaxEach` bytes. @throws ReadRefused, LogUnavailable
   */
  states(
    entities: readonly EntityRef[],
    bytesMaxEach: number,
  ): Promise<readonly (string | null | undefined)[]>;

  /** Stored events of one entity that `above` lacks, folded or not, ordered by (actor, seq). */
  entityEvents(entity: EntityRef, shard: number, above: VersionVector): Promise<readonly StoredEvent[]>;
  /** Newest first by arrival, for people; `before` pages. */
  entityHistory(
    entity: EntityRef,
    shard: number,
    page: { readonly limit: number; readonly offset: number },
  ): Promise<readonly StoredEvent[]>;
  /** Events of one actor in one shard, in seq order. Only flushed ones. */
  range(range: EventRange): Promise<readonly StoredEvent[]>;
  /** The same range, for whoever passes it on and looks at nothing in it. */
  rangeBytes(range: EventRange): Promise<readonly EventBytes[]>;

  /** Committed cursors of every shard. */
  cursors(): Promise<ReadonlyMap<number, readonly RegionCursorRow[]>>;
  waiting(query: {
    readonly shard?: number;
    readonly entity?: EntityRef;
    readonly limit: number;
  }): Promise<readonly (WaitingRow & { readonly shard: number })[]>;
  listEntities(type: string, after: string | undefined, limit: number): Promise<readonly ListedRow[]>;
  /** Strong events that were left out, of the whole region or of these mutation ids, ordered by (shard, actor, seq). */
  refused(query: {
    readonly mutationIds?: readonly string[];
    readonly limit: number;
  }): Promise<readonly (RefusedRow & { readonly shard: number })[]>;
  /**
   * Newest first, by when this region found them; those found in one millisecond by their ids, the last first. It stays a
   * page when conflicts before it are withdrawn, and when new ones are found.
   */
  conflicts(query: ConflictQuery): Promise<readonly ConflictRow[]>;
  conflict(id: string): Promise<ConflictRow | undefined>;
  /** Ids of the conflicts in these fields of an entity that are not resolved, at most `limit`, the newest first. */
  openConflicts(entity: EntityRef, fields: readonly string[], limit: number): Promise<readonly string[]>;

  /** Lazily; a mark that is too low only publishes twice. */
  saveMarks(
    marks: readonly { readonly shard: number; readonly cluster: string; readonly seq: number }[],
  ): Promise<void>;
  savePositions(
    positions: readonly { readonly topic: string; readonly partition: number; readonly offset: string }[],
  ): Promise<void>;
  positions(): Promise<
    readonly { readonly topic: string; readonly partition: number; readonly offset: string }[]
  >;

  /** Drops mutation records born at or before the horizon whose events are stable, and raises the stored horizon. */
  dropMutations(horizonMillis: number, stable: ReadonlyMap<number, VersionVector>): Promise<number>;
  mutationHorizonMillis(): Promise<number>;
  /**
   * Per region the latest birth of any mutation record whose id names the region; `-Infinity` where there is none, `Infinity`
   * where that is not known. Whatever is committed before the call counts.
   */
  newestBirths(regions: readonly string[]): Promise<ReadonlyMap<string, number>>;

  /** The database's wall clock, read after the call began: milliseconds since 1970. */
  nowMillis(): Promise<number>;
}
