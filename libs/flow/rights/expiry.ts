import { dotKey, formatDot, type Dot } from '#core/causality/dot.js';
import { AtollError } from '#core/errors.js';
import type { EntityRef, StoredEvent } from '#core/event/event.js';
import type { Json } from '#core/json.js';
import { readBoundedChange } from '#core/merge/bounded-change.js';
import { decodeEntity } from '#core/merge/entity-value.js';
import type { EntityTypes } from '#core/merge/entity-type.js';
import type { Rights } from '#core/merge/rights.js';
import { parseJson } from '#core/parse-json.js';
import type { Intake } from '../accept/intake.js';
import { Wake } from '../accept/wake.js';
import type { Clock } from '../ports/clock.js';
import { CommitUnknown, LogUnavailable, type EntityRow, type EventLog } from '../ports/event-log.js';
import type { Hashing } from '../ports/record-auth.js';
import type { Command } from '../service.js';
import { rightsFields } from './rights-types.js';

export interface ExpiryParts {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly hashing: Hashing;
  readonly types: EntityTypes;
  readonly intake: Intake;
  /** Takes a command of the region's own. @throws AtollError */
  readonly submit: (command: Command, waitMillis: number) => Promise<unknown>;
}

interface OpenReservation {
  readonly entity: EntityRef;
  readonly shard: number;
  readonly field: string;
  readonly dot: Dot;
  untilMillis: number;
}

/** Reservations of this region's shards that are remembered; beyond it the rest is found again later (INV-15). */
const rememberedMax = 100_000;
const scanPageRows = 500;
const submitMillisMax = 2_000;
/** What cannot be cancelled yet (the database, a region not heard) is tried again after so long. */
const retryMillis = 1_000;
/** The longest pause between two looks. */
const idleMillis = 60_000;

/**
 * Cancels this region's own reservations once they have expired, by an event like any other: so their fate is decided by
 * the order of one region's events, and never by a receiver's clock.
 */
export class Expiry {
  private readonly open = new Map<string, OpenReservation>();
  private readonly fields: ReadonlyMap<string, readonly string[]>;
  private readonly wake = new Wake();
  private running: Promise<void> | undefined;
  private mustScan = false;
  private stopping = false;

  constructor(private readonly parts: ExpiryParts) {
    this.fields = rightsFields(parts.types);
  }

  start(): void {
    if (this.fields.size > 0) this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.wake.wake();
    await this.running;
  }

  /** A shard came: reservations of former owners are looked for. */
  own(): void {
    this.mustScan = true;
    this.wake.wake();
  }

  lost(shard: number): void {
    for (const [key, one] of this.open) if (one.shard === shard) this.open.delete(key);
  }

  committed(own: readonly StoredEvent[]): void {
    if (this.fields.size === 0) return;
    for (const { event } of own) {
      if (!this.fields.has(event.entity.type)) continue;
      for (const { field, change } of event.changes) this.note(event, field, change);
    }
  }

  private note({ entity, shard, dot }: StoredEvent['event'], field: string, change: Json): void {
    const deed = readBoundedChange(change)?.deed;
    if (deed?.kind === 'reserve') this.remember({ entity, shard, field, dot, untilMillis: deed.untilMillis });
    else if (deed?.kind === 'confirm' || deed?.kind === 'cancel')
      this.open.delete(keyOf(entity, field, deed.hold));
  }

  private remember(one: OpenReservation): void {
    if (this.open.size >= rememberedMax) this.mustScan = true;
    else this.open.set(keyOf(one.entity, one.field, one.dot), one);
    this.wake.wake();
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      try {
        if (this.mustScan && this.open.size < rememberedMax / 2) await this.scan();
        await this.cancelDue();
      } catch (error) {
        if (!(error instanceof LogUnavailable) && !(error instanceof CommitUnknown)) throw error;
        this.mustScan = true;
        await this.wake.wait(this.parts.clock, retryMillis);
      }
      if (this.stopping) return;
      await this.wake.wait(this.parts.clock, this.pauseMillis());
    }
  }

  private pauseMillis(): number {
    let soonest = Infinity;
    for (const { untilMillis } of this.open.values()) soonest = Math.min(soonest, untilMillis);
    return Math.max(1, Math.min(idleMillis, soonest - this.parts.clock.wallMillis()));
  }

  private async cancelDue(): Promise<void> {
    const now = this.parts.clock.wallMillis();
    const due = [...this.open].filter(([, { untilMillis }]) => untilMillis <= now);
    for (const [key, one] of due) {
      if (this.stopping) return;
      if (await this.cancel(one)) this.open.delete(key);
      else one.untilMillis = now + retryMillis;
    }
  }

  /** Answers whether there is nothing left to do. */
  private async cancel({ entity, shard, field, dot }: OpenReservation): Promise<boolean> {
    if (this.parts.intake.stateOf(shard) === undefined) return true;
    const operations = [{ field, op: 'expire', reservation: formatDot(dot, shard) }];
    try {
      await this.parts.submit({ entity, kind: 'update', operations }, submitMillisMax);
      return true;
    } catch (error) {
      if (error instanceof AtollError) return !error.retryable && error.code !== 'entity_quarantined';
      throw error;
    }
  }

  /** Looks through the region's counters for open reservations of its own actor in the shards of this process. */
  private async scan(): Promise<void> {
    this.mustScan = false;
    for (const type of this.fields.keys()) {
      for (let after: string | undefined; ;) {
        const rows = await this.parts.log.listEntities(type, after, scanPageRows);
        for (const row of rows) this.look(row);
        after = rows.at(-1)?.entity.id;
        if (rows.length < scanPageRows || this.stopping) break;
      }
    }
  }

  private look({ entity, shard, state: text }: EntityRow): void {
    const { types, intake, log } = this.parts;
    const type = types.get(entity.type);
    if (type === undefined || intake.stateOf(shard) === undefined) return;
    const state = decodeEntity(type, parseJson(text) as Json);
    for (const field of this.fields.get(entity.type) ?? []) {
      const rights = state.fields.get(field) as Rights | undefined;
      for (const { dot, untilMillis } of rights?.holds ?? []) {
        if (dot.actor === log.identity.actor) this.remember({ entity, shard, field, dot, untilMillis });
      }
    }
  }
}

function keyOf({ type, id }: EntityRef, field: string, dot: Dot): string {
  return `${type}/${id} ${field} ${dotKey(dot)}`;
}
