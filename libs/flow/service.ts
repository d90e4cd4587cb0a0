import type { Dot } from '#core/causality/dot.js';
import type { ClockVerdict } from '#core/causality/clock-witnesses.js';
import type { HybridTimestamp } from '#core/causality/hybrid-timestamp.js';
import type { VersionVector } from '#core/causality/version-vector.js';
import type { Acks } from '#core/consistency/acks.js';
import type { Level } from '#core/consistency/level.js';
import { AtollError, type ErrorCode } from '#core/errors.js';
import type { EntityRef, Event } from '#core/event/event.js';
import type { Json, JsonObject } from '#core/json.js';
import type { Epoch } from '#core/strong/epoch.js';
import type { FormerMember, MemberChange, Membership } from '#core/strong/membership.js';
import type { Consistency } from '#core/strong/type-moves.js';
import type { ConflictQuery, ConflictRow, RefusedRow, ShardOwner, WaitingRow } from './ports/event-log.js';
import type { ShardStanding } from './strong/messages.js';

/** `{ field, op, … }`, as a client sent it and the edge checked for limits only. */
export interface FieldOperation {
  readonly field: string;
  readonly op: string;
  readonly [argument: string]: Json;
}

/** What a command does to one entity. */
export interface CommandPart {
  readonly entity: EntityRef;
  readonly kind: 'update' | 'delete';
  readonly operations: readonly FieldOperation[];
  /** What the client had read (from an ETag). */
  readonly observed?: VersionVector;
  readonly ifMatch?: VersionVector;
}

/** One atomic change: of one entity, or of several strong ones with one partition key. */
export interface Command extends CommandPart {
  /** What it does to other entities: all of it or nothing (PROTOCOL §8). */
  readonly also?: readonly CommandPart[];
  /** Absent: the service makes one. */
  readonly mutationId?: string;
  readonly resolves?: readonly string[];
  /** A session token as the client sent it. */
  readonly session?: string;
  /**
   * The event carries what the token depends on, and no region folds it before that (PROTOCOL §3). Absent: the session
   * alone is looked after.
   */
  readonly consistency?: 'causal';
  readonly trace?: string;
}

export interface CallOptions {
  /** How long the caller is willing to wait, from now. */
  readonly maxWaitMillis: number;
}

export interface WriteOptions extends CallOptions {
  /** In how many other regions it must be stored before it is answered. Absent: in none; a majority, of a strong type. */
  readonly acks?: Acks | undefined;
}

/** What became of one entity's part. */
export interface PartOutcome {
  readonly dot: Dot;
  /** The entity's `seen` after the write. */
  readonly seen: VersionVector;
}

export interface WriteOutcome extends PartOutcome {
  readonly mutationId: string;
  readonly shard: number;
  /** Of the further entities of an atomic change, in their order. */
  readonly also?: readonly PartOutcome[];
  /** Of the home that answered, where one decided it. */
  readonly epoch?: Epoch;
  readonly session: string;
  /** The command had been stored before; this is what became of the first try. */
  readonly replayed: boolean;
  /** Regions besides the event's origin that are known to store it durably; nobody was asked where `acks` did not ask. */
  readonly confirmed: readonly string[];
}

/** The write is stored, as `outcome` says, but not in as many other regions yet as it asked for. */
export class AcksIncomplete extends AtollError {
  constructor(
    readonly outcome: WriteOutcome,
    /** Regions that are not known to store it yet. They will, unless the origin is lost first. */
    readonly unconfirmed: readonly string[],
  ) {
    const where =
      outcome.confirmed.length === 0 ? 'in no other region' : `in ${outcome.confirmed.join(', ')}`;
    super(
      'acks_incomplete',
      `the write is stored, but ${where} so far; not yet in ${unconfirmed.join(', ')}`,
    );
  }
}

/** A bounded read found the region too stale and was not to wait, or waited in vain. */
export class TooStale extends AtollError {
  constructor(
    code: 'too_stale' | 'read_elsewhere',
    detail: string,
    readonly told: {
      /** How old the read would have been; `null`: nobody can tell. */
      readonly stalenessMillis: number | null;
      /** Regions that said a moment ago that they are fresh enough, the freshest first. */
      readonly regions: readonly string[];
    },
  ) {
    super(code, detail);
  }
}

