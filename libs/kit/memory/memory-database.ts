import { compareDots, dotKey, type Actor } from '#core/causality/dot.js';
import type { EntityRef, StoredEvent } from '#core/event/event.js';
import {
  CommitRefused,
  type ConflictRow,
  type CursorRow,
  type EntityRow,
  type MutationRow,
  type RefusedRow,
  type RegionIdentity,
  type ShardCommit,
  type WaitingRow,
} from '#flow/ports/event-log.js';
import { assertCommitRules, conflictWrites, firstResolution } from '#flow/ports/shard-commit-rules.js';

/** One event as the log keeps it: the bytes are decoded anew by every reader, as a real database would have it. */
export interface EventRecord {
  readonly entity: EntityRef;
  readonly actor: Actor;
  readonly seq: number;
  readonly bytes: Uint8Array;
  readonly hash: string;
}

/** Everything that belongs to one shard: its fence row, its part of the log, and what waits. */
export interface ShardTable {
  owner: string;
  address: string;
  ownerEpoch: number;
  leaseUntilMillis: number;
  batch: number;
  lastSeq: number;
  hybridFloorMillis: number;
  /** Per actor, by seq. */
  readonly events: Map<Actor, EventRecord[]>;
  /** Per entity, in order of arrival. */
  readonly histories: Map<string, EventRecord[]>;
  readonly cursors: Map<Actor, CursorRow>;
  readonly waiting: Map<string, WaitingRow>;
  readonly marks: Map<string, number>;
  /** The greatest epoch that the shard's row promises; '' for none. */
  promised: string;
  readonly refused: Map<string, RefusedRow>;
}

export interface MemoryDatabaseOptions {
  readonly region: string;
  readonly actor: Actor;
  readonly shards: number;
  /** The database's own clock, in milliseconds: leases and ages are by it. */
  readonly nowMillis: () => number;
}

/**
 * The Postgres of one region, in memory: outlives the processes that open it.
 *
 * It enforces the same fences and keys as the real one, and every change to it is one synchronous step, so that a
 * simulated crash can fall before or after a commit but never inside.
 */
export class MemoryDatabase {
  readonly identity: RegionIdentity;
  readonly shards: readonly ShardTable[];
  readonly entities = new Map<string, EntityRow>();
  /** Per mutation id, then per `groupIndex actor`. */
  readonly mutations = new Map<string, Map<string, MutationRow>>();
  readonly conflicts = new Map<string, ConflictRow>();
  readonly positions = new Map<
    string,
    { readonly topic: string; readonly partition: number; readonly offset: string }
  >();
  readonly processes = new Map<string, { readonly address: string; readonly lastSeenMillis: number }>();
  readonly nowMillis: () => number;
  mutationHorizonMillis = 0;

  constructor(options: MemoryDatabaseOptions) {
    this.identity = { region: options.region, actor: options.actor, shards: options.shards };
    this.nowMillis = options.nowMillis;
    this.shards = Array.from({ length: options.shards }, emptyShard);
  }

  shard(shard: number): ShardTable {
    const table = this.shards[shard];
    if (table === undefined)
      throw new RangeError(`there is no shard ${shard}: this region has ${this.shards.length}`);
    return table;
  }

  /** One transaction: all parts whose fence matches, or, when any row of them is refused, none. Answers the others. */
  commit(parts: readonly ShardCommit[]): readonly number[] {
    assertCommitRules(parts);
    const kept = parts.filter((part) => fenceMatches(this.shard(part.shard), part));
    const seen = new Set<string>();
    for (const part of kept) this.refuseBadRows(part, seen);
    for (const part of kept) this.apply(part);
    return parts
      .filter((part) => !kept.includes(part))
      .map((part) => part.shard)
      .sort((a, b) => a - b);
  }

  /** `seen`: keys of the rows of this transaction so far, for a key holds across shards too. */
  private refuseBadRows(part: ShardCommit, seen: Set<string>): void {
    const events = this.shard(part.shard).events;
    for (const { event } of part.events) {
      const key = `${part.shard} ${dotKey(event.dot)}`;
      const taken = seen.has(key) || findSeq(events.get(event.dot.actor) ?? [], event.dot.seq).found;
      if (taken) throw new CommitRefused(`event ${key} of shard ${part.shard} is stored already`);
      seen.add(key);
      refuseUnstorable(event.entity.type, event.entity.id);
    }
    for (const row of part.mutations) {
      const key = `${row.id}\n${mutationKey(row)}`;
      const taken = seen.has(key) || this.mutations.get(row.id)?.has(mutationKey(row)) === true;
      if (taken) throw new CommitRefused(`mutation ${row.id} is recorded already for ${row.dot.actor}`);
      seen.add(key);
      refuseUnstorable(row.id, row.digest, row.entity.type, row.entity.id);
    }
    for (const row of part.entities) refuseUnstorable(row.entity.type, row.entity.id);
  }

