import { dotKey, type Dot } from '#core/causality/dot.js';
import type { EntityRef, Event } from '#core/event/event.js';
import { formatEpoch, isAbove, laterEpoch, noEpoch, parseEpoch, type Epoch } from '#core/strong/epoch.js';
import { readOpening } from '#core/strong/opening-event.js';
import { noMoves, withRecord, type TypeMoves } from '#core/strong/type-moves.js';
import { readTypeRecord, strongEventOf } from '#core/strong/type-record.js';
import {
  homeEpoch,
  isServing,
  noStrongRecord,
  storeOpening,
  type StrongRecord,
} from '#core/strong/promises.js';
import {
  comparePositions,
  fateOf,
  noPosition,
  wasDecided,
  type Fate,
  type Position,
} from '#core/strong/strong-chain.js';

/** A strong event that is stored here and not settled. */
export interface Undecided {
  readonly dot: Dot;
  readonly entity: EntityRef;
  /** Of the event; absent after a takeover, until it is read from the log. */
  readonly epoch?: string;
  /** Of its group, where it is not that itself: with it all of the group are decided, or lost. */
  readonly last?: Dot;
  /** Absent too where there were too many to remember (INV-15): then it is read when it is settled. */
  readonly event?: Event;
  /** Stored bytes of what is remembered. */
  readonly bytes?: number;
}

/** What is remembered of a stored event, besides the event itself. */
export function undecidedRow({ dot, entity, epoch, group }: Event): Undecided {
  const behind = group ? group.size - 1 - group.index : 0;
  return {
    dot,
    entity,
    ...(epoch !== undefined && { epoch }),
    ...(behind > 0 && { last: { ...dot, seq: dot.seq + behind } }),
  };
}

/** Why a waiting row of a strong event waits: nobody has told yet that it is decided, or left out. */
export const undecidedReason = 'undecided';

/** Why one waits that was minted after a move of its type which is not known to be decided here. */
export const movingReason = 'type_moving';

/** Refused events that are remembered for those who wait for them; who comes later is answered by the log. */
const refusedMax = 4_096;

/**
 * What the owner of a shard knows of its strong log: the committed record, and what it has been told since it took the
 * shard over. Shards without strong events keep the empty one, and pay nothing.
 */
export class StrongShard {
  record: StrongRecord = noStrongRecord;
  /** How types were moved between strong and eventual in this shard. */
  moves: TypeMoves = noMoves;
  /** The furthest position that is known to be decided. */
  decided: Position = noPosition;
  /** The greatest epoch that anybody was heard to promise. */
  heard: Epoch = noEpoch;
  /** A planned handover is under way: nothing new is taken. */
  draining = false;
  /** A member of one membership that an operator states to be stopped for good: it is not waited for in that one. */
  overruled: { readonly region: string; readonly membership: number } | undefined;
  /** A membership has been folded, and nobody has looked at it yet. */
  hasNewMembers = false;
  /** No majority was heard for too long. */
  cutOff = false;
  /** Stored events that are not settled, by dot, in order of arrival. Small rows: what was stored is not refused for them. */
  private readonly rows = new Map<string, Undecided>();
  private rememberedBytes = 0;
  /** Dots of rows that were here when this owner came. */
  private readonly inherited = new Set<string>();
  private readonly refused = new Set<string>();

  /** As the database has it. @param openings the shard's opening events, in any order */
  restore(promised: string, openings: readonly Event[], waiting: Iterable<Undecided>): void {
    let record: StrongRecord = { ...noStrongRecord, promised: parseEpoch(promised) ?? noEpoch };
    for (const event of openings) {
      const opening = readOpening(event);
      if (opening) record = storeOpening(record, opening);
    }
    this.record = record;
    for (const row of waiting) {
      this.rows.set(dotKey(row.dot), row);
      this.inherited.add(dotKey(row.dot));
    }
  }

  /** @param events all records about types that are stored here, in any order; after `restore` */
  restoreMoves(events: readonly Event[]): void {
    for (const event of events) {
      const record = readTypeRecord(event);
      const strong = strongEventOf(event);
      const counts = strong
        ? !this.rows.has(dotKey(event.dot)) && wasDecided(this.record.openings, strong)
        : event.epoch === undefined;
      if (record && counts) this.moves = withRecord(this.moves, record);
    }
  }

  get undecided(): ReadonlyMap<string, Undecided> {
    return this.rows;
  }

  /** Bytes of the events that are remembered. */
  get undecidedBytes(): number {
    return this.rememberedBytes;
  }

  /** Remembers the event too while there is room for it. */
  await(row: Undecided, bytesMax: number): void {
    this.forget(row.dot);
    const { event, bytes = 0, ...bare } = row;
    const hasRoom = event !== undefined && this.rememberedBytes + bytes <= bytesMax;
    this.rows.set(dotKey(row.dot), hasRoom ? row : bare);
    if (hasRoom) this.rememberedBytes += bytes;
  }

  settled(dot: Dot): void {
    this.forget(dot);
    this.inherited.delete(dotKey(dot));
  }

  private forget(dot: Dot): void {
    const known = this.rows.get(dotKey(dot));
    if (known?.event) this.rememberedBytes -= known.bytes ?? 0;
    this.rows.delete(dotKey(dot));
  }

  /** Notes what a home says of its own epoch; answers whether that is more than was known. */
  tell(decided: Position): boolean {
    if (comparePositions(decided, this.decided) <= 0) return false;
    this.decided = decided;
    return true;
  }

  hear(epoch: Epoch): void {
    this.heard = laterEpoch(this.heard, epoch);
  }

  /** A home that hears of a greater promised epoch mints no strong event any more. */
  get isOutbid(): boolean {
    return isAbove(this.heard, this.record.promised);
  }

  isHome(actor: string): boolean {
    return homeEpoch(this.record, actor) !== undefined && !this.isOutbid;
  }

  serves(actor: string): boolean {
    return isServing(this.record, actor, this.decided) && !this.isOutbid;
  }

  fate(dot: Dot, epoch: string | undefined): Fate {
    const parsed = parseEpoch(epoch ?? '');
    if (!parsed || parsed === noEpoch) return 'refused';
    return fateOf(this.record.openings, this.decided, { epoch: parsed, ...dot });
  }

  noteRefused(dot: Dot): void {
    this.refused.add(dotKey(dot));
    const [oldest] = this.refused;
    if (this.refused.size > refusedMax && oldest !== undefined) this.refused.delete(oldest);
  }

  /** What became of an event that was stored here. */
  outcomeOf(dot: Dot): Fate {
    const key = dotKey(dot);
    if (this.refused.has(key)) return 'refused';
    const waiting = this.rows.get(key);
    if (!waiting) return 'decided';
    return waiting.epoch === undefined ? 'undecided' : this.fate(waiting.last ?? dot, waiting.epoch);
  }

  /**
   * Whether somebody may have been told of a waiting event that it stands: it is decided, or it was here before this owner was. The
   * owner before may have known from others' acks that it is decided, and this one begins with those that come first.
   */
  mayBeTold(dot: Dot): boolean {
    return this.inherited.has(dotKey(dot)) || this.outcomeOf(dot) !== 'undecided';
  }

  /** Whether it has never had anything to do with strong events. */
  get isUntouched(): boolean {
    return formatEpoch(this.record.promised) === '' && this.record.openings.size === 0;
  }
}