export interface ReadOutcome {
  readonly entity: EntityRef;
  /** `undefined`: never written, or deleted. */
  readonly value: JsonObject | undefined;
  readonly seen: VersionVector;
  readonly session: string;
  /** Unresolved conflicts of fields that a person must decide. */
  readonly openConflicts: readonly string[];
  readonly quarantined: boolean;
  /** At the moment of the answer, whatever is missing in it is younger than this; `null`: nobody can tell. Whole milliseconds. */
  readonly stalenessMillis: number | null;
  /** Of the home that answered, of a strong read. */
  readonly epoch?: Epoch;
}

export interface ReadOptions extends CallOptions {
  readonly session?: string;
  /** Absent: `session` where a session is given, else `eventual`. */
  readonly level?: Level;
}

export interface HistoryEntry {
  readonly event: Event;
  readonly hash: string;
  readonly bytes: number;
  /** How it was merged here. */
  readonly merged: 'folded' | 'pending' | 'parked' | 'alias' | 'refused';
  readonly reason?: string;
}

export type WriteState =
  'stored' | 'pending' | 'parked' | 'merged' | 'superseded' | 'alias' | 'refused' | 'converged';

export interface WriteStatus {
  readonly mutationId: string;
  readonly state: WriteState;
  readonly copies: readonly { readonly dot: string; readonly region: string; readonly state: WriteState }[];
  readonly entity: EntityRef;
}

export interface ChangeNotice {
  /** Resumes after this notice, in any region. */
  readonly position: string;
  readonly entity: EntityRef;
  /** `undefined` after a delete. */
  readonly value: JsonObject | undefined;
  readonly seen: VersionVector;
  readonly cause: 'local' | 'merged' | 'resolved' | 'deleted';
  readonly dot: string;
  readonly time: HybridTimestamp;
}

export interface BarrierState {
  readonly reached: boolean;
  /** Dots of the barrier that are not visible here yet: per shard, at most one per actor. */
  readonly missing: readonly string[];
}

export interface LinkStatus {
  readonly region: string;
  readonly lastHeartbeatMillisAgo: number | null;
  /** Events stored there and not here, by the last heartbeats, and the other way round. */
  readonly behindHere: number;
  readonly behindThere: number;
  readonly publishBacklog: number;
  readonly refusedTypes: readonly string[];
}

export interface ServiceStatus {
  readonly region: string;
  readonly actor: string;
  readonly process: string;
  readonly shards: number;
  readonly owned: readonly number[];
  readonly isolated: boolean;
  /** This process's wall clock, against those around it: untrusted, it stamps nothing. */
  readonly clock: ClockVerdict;
  readonly pending: number;
  readonly parked: number;
  readonly links: readonly LinkStatus[];
  readonly cursors: ReadonlyMap<
    number,
    ReadonlyMap<string, { readonly stored: number; readonly folded: number }>
  >;
}

/** Who decides in strong shards, and where each of these stands, as this region knows it. */
export interface StrongMembers {
  readonly membership: Membership;
  readonly former: readonly FormerMember[];
  /** What a shard's owner did not answer is absent. */
  readonly shards: readonly (ShardStanding & { readonly shard: number })[];
}

/** What an operator has done about how a type is written. */
export interface TypeMove {
  readonly type: string;
  readonly to: Consistency;
  /** The move to `to` that is under way is taken back: where it is over already, the type is moved back. */
  readonly isAbort: boolean;
  readonly dryRun: boolean;
}

/** How a type is written in one shard, as its owner in the region knows. */
export interface ShardMode {
  readonly shard: number;
  /** `closing`: on its way to strong. `unknown`: its owner does not answer. */
  readonly mode: Consistency | 'closing' | 'unknown';
  /** How often it was moved there, or a move of it aborted. */
  readonly phase: number;
  /** Regions that have closed the phase, of a type on its way to strong. */
  readonly closed: readonly string[];
  /** Why the move could not be begun in time. */
  readonly failure?: ErrorCode;
}

export interface TypeStanding {
  readonly type: string;
  readonly declared: Consistency;
  readonly shards: readonly ShardMode[];
}

export interface TypeMoved {
  readonly type: string;
  /** What it is to be in all shards. */
  readonly goal: Consistency;
  /** `false`: a dry run. */
  readonly isApplied: boolean;
  /** Whether it is so in all shards, as far as it is known in this region. */
  readonly isDone: boolean;
  readonly shards: readonly ShardMode[];
}

