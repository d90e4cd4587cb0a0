import { assert } from '#core/assert.js';
import { compareDots } from '#core/causality/dot.js';
import { includes, nothingSeen, seqOf, type VersionVector } from '#core/causality/version-vector.js';
import { decodeEvent } from '#core/event/event-codec.js';
import type { EntityRef, EventBytes, StoredEvent } from '#core/event/event.js';
import { latestBirthMillis } from '#core/event/mutation-id.js';
import type {
  ConflictPlace,
  ConflictQuery,
  ConflictRow,
  CursorRow,
  EntityRow,
  EventLog,
  EventRange,
  ListedRow,
  Fence,
  MutationRow,
  ProcessRow,
  RegionCursorRow,
  RefusedRow,
  RegionIdentity,
  ShardCommit,
  ShardImage,
  ShardOwner,
  StateRow,
  WaitingRow,
} from '#flow/ports/event-log.js';
import {
  compareMutations,
  entityKey,
  findSeq,
  type EventRecord,
  type MemoryDatabase,
  type ShardTable,
} from './memory-database.js';

const utf8 = new TextDecoder();
const encoder = new TextEncoder();

interface ProcessAddress {
  readonly id: string;
  readonly address: string;
}
interface OwnedShard {
  readonly shard: number;
  readonly ownerEpoch: number;
}

/** How long a process that stopped renewing stays listed. */
const processForgottenMillis = 3_600_000;

/**
 * The in-memory twin of the Postgres event log: the same contract, one `MemoryDatabase` per region.
 *
 * Every method does its whole work in one synchronous step and resolves at once, so a simulated world decides alone
 * what is delayed, lost or of unknown outcome.
 */
export class MemoryEventLog implements EventLog {
  private readonly database: MemoryDatabase;

  constructor(database: MemoryDatabase) {
    this.database = database;
  }

  get identity(): RegionIdentity {
    return this.database.identity;
  }

  async takeOver(
    shard: number,
    process: ProcessAddress,
    leaseMillis: number,
  ): Promise<
    | { readonly kind: 'taken'; readonly ownerEpoch: number }
    | { readonly kind: 'held'; readonly by: ShardOwner }
  > {
    const table = this.database.shard(shard);
    const now = this.database.nowMillis();
    if (table.owner !== process.id && table.leaseUntilMillis >= now)
      return { kind: 'held', by: this.ownerOf(shard, table) };
    table.owner = process.id;
    table.address = process.address;
    table.ownerEpoch += 1;
    table.leaseUntilMillis = now + leaseMillis;
    return { kind: 'taken', ownerEpoch: table.ownerEpoch };
  }

  async reclaim(
    shard: number,
    ownerEpoch: number,
  ): Promise<{ readonly kind: 'kept'; readonly fence: Fence } | { readonly kind: 'lost' }> {
    const table = this.database.shard(shard);
    if (table.ownerEpoch !== ownerEpoch) return { kind: 'lost' };
    table.ownerEpoch += 1;
    return { kind: 'kept', fence: fenceOf(table) };
  }

  async renew(
    process: ProcessAddress,
    shards: readonly OwnedShard[],
    leaseMillis: number,
  ): Promise<readonly number[]> {
    const now = this.database.nowMillis();
    const { processes } = this.database;
    processes.set(process.id, { address: process.address, lastSeenMillis: now });
    for (const [id, row] of processes)
      if (now - row.lastSeenMillis > processForgottenMillis) processes.delete(id);

    const lost: number[] = [];
    for (const { shard, ownerEpoch } of shards) {
      const table = this.database.shard(shard);
      if (table.ownerEpoch === ownerEpoch) table.leaseUntilMillis = now + leaseMillis;
      else lost.push(shard);
    }
    return lost.sort((a, b) => a - b);
  }

  async release(shards: readonly OwnedShard[]): Promise<void> {
    for (const { shard, ownerEpoch } of shards) {
      const table = this.database.shard(shard);
      if (table.ownerEpoch === ownerEpoch) table.leaseUntilMillis = -Infinity;
    }
  }

  async stillOwned(shards: readonly OwnedShard[]): Promise<readonly number[]> {
    return shards
      .filter(({ shard, ownerEpoch }) => this.database.shard(shard).ownerEpoch === ownerEpoch)
      .map(({ shard }) => shard)
      .sort((a, b) => a - b);
  }

  async owners(): Promise<readonly ShardOwner[]> {
    return this.database.shards.map((table, shard) => this.ownerOf(shard, table));
  }

  async processes(): Promise<readonly ProcessRow[]> {
    const now = this.database.nowMillis();
    return [...this.database.processes]
      .map(([id, row]) => ({ id, address: row.address, ageMillis: now - row.lastSeenMillis }))
      .sort((a, b) => compareBytes(a.id, b.id));
  }

