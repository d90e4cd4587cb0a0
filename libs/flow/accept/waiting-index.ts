import type { Actor, Dot } from '#core/causality/dot.js';
import { dotKey } from '#core/causality/dot.js';
import { entityKey } from '#core/event/shard-of.js';
import type { WaitingRow } from '../ports/event-log.js';

/**
 * The events of one shard that are stored but not folded, by entity and by actor.
 *
 * It holds dots only: what a quarantined entity holds back may be long, and is read from the log when it is needed (INV-15).
 */
export class WaitingIndex {
  private readonly byEntity = new Map<string, Map<string, WaitingRow>>();
  private readonly seqsByActor = new Map<Actor, Set<number>>();
  private parkedCount = 0;
  private pendingCount = 0;

  add(row: WaitingRow): void {
    const key = entityKey(row.entity);
    const rows = this.byEntity.get(key) ?? new Map<string, WaitingRow>();
    this.settle(row.dot, row.entity);
    rows.set(dotKey(row.dot), row);
    this.byEntity.set(key, rows);
    const seqs = this.seqsByActor.get(row.dot.actor) ?? new Set<number>();
    seqs.add(row.dot.seq);
    this.seqsByActor.set(row.dot.actor, seqs);
    if (row.state === 'parked') this.parkedCount += 1;
    else this.pendingCount += 1;
  }

  settle(dot: Dot, entity: WaitingRow['entity']): void {
    const key = entityKey(entity);
    const rows = this.byEntity.get(key);
    const row = rows?.get(dotKey(dot));
    if (!rows || !row) return;
    rows.delete(dotKey(dot));
    if (rows.size === 0) this.byEntity.delete(key);
    const seqs = this.seqsByActor.get(dot.actor);
    seqs?.delete(dot.seq);
    if (seqs?.size === 0) this.seqsByActor.delete(dot.actor);
    if (row.state === 'parked') this.parkedCount -= 1;
    else this.pendingCount -= 1;
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

  /** Lowest waiting seq of an actor; Infinity when nothing of it waits. `except` are leaving in the batch under way. */
  lowest(actor: Actor, except: ReadonlySet<string> = noDots): number {
    let lowest = Infinity;
    for (const seq of this.seqsByActor.get(actor) ?? []) {
      if (seq < lowest && !except.has(dotKey({ actor, seq }))) lowest = seq;
    }
    return lowest;
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
