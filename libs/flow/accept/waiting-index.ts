import { dotKey, regionOf, type Actor, type Dot } from '#core/causality/dot.js';
import { entityKey } from '#core/event/shard-of.js';
import { movingReason, undecidedReason } from '../strong/strong-shard.js';
import type { WaitingRow } from '../ports/event-log.js';

/**
 * The events of one shard that are stored but not folded, by entity and by actor.
 *
 * It holds dots only: what a quarantined entity holds back may be long, and is read from the log when it is needed (INV-15).
 */
export class WaitingIndex {
  private readonly byEntity = new Map<string, Map<string, WaitingRow>>();
  private readonly seqsByActor = new Map<Actor, Set<number>>();
  private readonly pendingByActor = new Map<Actor, Set<number>>();
  /** What waits for dependencies, by the shard of the dependency. */
  private readonly crossing = new Map<number, Map<string, WaitingRow>>();
  /** What was minted after a move of its type that is not known here, by dot. */
  private readonly moved = new Map<string, WaitingRow>();
  private parkedCount = 0;
  private pendingCount = 0;

  add(row: WaitingRow): void {
    const key = entityKey(row.entity);
    const rows = this.byEntity.get(key) ?? new Map<string, WaitingRow>();
    this.settle(row.dot, row.entity);
    rows.set(dotKey(row.dot), row);
    this.byEntity.set(key, rows);
    addTo(this.seqsByActor, row.dot);
    if (row.state === 'parked') this.parkedCount += 1;
    else {
      this.pendingCount += 1;
      // What is only undecided holds nothing up: it is folded or refused by its home's word, not by what waits.
      if (row.reason !== undecidedReason) addTo(this.pendingByActor, row.dot);
      if (row.reason === movingReason) this.moved.set(dotKey(row.dot), row);
      this.noteCrossing(row);
    }
  }

  settle(dot: Dot, entity: WaitingRow['entity']): void {
    const key = entityKey(entity);
    const rows = this.byEntity.get(key);
    const row = rows?.get(dotKey(dot));
    if (!rows || !row) return;
    rows.delete(dotKey(dot));
    if (rows.size === 0) this.byEntity.delete(key);
    removeFrom(this.seqsByActor, dot);
    this.moved.delete(dotKey(dot));
    if (row.state === 'parked') this.parkedCount -= 1;
    else {
      this.pendingCount -= 1;
      removeFrom(this.pendingByActor, dot);
      if (row.waitsIn !== undefined) this.crossing.get(row.waitsIn)?.delete(dotKey(dot));
    }
  }

  /** In the order they arrived. */
  ofEntity(key: string): Iterable<WaitingRow> {
    return this.byEntity.get(key)?.values() ?? [];
  }

  has(key: string): boolean {
    return this.byEntity.has(key);
  }

  /** Keys of entities with something pending. */
  entities(): Iterable<string> {
    return this.byEntity.keys();
  }

  /** Entities of which something that a region minted waits, each once. */
  *ofRegion(region: string): Generator<WaitingRow['entity'], void> {
    for (const rows of this.byEntity.values()) {
      for (const { dot, entity } of rows.values()) {
        if (regionOf(dot.actor) !== region) continue;
        yield entity;
        break;
      }
    }
  }

  /** Lowest waiting seq of an actor; Infinity when nothing of it waits. `except` are leaving in the batch under way. */
  lowest(actor: Actor, except: ReadonlySet<string> = noDots): number {
    return lowestOf(this.seqsByActor, actor, except);
  }

  /** Lowest pending seq of an actor; Infinity when nothing of it is. */
  lowestPending(actor: Actor, except: ReadonlySet<string> = noDots): number {
    return lowestOf(this.pendingByActor, actor, except);
  }

  /** Shards in which something here waits for a dependency. */
  *dependsOn(): Generator<number, void> {
    for (const [shard, rows] of this.crossing) if (rows.size > 0) yield shard;
  }

  /** Whether whoever covers what the row waits for will find it. */
  watches({ dot, waitsIn }: WaitingRow): boolean {
    return waitsIn === undefined || this.crossing.get(waitsIn)?.has(dotKey(dot)) === true;
  }

  /**
   * Entities of which something waited for a dependency in that shard that is reached now. Each is told once: whoever
   * asks looks at it again, and what has to wait on is added again.
   */
  takeReached(shard: number, isReached: (dot: Dot) => boolean): readonly WaitingRow['entity'][] {
    const rows = this.crossing.get(shard);
    if (!rows) return [];
    const reached = new Map<string, WaitingRow['entity']>();
    for (const [key, { waitsFor, entity }] of rows) {
      if (waitsFor !== undefined && !isReached(waitsFor)) continue;
      rows.delete(key);
      reached.set(entityKey(entity), entity);
    }
    return [...reached.values()];
  }

  private noteCrossing(row: WaitingRow): void {
    if (row.waitsIn === undefined) return;
    const rows = this.crossing.get(row.waitsIn) ?? new Map<string, WaitingRow>();
    rows.set(dotKey(row.dot), row);
    this.crossing.set(row.waitsIn, rows);
  }

  /** Entities of which something was minted after a move that is not known to be decided here. */
  heldByMoves(): readonly WaitingRow['entity'][] {
    const held = new Map([...this.moved.values()].map(({ entity }) => [entityKey(entity), entity]));
    return [...held.values()];
  }

  get isEmpty(): boolean {
    return this.byEntity.size === 0;
  }

  get pending(): number {
    return this.pendingCount;
  }

  get parked(): number {
    return this.parkedCount;
  }
}

const noDots: ReadonlySet<string> = new Set();

function addTo(seqs: Map<Actor, Set<number>>, { actor, seq }: Dot): void {
  const known = seqs.get(actor);
  if (known) known.add(seq);
  else seqs.set(actor, new Set([seq]));
}

function removeFrom(seqs: Map<Actor, Set<number>>, { actor, seq }: Dot): void {
  const known = seqs.get(actor);
  known?.delete(seq);
  if (known?.size === 0) seqs.delete(actor);
}

function lowestOf(seqs: Map<Actor, Set<number>>, actor: Actor, except: ReadonlySet<string>): number {
  let lowest = Infinity;
  for (const seq of seqs.get(actor) ?? []) {
    if (seq < lowest && !except.has(dotKey({ actor, seq }))) lowest = seq;
  }
  return lowest;
}