  async loadShard(shard: number): Promise<ShardImage> {
    const table = this.database.shard(shard);
    return {
      fence: fenceOf(table),
      promised: table.promised,
      hybridFloorMillis: table.hybridFloorMillis,
      cursors: cursorsOf(table),
      waiting: waitingOf(table),
      marks: new Map(table.marks),
    };
  }

  async commit(shards: readonly ShardCommit[]): Promise<{ readonly fenced: readonly number[] }> {
    return { fenced: this.database.commit(shards) };
  }

  async prepare(wanted: {
    readonly entities: readonly EntityRef[];
    readonly mutations: readonly string[];
  }): Promise<{ readonly entities: readonly StateRow[]; readonly mutations: readonly MutationRow[] }> {
    const entities = new Map<string, StateRow>();
    for (const ref of wanted.entities) {
      const row = this.database.entities.get(entityKey(ref));
      if (row === undefined) continue;
      const { entity, shard, state } = row;
      entities.set(entityKey(ref), { entity, shard, state });
    }
    const mutations = [...new Set(wanted.mutations)].flatMap((id) => [
      ...(this.database.mutations.get(id)?.values() ?? []),
    ]);
    return { entities: [...entities.values()], mutations: mutations.sort(compareMutations) };
  }

  async states(
    entities: readonly EntityRef[],
    bytesMaxEach: number,
  ): Promise<readonly (string | null | undefined)[]> {
    return entities.map((ref) => {
      const state = this.database.entities.get(entityKey(ref))?.state;
      return state !== undefined && encoder.encode(state).length > bytesMaxEach ? null : state;
    });
  }

  async entityEvents(
    entity: EntityRef,
    shard: number,
    above: VersionVector,
  ): Promise<readonly StoredEvent[]> {
    return this.historyOf(entity, shard)
      .filter((record) => record.seq > seqOf(above, record.actor))
      .sort(compareDots)
      .map(read);
  }

  async entityHistory(
    entity: EntityRef,
    shard: number,
    page: { readonly limit: number; readonly offset: number },
  ): Promise<readonly StoredEvent[]> {
    return [...this.historyOf(entity, shard)]
      .reverse()
      .slice(page.offset, page.offset + page.limit)
      .map(read);
  }

  async range({ shard, actor, from, limit, bytesMax }: EventRange): Promise<readonly StoredEvent[]> {
    const stream = this.database.shard(shard).events.get(actor) ?? [];
    const start = findSeq(stream, from).at;
    const page: EventRecord[] = [];
    let bytes = 0;
    for (const record of stream.slice(start, start + limit)) {
      if (page.length > 0 && bytes >= bytesMax) break;
      page.push(record);
      bytes += record.bytes.length;
    }
    return page.map(read);
  }

  rangeBytes(range: EventRange): Promise<readonly EventBytes[]> {
    return this.range(range);
  }

  async cursors(): Promise<ReadonlyMap<number, readonly RegionCursorRow[]>> {
    return new Map(this.database.shards.map((table, shard) => [shard, regionCursorsOf(table)]));
  }

  async waiting(query: {
    readonly shard?: number;
    readonly entity?: EntityRef;
    readonly limit: number;
  }): Promise<readonly (WaitingRow & { readonly shard: number })[]> {
    const { shard: only, entity } = query;
    return this.database.shards
      .flatMap((table, shard) => waitingOf(table).map((row) => ({ ...row, shard })))
      .filter((row) => only === undefined || row.shard === only)
      .filter((row) => entity === undefined || entityKey(row.entity) === entityKey(entity))
      .slice(0, query.limit);
  }

  async listEntities(type: string, after: string | undefined, limit: number): Promise<readonly ListedRow[]> {
    const isParked = ({ shard, entity }: EntityRow): boolean =>
      waitingOf(this.database.shard(shard)).some(
        (row) => row.state === 'parked' && entityKey(row.entity) === entityKey(entity),
      );
    return [...this.database.entities.values()]
      .filter((row) => row.entity.type === type && row.value !== null)
      .filter((row) => after === undefined || compareBytes(row.entity.id, after) > 0)
      .sort((a, b) => compareBytes(a.entity.id, b.entity.id))
      .slice(0, limit)
      .map((row) => ({ ...row, isParked: isParked(row) }));
  }

  async refused(query: {
    readonly mutationIds?: readonly string[];
    readonly limit: number;
  }): Promise<readonly (RefusedRow & { readonly shard: number })[]> {
    return this.database.shards
      .flatMap((table, shard) =>
        [...table.refused.values()]
          .sort((a, b) => compareDots(a.dot, b.dot))
          .map((row) => ({ ...row, shard })),
      )
      .filter(({ mutationId }) => query.mutationIds?.includes(mutationId) ?? true)
      .slice(0, query.limit);
  }

