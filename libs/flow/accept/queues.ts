import type { StoredEvent } from '#core/event/event.js';
import type { EntityRef } from '#core/event/event.js';
import type { VersionVector } from '#core/causality/version-vector.js';
import type { Dot } from '#core/causality/dot.js';
import type { Dependencies } from '#core/consistency/dependencies.js';
import { AtollError, type ErrorCode } from '#core/errors.js';
import type { Clock } from '../ports/clock.js';
import type { PartOutcome } from '../service.js';
import type { PreparedCommand } from './prepared-command.js';
import type { ShardBatch } from './shard-batch.js';

/** What became of a command, told after its batch was durable (INV-2). */
export interface Committed {
  readonly dot: Dot;
  /** The entity's `seen` right after the write; for a replayed command it is looked up by whoever needs it. */
  readonly seen: VersionVector | undefined;
  readonly replayed: boolean;
  /** Of the entity, where the command is causal and there are any. */
  readonly dependencies?: Dependencies;
  /** Of the further parts of an atomic change; of a replayed one, whoever needs it looks it up. */
  readonly also?: readonly PartOutcome[];
}

/** A command on its way through the executor. It answers once: with its outcome, or at its deadline that nobody knows it. */
export class CommandWork {
  readonly kind = 'command';
  /** When it was queued first. */
  readonly queuedMillis: number;
  private readonly cancel: () => void;

  constructor(
    readonly command: PreparedCommand,
    readonly deadlineMillis: number,
    private readonly done: (committed: Committed) => void,
    private readonly failed: (error: AtollError) => void,
    clock: Clock,
  ) {
    this.queuedMillis = clock.monotonicMillis();
    const left = Math.max(0, deadlineMillis - this.queuedMillis);
    // The error is made when it is needed: its stack trace costs as much as deciding a command.
    this.cancel = clock.after(left, () => failed(unanswered()));
  }

  resolve(committed: Committed): void {
    this.cancel();
    this.done(committed);
  }

  reject(error: AtollError): void {
    this.cancel();
    this.failed(error);
  }
}

const advice = 'the command may still be stored: retry it with the same mutation id';

/** What is in flight at the deadline may still be stored: the answer says that nobody knows. */
export function unanswered(): AtollError {
  return new AtollError('deadline_exceeded', `not answered in time; ${advice}`);
}

/** These leave it open themselves whether the command counts, or tell it by the record of its mutation id. */
const saysAsMuch: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'deadline_exceeded',
  'unavailable',
  'internal',
  'rights_lapsed',
  'rights_reclaimed',
  'mutation_reused',
]);

/**
 * What a command is told whose last try was refused after an earlier one got no answer: that one may be under way in its
 * owner still, and may be stored where rights or events come that the last try lacked.
 */
export function mayBeStored(last: AtollError): AtollError {
  if (saysAsMuch.has(last.code)) return last;
  const detail = `a process that had the command did not answer; ${advice}. The last try: ${last.message}`;
  return new AtollError('unavailable', detail, { cause: last });
}

export interface EventWork {
  readonly kind: 'event';
  readonly stored: StoredEvent;
  /** What follows the first event of a group: they are stored together or not at all. */
  readonly rest?: readonly StoredEvent[];
}

export function eventsOf({ stored, rest }: EventWork): readonly StoredEvent[] {
  return rest ? [stored, ...rest] : [stored];
}

export interface ReplayWork {
  readonly kind: 'replay';
  readonly entity: EntityRef;
}

/** Something else to do to a shard in one of its batches; it settles once the batch is durable, with all before it. */
export interface TaskWork {
  readonly kind: 'task';
  /** Entities and mutation ids that it looks at, asked when the batch is prepared. */
  readonly subjects: () => readonly { readonly entity: EntityRef; readonly mutationId: string | undefined }[];
  /** Pure: the batch may be decided more than once. */
  readonly run: (batch: ShardBatch) => unknown;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: AtollError) => void;
}

export type Work = CommandWork | EventWork | ReplayWork | TaskWork;

export function eventBytes({ stored, rest }: Pick<EventWork, 'stored' | 'rest'>): number {
  const own = stored.bytes.length;
  return rest ? rest.reduce((sum, { bytes }) => sum + bytes.length, own) : own;
}

export function bytesOf(work: Work): number {
  if (work.kind === 'command') return work.command.bytes;
  return work.kind === 'event' ? eventBytes(work) : 0;
}

/** First in, first out, without moving what is left at every step. */
export class Fifo<T> {
  private items: T[] = [];
  private head = 0;

  push(item: T): void {
    this.items.push(item);
  }

  shift(): T | undefined {
    const item = this.items[this.head];
    if (item === undefined) return undefined;
    this.head += 1;
    if (this.head > 1024 && this.head * 2 > this.items.length) {
      this.items = this.items.slice(this.head);
      this.head = 0;
    }
    return item;
  }

  peek(): T | undefined {
    return this.items[this.head];
  }

  /** Puts items back in front, in their order. */
  unshift(items: readonly T[]): void {
    this.items = [...items, ...this.items.slice(this.head)];
    this.head = 0;
  }

  drain(): readonly T[] {
    const all = this.items.slice(this.head);
    this.items = [];
    this.head = 0;
    return all;
  }

  get length(): number {
    return this.items.length - this.head;
  }
}
