import { dotKey, sameDot, type Actor, type Dot } from '#core/causality/dot.js';
import { nothingSeen } from '#core/causality/version-vector.js';
import { AtollError } from '#core/errors.js';
import type { Event } from '#core/event/event.js';
import { formatEpoch, parseEpoch, sameEpoch, type Epoch } from '#core/strong/epoch.js';
import { mayBeDecidedIn } from '#core/strong/membership.js';
import { isMembership, proposedIn } from '#core/strong/membership-record.js';
import { readOpening, writeOpening } from '#core/strong/opening-event.js';
import { mayOpen, promise, storeOpening, type Promised, type StrongRecord } from '#core/strong/promises.js';
import {
  fateOf,
  openingOn,
  positionOf,
  type Fate,
  type Opening,
  type Position,
} from '#core/strong/strong-chain.js';
import type { BatchMutations } from '../accept/batch-mutations.js';
import type { BatchWaiting } from '../accept/batch-waiting.js';
import type { PreparedCommand } from '../accept/prepared-command.js';
import { isMovesEntity } from '#core/strong/type-record.js';
import type { Cursor, ShardState } from '../accept/shard-state.js';
import type { MutationRow, RefusedRow } from '../ports/event-log.js';
import { undecidedReason, undecidedRow, type StrongShard, type Undecided } from './strong-shard.js';

/** What the strong part of a batch asks of the rest of it. */
export interface BatchHands {
  readonly ownActor: Actor;
  readonly waiting: BatchWaiting;
  readonly mutations: BatchMutations;
  readonly cursor: (actor: Actor) => Cursor;
  readonly mint: (event: Omit<Event, 'time' | 'prev' | 'shard'>) => Event;
  readonly loadedEvent: (dot: Dot) => Event;
  /** Stored bytes of an event of this batch. */
  readonly bytesOf: (dot: Dot) => number;
  readonly undecidedBytesMax: number;
  /** Folds events that count only together, or keeps all of them pending or parked. */
  readonly settle: (events: readonly Event[]) => void;
}

/** A batch's view of its shard's strong log: the committed one with what the batch itself does to it (PROTOCOL §8). */
export class BatchStrong {
  private record: StrongRecord;
  private readonly committed: StrongShard;
  private readonly decided: Position;
  private readonly arrived = new Map<string, Undecided>();
  private arrivedBytes = 0;
  private readonly settled = new Map<string, Dot>();
  private readonly refused: RefusedRow[] = [];
  private readonly voided: MutationRow[] = [];
  private hasNewMembers = false;

  constructor(
    private readonly base: ShardState,
    private readonly hands: BatchHands,
  ) {
    this.committed = base.strong;
    this.record = base.strong.record;
    this.decided = base.strong.decided;
  }

  /** Why a strong command cannot be decided here and now. */
  whyNot(
    { key, entity, operations }: PreparedCommand,
    mutationRows: readonly MutationRow[],
  ): AtollError | undefined {
    const proposed = isMembership(entity) && proposedIn(operations[0]);
    if (isMembership(entity) && (!proposed || !mayBeDecidedIn(proposed, this.record.promised)))
      return new AtollError('not_home', 'the latest membership has not opened an epoch of its own yet');
    const error = this.whyNotHome(key);
    if (error) return error;
    if (mutationRows.some((known) => this.voided.includes(known)))
      return new AtollError('not_covered_yet', 'the first try of this command has just been refused');
    return undefined;
  }

  /** Why this region cannot mint a strong event of an entity now, whatever it says. @param key of the entity */
  whyNotHome(key: string): AtollError | undefined {
    const { committed, hands } = this;
    const isSame = sameEpoch(this.record.promised, committed.record.promised);
    if (committed.draining || !isSame || !committed.serves(hands.ownActor))
      return new AtollError('not_home', 'this region is not the home of the shard, or does not serve yet');
    if (committed.cutOff)
      return new AtollError('no_majority', 'the home has not heard a majority for too long');
    if (committed.undecidedBytes + this.arrivedBytes > hands.undecidedBytesMax / 2)
      return new AtollError('overloaded', 'too many changes of the shard wait until they are decided');
    const [row] = hands.waiting.rows(key);
    if (row?.state === 'parked')
      return new AtollError('entity_quarantined', 'an event of this entity is parked until somebody acts');
    if (row) return new AtollError('not_covered_yet', 'an earlier change of this entity is not decided yet');
    return undefined;
  }

  /** As the batch has it by now. */
  get log(): StrongRecord {
    return this.record;
  }

  /** The epoch that a strong event of this region carries. */
  get epoch(): string {
    return formatEpoch(this.record.promised);
  }

  /** A promise of this region, durable with the batch. */
  promise(asked: Epoch): Promised {
    const given = promise(this.record, asked, this.stored);
    if (given.kind === 'granted') this.record = given.record;
    return given;
  }