  async conflicts(query: ConflictQuery): Promise<readonly ConflictRow[]> {
    const { entity, fields, type, after, onlyUnresolved } = query;
    const newestFirst = (a: ConflictPlace, b: ConflictPlace): number =>
      b.detectedMillis - a.detectedMillis || compareBytes(b.id, a.id);
    return [...this.database.conflicts.values()]
      .filter((row) => entity === undefined || entityKey(row.entity) === entityKey(entity))
      .filter((row) => entity === undefined || fields === undefined || fields.includes(row.field))
      .filter((row) => type === undefined || row.entity.type === type)
      .filter((row) => onlyUnresolved !== true || row.resolvedBy === null)
      .filter((row) => after === undefined || newestFirst(after, row) < 0)
      .sort(newestFirst)
      .slice(0, query.limit);
  }

  async openConflicts(
    entity: EntityRef,
    fields: readonly string[],
    limit: number,
  ): Promise<readonly string[]> {
    return (await this.conflicts({ entity, fields, limit, onlyUnresolved: true })).map(({ id }) => id);
  }

  async conflict(id: string): Promise<ConflictRow | undefined> {
    return this.database.conflicts.get(id);
  }

  async saveMarks(
    marks: readonly { readonly shard: number; readonly cluster: string; readonly seq: number }[],
  ): Promise<void> {
    for (const { shard, cluster, seq } of marks) this.database.shard(shard).marks.set(cluster, seq);
  }

  async savePositions(
    positions: readonly { readonly topic: string; readonly partition: number; readonly offset: string }[],
  ): Promise<void> {
    for (const position of positions) {
      this.database.positions.set(`${position.topic}\n${position.partition}`, { ...position });
    }
  }

  async positions(): Promise<
    readonly { readonly topic: string; readonly partition: number; readonly offset: string }[]
  > {
    return [...this.database.positions.values()].sort(
      (a, b) => compareBytes(a.topic, b.topic) || a.partition - b.partition,
    );
  }

  async dropMutations(horizonMillis: number, stable: ReadonlyMap<number, VersionVector>): Promise<number> {
    const { database } = this;
    database.mutationHorizonMillis = Math.max(database.mutationHorizonMillis, horizonMillis);
    let dropped = 0;
    for (const [id, copies] of database.mutations) {
      for (const [key, row] of copies) {
        if (row.bornMillis > horizonMillis || !includes(stable.get(row.shard) ?? nothingSeen, row.dot))
          continue;
        copies.delete(key);
        dropped += 1;
      }
      if (copies.size === 0) database.mutations.delete(id);
    }
    return dropped;
  }

  async newestBirths(regions: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const latest = new Map<string, string>();
    for (const id of this.database.mutations.keys()) {
      const region = regions.find((one) => id >= `${one}.` && id < `${one}.g`);
      if (region === undefined) continue;
      const before = latest.get(region);
      if (before === undefined || id > before) latest.set(region, id);
    }
    return new Map(regions.map((region) => [region, latestBirthMillis(latest.get(region))]));
  }

  async mutationHorizonMillis(): Promise<number> {
    return this.database.mutationHorizonMillis;
  }

  async nowMillis(): Promise<number> {
    return this.database.nowMillis();
  }

  private historyOf(entity: EntityRef, shard: number): readonly EventRecord[] {
    return this.database.shard(shard).histories.get(entityKey(entity)) ?? [];
  }

  private ownerOf(shard: number, table: ShardTable): ShardOwner {
    const { owner, address, ownerEpoch } = table;
    const leaseRemainingMillis = Math.max(0, table.leaseUntilMillis - this.database.nowMillis());
    return { shard, owner, address, ownerEpoch, leaseRemainingMillis };
  }
}

function fenceOf(table: ShardTable): Fence {
  return { ownerEpoch: table.ownerEpoch, batch: table.batch, lastSeq: table.lastSeq };
}

function cursorsOf(table: ShardTable): readonly CursorRow[] {
  return [...table.cursors.values()].sort((a, b) => compareBytes(a.actor, b.actor));
}

function regionCursorsOf(table: ShardTable): readonly RegionCursorRow[] {
  return cursorsOf(table).map((row) => {
    const pending = [...table.waiting.values()]
      .filter(({ dot, state }) => state === 'pending' && dot.actor === row.actor)
      .map(({ dot }) => dot.seq);
    return { ...row, causal: Math.min(row.stored, ...pending.map((seq) => seq - 1)) };
  });
}

function waitingOf(table: ShardTable): readonly WaitingRow[] {
  return [...table.waiting.values()].sort((a, b) => compareDots(a.dot, b.dot));
}

function read(record: EventRecord): StoredEvent {
  const event = decodeEvent(utf8.decode(record.bytes));
  assert(event !== undefined, 'INV-1: what the log stored can be read again');
  return { event, bytes: record.bytes, hash: record.hash };
}

/** The order of Postgres' collation "C": by UTF-8 bytes, which is by code points and not by UTF-16 units. */
export function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