  private apply(part: ShardCommit): void {
    const table = this.shard(part.shard);
    table.batch += 1;
    table.lastSeq = part.lastSeq;
    table.hybridFloorMillis = Math.max(table.hybridFloorMillis, part.hybridFloorMillis);
    for (const stored of part.events) appendEvent(table, stored);
    for (const row of part.entities) this.entities.set(entityKey(row.entity), row);
    for (const row of part.cursors) table.cursors.set(row.actor, row);
    for (const row of part.waiting) table.waiting.set(dotKey(row.dot), row);
    for (const dot of part.settled) table.waiting.delete(dotKey(dot));
    for (const row of part.mutations) {
      const copies = this.mutations.get(row.id) ?? new Map<string, MutationRow>();
      this.mutations.set(row.id, copies.set(mutationKey(row), row));
    }
    if (part.promised !== undefined) table.promised = part.promised;
    for (const row of part.refused) table.refused.set(dotKey(row.dot), row);
    for (const row of part.voided) this.mutations.get(row.id)?.delete(mutationKey(row));
    this.applyConflicts(part);
  }

  private applyConflicts(part: ShardCommit): void {
    const { recorded, resolved } = conflictWrites(part);
    for (const row of recorded) {
      const standing = this.conflicts.get(row.id);
      this.conflicts.set(row.id, standing === undefined ? row : sameConflict(standing, row));
    }
    for (const id of part.withdrawnConflicts) this.conflicts.delete(id);
    for (const { id, by } of resolved) {
      const row = this.conflicts.get(id);
      if (row !== undefined)
        this.conflicts.set(id, { ...row, resolvedBy: firstResolution(row.resolvedBy, by) });
    }
  }
}

function emptyShard(): ShardTable {
  return {
    owner: '',
    address: '',
    ownerEpoch: 0,
    leaseUntilMillis: -Infinity,
    batch: 0,
    lastSeq: 0,
    hybridFloorMillis: 0,
    events: new Map(),
    histories: new Map(),
    cursors: new Map(),
    waiting: new Map(),
    marks: new Map(),
    promised: '',
    refused: new Map(),
  };
}

function fenceMatches(table: ShardTable, part: ShardCommit): boolean {
  const { fence } = part;
  return (
    table.ownerEpoch === fence.ownerEpoch && table.batch === fence.batch && table.lastSeq === fence.lastSeq
  );
}

function appendEvent(table: ShardTable, { event, bytes, hash }: StoredEvent): void {
  const { actor, seq } = event.dot;
  const record: EventRecord = { entity: event.entity, actor, seq, bytes: bytes.slice(), hash };
  const stream = table.events.get(actor) ?? [];
  stream.splice(findSeq(stream, seq).at, 0, record);
  table.events.set(actor, stream);
  const history = table.histories.get(entityKey(event.entity)) ?? [];
  history.push(record);
  table.histories.set(entityKey(event.entity), history);
}

/** Where a seq is in a stream sorted by seq, or where it belongs. */
export function findSeq(
  stream: readonly EventRecord[],
  seq: number,
): { readonly at: number; readonly found: boolean } {
  let low = 0;
  let high = stream.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((stream[middle]?.seq ?? Infinity) < seq) low = middle + 1;
    else high = middle;
  }
  return { at: low, found: stream[low]?.seq === seq };
}

/** A conflict that is recorded again stays resolved, and keeps the time at which it was first seen. */
function sameConflict(standing: ConflictRow, row: ConflictRow): ConflictRow {
  const resolvedBy =
    row.resolvedBy === null ? standing.resolvedBy : firstResolution(standing.resolvedBy, row.resolvedBy);
  return { ...row, resolvedBy, detectedMillis: standing.detectedMillis };
}

/** Postgres' text has no U+0000: what it would refuse is refused here too. */
function refuseUnstorable(...texts: readonly string[]): void {
  if (texts.some((text) => text.includes('\0')))
    throw new CommitRefused('a text with U+0000 cannot be stored');
}

export function entityKey(entity: EntityRef): string {
  return `${entity.type}\n${entity.id}`;
}

function mutationKey(row: MutationRow): string {
  return `${row.groupIndex} ${row.dot.actor}`;
}

export function compareMutations(a: MutationRow, b: MutationRow): number {
  if (a.id !== b.id) return a.id < b.id ? -1 : 1;
  return a.groupIndex - b.groupIndex || compareDots(a.dot, b.dot);
}