export interface MembersChanged {
  readonly before: Membership;
  /** The same as before where nothing had to be changed. */
  readonly after: Membership;
  readonly isApplied: boolean;
}

/** What one actor holds of the counters of one entity, all of them together. */
export interface HeldRights {
  readonly entity: EntityRef;
  readonly actor: string;
  readonly region: string;
  readonly spend: number;
  /** Room below a maximum. */
  readonly increment: number;
}

export interface RightsRun {
  /** `false`: a dry run. */
  readonly executed: boolean;
  /** How many there are; one request works on the first of them. */
  readonly found: number;
  readonly counters: readonly (HeldRights & {
    /** Whether it was over when the answer was given. */
    readonly done: boolean;
  })[];
}

/** What the rim (HTTP, gRPC, the simulated world) can ask of one process of a region. Operating errors: AtollError. */
export interface RegionService {
  start(): Promise<void>;
  /** Finishes what is committed, gives its shards up, and stops all loops. */
  stop(): Promise<void>;
  /** Whether every shard of the region has an owner and the database answers. */
  isReady(): Promise<boolean>;

  submit(command: Command, options: WriteOptions): Promise<WriteOutcome>;
  read(entity: EntityRef, options: ReadOptions): Promise<ReadOutcome>;
  readMany(entities: readonly EntityRef[], options: ReadOptions): Promise<readonly ReadOutcome[]>;
  list(type: string, after: string | undefined, limit: number): Promise<readonly ReadOutcome[]>;
  history(
    entity: EntityRef,
    page: { readonly limit: number; readonly offset: number },
  ): Promise<readonly HistoryEntry[]>;
  conflicts(query: ConflictQuery): Promise<readonly ConflictRow[]>;
  conflict(id: string): Promise<ConflictRow | undefined>;
  /** Writes the operations with the conflict's siblings as observed, and marks the conflict resolved everywhere. */
  resolveConflict(
    id: string,
    command: Omit<Command, 'entity' | 'kind' | 'resolves'>,
    options: WriteOptions,
  ): Promise<WriteOutcome>;
  writeStatus(mutationId: string): Promise<WriteStatus | undefined>;
  barrier(): Promise<string>;
  awaitBarrier(token: string, options: CallOptions): Promise<BarrierState>;
  /** Notices from a position (absent: from now) until `stop` is called. One consumer's slowness holds up nobody else. */
  changes(
    query: { readonly type?: string; readonly after?: string },
    deliver: (notice: ChangeNotice) => Promise<void>,
  ): { stop(): void; readonly ended: Promise<void> };
  /** Makes one session token of several. @throws AtollError invalid_session */
  joinSessions(tokens: Iterable<string>): string;
  status(): Promise<ServiceStatus>;
  owners(): Promise<readonly ShardOwner[]>;
  /** Who the home of each shard is and its epoch, as far as this process owns the shard and anybody is known. */
  homes(): ReadonlyMap<number, { readonly region: string; readonly epoch: Epoch }>;
  /** Makes another region the home of a shard: planned, or forced whatever the home does (PROTOCOL §8). */
  handover(
    shard: number,
    to: string,
    force: boolean,
  ): Promise<{ readonly region: string; readonly epoch: Epoch }>;
  /** Who decides in strong shards, and where each shard stands, as this region knows it. */
  strongMembers(): Promise<StrongMembers>;
  /** Adds a region to those who decide in strong shards, or removes one (PROTOCOL §8). */
  changeStrongMembers(
    change: MemberChange,
    options: CallOptions & { readonly dryRun: boolean },
  ): Promise<MembersChanged>;
  /** How each type is written, shard by shard, as far as this region knows. */
  typeStanding(): Promise<readonly TypeStanding[]>;
  /** Moves a type between strong and eventual while it is served, or takes such a move back (PROTOCOL §8). */
  moveType(move: TypeMove, options: CallOptions): Promise<TypeMoved>;
  /** This region's rights to bounded counters go to another one: before it is taken down. */
  drainRights(to: string, execute: boolean): Promise<RightsRun>;
  /** An operator states that a region's database is destroyed: its rights come to this one (PROTOCOL §8). */
  reclaimRights(from: string, execute: boolean): Promise<RightsRun>;
  /** Strong events that a new home left out: kept as losing. */
  refused(limit: number): Promise<readonly (RefusedRow & { readonly shard: number })[]>;
  quarantine(limit: number): Promise<readonly (WaitingRow & { readonly shard: number })[]>;
}