  /** Writes the opening of an epoch, if this region still may. */
  open(standing: { readonly epoch: Epoch; readonly adopted: Position }): Opening | undefined {
    if (!mayOpen(this.record, standing, this.stored)) return undefined;
    const { openings } = this.record;
    const home = this.hands.ownActor;
    const own = { epoch: standing.epoch, home, seq: this.stored(home) + 1 };
    const opening = openingOn(openings, positionOf(openings, this.stored), own);
    this.hands.mint({
      ...writeOpening(opening, this.base.shard),
      dot: { actor: home, seq: own.seq },
      schemaVersion: 1,
      context: nothingSeen,
    });
    this.record = storeOpening(this.record, opening);
    return opening;
  }

  /** A strong event of another region, or a group of them, just stored. @throws Missing */
  receive(events: readonly Event[]): void {
    const [first] = events;
    const opening = first && readOpening(first);
    if (opening) {
      this.record = storeOpening(this.record, opening);
      return;
    }
    const fate = this.fate(events);
    if (fate === 'undecided') for (const event of events) this.await(event);
    else this.settle(events, fate);
  }

  /** A strong event that is stored: nothing shows it before it is decided. */
  await(event: Event): void {
    const { dot, entity } = event;
    const bytes = this.hands.bytesOf(dot);
    this.arrivedBytes += bytes;
    this.arrived.set(dotKey(dot), { ...undecidedRow(event), event, bytes });
    this.hands.waiting.add({ dot, entity, state: 'pending', reason: undecidedReason });
  }

  /** Folds what is known to be decided by now, and sets aside what was left out. @throws Missing */
  settleAll(): void {
    const waiting = [...this.committed.undecided.values()].sort((a, b) => a.dot.seq - b.dot.seq);
    const groups = new Map<string, Event[]>();
    for (const row of waiting) {
      const { dot, event: known } = row;
      // Several of a batch's tasks may ask for it: what one has settled is not folded again by the next.
      if (this.settled.has(dotKey(dot))) continue;
      if (row.epoch !== undefined && this.fateBy(row.last ?? dot, row.epoch) === 'undecided') continue;
      const event = known ?? this.hands.loadedEvent(dot);
      // What the log holds never changes: it is remembered whatever becomes of the batch.
      if (row.epoch === undefined) this.committed.await(undecidedRow(event), 0);
      const first = dotKey({ actor: dot.actor, seq: dot.seq - (event.group?.index ?? 0) });
      const group = groups.get(first);
      if (group) group.push(event);
      else groups.set(first, [event]);
    }
    for (const events of groups.values()) {
      const fate = this.fate(events);
      if (fate === 'undecided') continue;
      for (const { dot, entity } of events) this.hands.waiting.leave({ dot, entity, state: 'pending' });
      this.settle(events, fate);
    }
  }

  private settle(events: readonly Event[], fate: 'decided' | 'refused'): void {
    for (const event of events) this.note(event, fate);
    if (fate === 'decided') this.hands.settle(events);
  }

  private note(event: Event, fate: 'decided' | 'refused'): void {
    const { dot, mutation, entity, epoch = '' } = event;
    // No command is behind a record about a type: nobody tries it again.
    const rows = isMovesEntity(entity) ? [] : this.hands.mutations.rows(mutation.id);
    const record = rows.find((row) => sameDot(row.dot, dot) && row.shard === this.base.shard);
    this.settled.set(dotKey(dot), dot);
    this.hasNewMembers ||= isMembership(entity);
    if (fate === 'refused') {
      this.refused.push({ dot, entity, epoch, mutationId: mutation.id });
      if (record) this.voided.push(record);
    } else if (!record && !isMovesEntity(entity)) {
      // A record is made when the event counts: what is left out must not stand in the way of its second try.
      this.hands.mutations.record(event);
    }
  }

  /** Of one event, or of a whole group: a group is decided with its last event, and lost with it (PROTOCOL §8). */
  private fate(events: readonly Event[]): Fate {
    const last = events.at(-1);
    return last ? this.fateBy(last.dot, last.epoch ?? '') : 'refused';
  }

  private fateBy(dot: Dot, text: string): Fate {
    const epoch = parseEpoch(text);
    return epoch ? fateOf(this.record.openings, this.decided, { epoch, ...dot }) : 'refused';
  }

  private readonly stored = (actor: Actor): number => this.hands.cursor(actor).stored;

  get hasChanged(): boolean {
    return this.record !== this.committed.record || this.refused.length > 0;
  }

  rows(): {
    readonly promised?: string;
    readonly refused: readonly RefusedRow[];
    readonly voided: readonly MutationRow[];
  } {
    const { record, committed, refused, voided } = this;
    const isSame = sameEpoch(record.promised, committed.record.promised);
    return { ...(!isSame && { promised: formatEpoch(record.promised) }), refused, voided };
  }

  /** Makes it the committed state. Answers whether anybody has to hear of it. */
  applyTo(): boolean {
    const { committed } = this;
    const isNews = this.record !== committed.record || this.arrived.size > 0 || this.settled.size > 0;
    committed.record = this.record;
    committed.hasNewMembers ||= this.hasNewMembers;
    for (const row of this.arrived.values()) committed.await(row, this.hands.undecidedBytesMax);
    for (const dot of this.settled.values()) committed.settled(dot);
    for (const { dot } of this.refused) committed.noteRefused(dot);
    return isNews;
  }
}
