import type { Actor } from '#core/causality/dot.js';
import { includes, nothingSeen, type VersionVector } from '#core/causality/version-vector.js';
import { AtollError } from '#core/errors.js';
import type { EntityRef, Event } from '#core/event/event.js';
import { entityKey } from '#core/event/shard-of.js';
import type { EntityType } from '#core/merge/entity-type.js';
import { chainVector } from '#core/strong/strong-chain.js';
import {
  modeOf,
  withRecord,
  type Consistency,
  type TypeMode,
  type TypeMoves,
} from '#core/strong/type-moves.js';
import {
  movesEntity,
  readTypeRecord,
  writeTypeRecord,
  type WrittenRecord,
} from '#core/strong/type-record.js';
import type { BatchWaiting } from '../accept/batch-waiting.js';
import type { Cursor, ShardState } from '../accept/shard-state.js';
import type { BatchStrong } from './batch-strong.js';

/** What the part of a batch about moved types asks of the rest of it. */
export interface MovesHands {
  readonly ownActor: Actor;
  readonly strong: BatchStrong;
  readonly waiting: BatchWaiting;
  readonly cursor: (actor: Actor) => Cursor;
  readonly mint: (event: Omit<Event, 'time' | 'prev' | 'shard'>) => Event;
}

/** What became of a record that was asked for. */
export type Recorded =
  /** It was minted, or was not needed any more. */
  { readonly kind: 'done' } | { readonly kind: 'refused'; readonly error: AtollError };

const done: Recorded = { kind: 'done' };

/** A batch's view of how the types of its shard are written: the committed one with the records that it folds (ADR 0011). */
export class BatchMoves {
  private moves: TypeMoves;

  constructor(
    private readonly base: ShardState,
    private readonly hands: MovesHands,
  ) {
    this.moves = base.strong.moves;
  }

  get all(): TypeMoves {
    return this.moves;
  }

  modeOf(type: EntityType): TypeMode {
    return modeOf(this.moves, type);
  }

  /** Why a change of an entity cannot be decided here and now as it was brought: as a strong one, or as one of this region. */
  whyNot(type: EntityType, entity: EntityRef, as: Consistency): AtollError | undefined {
    const mode = this.modeOf(type);
    if (mode.isClosing) return moving(`${type.name} is being moved to strong`);
    if (mode.kind !== as) return moving(`${type.name} has just been moved to ${mode.kind}`);
    if (as === 'strong' && this.isRecording)
      return moving(`a record about the types of shard ${this.base.shard} is not decided yet`);
    return mode.upTo.size === 0 ? undefined : this.lacks(type, entity, mode.upTo);
  }

  /** What was written before a move is decided on: all of it is stored here, and folded as far as it is of the entity. */
  private lacks(type: EntityType, entity: EntityRef, upTo: VersionVector): AtollError | undefined {
    const { cursor, waiting } = this.hands;
    for (const [actor, seq] of upTo)
      if (cursor(actor).stored < seq)
        return moving(`events of ${type.name} from before it was moved have not all arrived here`);
    for (const { dot } of waiting.rows(entityKey(entity)))
      if (includes(upTo, dot))
        return new AtollError('not_covered_yet', 'an event from before its type was moved is not folded yet');
    return undefined;
  }

  /** A record of the home is minted and not decided: what follows it nobody knows yet. */
  private get isRecording(): boolean {
    return this.hands.waiting.rows(entityKey(movesEntity(this.base.shard))).length > 0;
  }

  /** A record that counts now: one of the home that is decided, or a region's closing. */
  fold(event: Event): void {
    const record = readTypeRecord(event);
    if (record) this.moves = withRecord(this.moves, record);
  }

  /** As the home: begins a move to `to`, aborts the one under way, or finds that nothing is to be done. */
  begin(type: EntityType, to: Consistency): Recorded {
    const { kind, isClosing, phase } = this.modeOf(type);
    if (to === 'strong') {
      if (kind === 'strong' || isClosing) return done;
      return this.record({ kind: 'closing', type: type.name, phase });
    }
    if (isClosing) return this.record({ kind: 'aborted', type: type.name, phase, upTo: nothingSeen });
    if (kind === 'eventual') return done;
    return this.record({ kind: 'loosened', type: type.name, phase, upTo: this.strongLog() });
  }

  /** As the home: from here on changes of the type are strong. Nothing where the move was aborted meanwhile. */
  open(type: EntityType, phase: number, upTo: VersionVector): Recorded {
    const mode = this.modeOf(type);
    if (!mode.isClosing || mode.phase !== phase) return done;
    return this.record({ kind: 'opened', type: type.name, phase, upTo });
  }

  /** As any region: mints nothing more of the phase that is being closed, and says so in its own stream. */
  close(type: EntityType): void {
    const { phase, isClosing, closed } = this.modeOf(type);
    const { ownActor, mint } = this.hands;
    if (!isClosing || closed.has(ownActor)) return;
    const unique = `${type.name}.${phase}.${ownActor}`;
    const written = writeTypeRecord({ kind: 'closed', type: type.name, phase }, this.base.shard, unique);
    this.fold(mint({ ...written, dot: this.next, context: nothingSeen }));
  }

  private record(record: WrittenRecord): Recorded {
    const { strong, mint } = this.hands;
    const { shard } = this.base;
    const error = strong.whyNotHome(entityKey(movesEntity(shard)));
    if (error) return { kind: 'refused', error };
    const { epoch } = strong;
    const written = writeTypeRecord(record, shard, `${epoch}.${this.next.seq}`);
    strong.await(mint({ ...written, dot: this.next, context: nothingSeen, epoch }));
    return done;
  }

  /** Everything that this home's epoch builds on, and what it has minted itself. */
  private strongLog(): VersionVector {
    const { ownActor, strong, cursor } = this.hands;
    const { openings, promised } = strong.log;
    return chainVector(openings, { epoch: promised, seq: cursor(ownActor).stored });
  }

  private get next(): Event['dot'] {
    const { ownActor, cursor } = this.hands;
    return { actor: ownActor, seq: cursor(ownActor).stored + 1 };
  }

  /** Makes it the committed state. Answers whether anybody has to hear of it. */
  applyTo(): boolean {
    const { strong } = this.base;
    const isNews = strong.moves !== this.moves;
    strong.moves = this.moves;
    return isNews;
  }
}

function moving(detail: string): AtollError {
  return new AtollError('type_moving', detail);
}
