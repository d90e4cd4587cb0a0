import { dotKey, sameDot, type Actor, type Dot } from '#core/causality/dot.js';
import type { Event } from '#core/event/event.js';
import type { ParkedReason } from '#core/event/readiness.js';
import { entityKey } from '#core/event/shard-of.js';
import type { PendingReadiness } from './batch-decisions.js';
import { undecidedReason } from '../strong/strong-shard.js';
import type { WaitingRow } from '../ports/event-log.js';
import type { WaitingIndex } from './waiting-index.js';

/** A batch's view of what waits in its shard: the committed index with the batch's own arrivals and departures. */
export class BatchWaiting {
  private readonly here = new Map<string, WaitingRow>();
  /** Rows of the committed index that go. */
  private readonly gone = new Map<string, WaitingRow>();

  constructor(private readonly base: WaitingIndex) {}

  /** What waits of one entity, in order of arrival. */
  rows(key: string): readonly WaitingRow[] {
    const rows: WaitingRow[] = [];
    for (const row of this.base.ofEntity(key)) {
      const dot = dotKey(row.dot);
      if (!this.gone.has(dot) && !this.here.has(dot)) rows.push(row);
    }
    for (const row of this.here.values()) if (entityKey(row.entity) === key) rows.push(row);
    return rows;
  }

  isQuarantined(key: string): boolean {
    if (this.isEmpty) return false;
    for (const row of this.base.ofEntity(key)) {
      if (row.state === 'parked' && !this.gone.has(dotKey(row.dot)) && !this.here.has(dotKey(row.dot)))
        return true;
    }
    for (const row of this.here.values())
      if (row.state === 'parked' && entityKey(row.entity) === key) return true;
    return false;
  }

  add(row: WaitingRow): void {
    this.gone.delete(dotKey(row.dot));
    this.here.set(dotKey(row.dot), row);
  }

  /** Notes what an event waits for. */
  hold({ dot, entity }: Event, { waitsFor, waitsIn, reason }: PendingReadiness): void {
    const why = waitsFor ? { waitsFor, ...(waitsIn !== undefined && { waitsIn }) } : { reason };
    this.add({ dot, entity, state: 'pending', ...why });
  }

  /**
   * With a parked event goes all of its entity that is pending, but this region's own: nothing shall wait for it.
   *
   * @returns how many were parked
   */
  park({ dot, entity }: Event, reason: ParkedReason, ownActor: Actor): number {
    this.add({ dot, entity, state: 'parked', reason });
    let parked = 1;
    for (const row of this.rows(entityKey(entity))) {
      const isUndecided = row.reason === undecidedReason;
      if (row.state !== 'pending' || isUndecided || row.dot.actor === ownActor) continue;
      this.add({ dot: row.dot, entity, state: 'parked', reason: 'quarantined' });
      parked += 1;
    }
    return parked;
  }

  /** Whether a pending row has to be noted again: it waits for something else, or was taken to be looked at. */
  waitsAnew(row: WaitingRow, now: PendingReadiness): boolean {
    if (row.state === 'parked' || row.waitsIn !== now.waitsIn) return true;
    if (now.reason !== undefined && row.reason === now.reason) return false;
    if (!row.waitsFor || !now.waitsFor || !sameDot(row.waitsFor, now.waitsFor)) return true;
    return !this.here.has(dotKey(row.dot)) && !this.base.watches(row);
  }

  leave(row: WaitingRow): void {
    this.here.delete(dotKey(row.dot));
    if (this.isInBase(row)) this.gone.set(dotKey(row.dot), row);
  }

  added(): readonly WaitingRow[] {
    return [...this.here.values()];
  }

  settled(): readonly Dot[] {
    return [...this.gone.values()].map(({ dot }) => dot);
  }

  get hasChanged(): boolean {
    return this.here.size > 0 || this.gone.size > 0;
  }

  get isEmpty(): boolean {
    return this.base.isEmpty && this.here.size === 0;
  }

  touchedActors(): Iterable<Actor> {
    return [...this.here.values(), ...this.gone.values()].map(({ dot }) => dot.actor);
  }

  /** Lowest seq of the actor that waits; Infinity when none does. */
  lowest(actor: Actor): number {
    let lowest = this.base.lowest(actor, new Set(this.gone.keys()));
    for (const { dot } of this.here.values()) if (dot.actor === actor && dot.seq < lowest) lowest = dot.seq;
    return lowest;
  }

  /** Lowest seq of the actor that is pending; Infinity when none is. */
  lowestPending(actor: Actor): number {
    if (this.isEmpty) return Infinity;
    let lowest = this.base.lowestPending(actor, new Set([...this.gone.keys(), ...this.here.keys()]));
    for (const { dot, state, reason } of this.here.values())
      if (state === 'pending' && reason !== undecidedReason && dot.actor === actor && dot.seq < lowest)
        lowest = dot.seq;
    return lowest;
  }

  applyTo(base: WaitingIndex): void {
    for (const { dot, entity } of this.gone.values()) base.settle(dot, entity);
    for (const row of this.here.values()) base.add(row);
  }

  private isInBase(row: WaitingRow): boolean {
    for (const known of this.base.ofEntity(entityKey(row.entity)))
      if (sameDot(known.dot, row.dot)) return true;
    return false;
  }
}
