import { StandingQueue } from '#core/admission/standing-queue.js';
import { assert } from '#core/assert.js';
import { AtollError } from '#core/errors.js';
import type { EntityRef, StoredEvent } from '#core/event/event.js';
import type { Limits } from '../limits.js';
import type { Clock } from '../ports/clock.js';
import type { PreparedCommand } from './prepared-command.js';
import type { ShardBatch } from './shard-batch.js';
import {
  eventBytes,
  Fifo,
  CommandWork,
  type Committed,
  type EventWork,
  type ReplayWork,
  type TaskWork,
  type Work,
} from './queues.js';
import type { ShardState } from './shard-state.js';
import { takeBatch, type OwnedShard, type ShardWork } from './take-batch.js';
import { Wake } from './wake.js';

export interface Lane {
  readonly wake: Wake;
  /** Its batch is over, and more gathers for the next. */
  isResting: boolean;
  readonly shards: Map<number, OwnedShard>;
}

/** At most two transactions are in flight, never two for one shard: each lane has its own shards (PROTOCOL §1). */
const laneCount = 2;

/**
 * While no more than this waits in all lanes, one batch takes it all, and what comes meanwhile waits for the next. A batch
 * costs about the same whether it carries one event or ten: two lanes of a few events each spend twice as much on them.
 * Less than what a few hundred writers have in flight: they keep both lanes busy.
 */
const sparseItemsMax = 64;

/** The queues in front of the executor: what waits to be decided, per shard, within limits (INV-15). */
export class Intake {
  readonly lanes: readonly Lane[];
  /** Of all kinds, in all lanes. */
  private queuedItems = 0;
  private queuedCommands = 0;
  private queuedCommandBytes = 0;
  private queuedEventBytes = 0;
  private roomWaiters: (() => void)[] = [];
  /** The lanes whose shards a batch has taken from, by the lane that runs it. */
  private readonly underWay = new Map<Lane, readonly Lane[]>();
  private closed = false;
  private isReceiving = true;
  private readonly standing: StandingQueue;

  constructor(
    private readonly limits: Limits,
    private readonly clock: Clock,
  ) {
    this.standing = new StandingQueue(limits.commandQueueMin);
    this.lanes = Array.from({ length: laneCount }, () => ({
      wake: new Wake(),
      isResting: false,
      shards: new Map<number, OwnedShard>(),
    }));
  }

  /** Takes nothing in any more, and wakes whoever waits for something to do or for room. */
  close(): void {
    this.closed = true;
    for (const lane of this.lanes) lane.wake.wake();
    this.wakeRoomWaiters();
  }

  /** Whoever brings events is not held up any more: nobody may be left to take them, and the process stops. */
  stopReceiving(): void {
    this.isReceiving = false;
    this.wakeRoomWaiters();
  }

  own(state: ShardState): void {
    const queues = {
      commands: new Fifo<CommandWork>(),
      events: new Fifo<EventWork>(),
      replays: new Fifo<ReplayWork | TaskWork>(),
    };
    this.laneOf(state.shard).shards.set(state.shard, { state, ...queues });
  }

  /** Forgets a shard: its commands are told to go elsewhere. */
  drop(shard: number): boolean {
    const lane = this.laneOf(shard);
    const owned = lane.shards.get(shard);
    if (!owned) return false;
    lane.shards.delete(shard);
    for (const work of owned.commands.drain()) {
      this.leftQueue(work);
      work.reject(new AtollError('owner_moved', 'another process owns the shard of this entity now'));
    }
    for (const work of owned.events.drain()) this.leftQueue(work);
    this.rejectTasks(owned);
    return true;
  }

  owned(): readonly number[] {
    return this.lanes.flatMap((lane) => [...lane.shards.keys()]).sort((a, b) => a - b);
  }

  get ownedCount(): number {
    return this.lanes.reduce((count, { shards }) => count + shards.size, 0);
  }

  stateOf(shard: number): ShardState | undefined {
    return this.laneOf(shard).shards.get(shard)?.state;
  }

  /**
   * Queues a command; resolves after its commit.
   *
   * @throws AtollError owner_moved, overloaded, what the decision refused, or at the deadline that nobody knows what became of it
   */
  submit(shard: number, command: PreparedCommand, deadlineMillis: number): Promise<Committed> {
    const lane = this.laneOf(shard);
    const owned = lane.shards.get(shard);
    if (!owned || this.closed) {
      return Promise.reject(new AtollError('owner_moved', 'this process does not own the shard'));
    }
    if (!this.hasRoom(command.bytes))
      return Promise.reject(new AtollError('overloaded', 'too many commands wait in this process'));
    return new Promise((resolve, reject) => {
      owned.commands.push(new CommandWork(command, deadlineMillis, resolve, reject, this.clock));
      this.queuedCommands += 1;
      this.queuedCommandBytes += command.bytes;
      this.arrived(lane);
    });
  }

  /**
   * Whether a command of so many bytes would be queued: it fits, and would not wait much longer than a second.
   *
   * @param ahead about how many commands were let in and are on their way to the queue. A guess is no reason to refuse what a
   * queue that does not stand has room for.
   */
  hasRoom(bytes = 0, ahead = 0): boolean {
    const { commandQueueMax, commandQueueBytesMax } = this.limits;
    const { queuedCommands, queuedCommandBytes } = this;
    if (queuedCommands >= commandQueueMax || queuedCommandBytes + bytes > commandQueueBytesMax) return false;
    return queuedCommands + ahead < this.standing.lengthMax(this.clock.monotonicMillis());
  }

  /** Queues the next event of another region, with the others of its group. The caller keeps to `room`. */
  offer(shard: number, stored: StoredEvent, rest?: readonly StoredEvent[]): void {
    const lane = this.laneOf(shard);
    const owned = lane.shards.get(shard);
    if (!owned) return;
    const work: EventWork = { kind: 'event', stored, ...(rest && { rest }) };
    owned.events.push(work);
    this.queuedEventBytes += eventBytes(work);
    this.arrived(lane);
  }

  replay(shard: number, entity: EntityRef): void {
    const lane = this.laneOf(shard);
    const owned = lane.shards.get(shard);
    if (!owned) return;
    owned.replays.push({ kind: 'replay', entity });
    this.arrived(lane);
  }

  /** Queues a task; resolves with its result after the commit of its batch. @throws AtollError owner_moved */
  task<T>(shard: number, run: (batch: ShardBatch) => T, subjects: TaskWork['subjects']): Promise<T> {
    const lane = this.laneOf(shard);
    const owned = lane.shards.get(shard);
    if (!owned || this.closed)
      return Promise.reject(new AtollError('owner_moved', 'this process does not own the shard'));
    return new Promise((resolve, reject) => {
      const done = resolve as (result: unknown) => void;
      owned.replays.push({ kind: 'task', subjects, run, resolve: done, reject });
      this.arrived(lane);
    });
  }

  /** Resolves once received events fit within the limit again. */
  async room(): Promise<void> {
    while (this.queuedEventBytes > this.limits.applyQueueBytesMax && this.isReceiving && !this.closed) {
      await new Promise<void>((resolve) => this.roomWaiters.push(resolve));
    }
  }

  get depths(): { readonly commands: number; readonly eventBytes: number } {
    return { commands: this.queuedCommands, eventBytes: this.queuedEventBytes };
  }

  /**
   * What has gathered, up to the limits of a batch. Its shards are in this batch until `ended`. Nothing while they are in
   * another lane's batch, or while so little waits that it is left for the next batch.
   */
  gather(lane: Lane): readonly ShardWork[] {
    const lanes = this.freeFor(lane);
    const work = this.take(lanes.flatMap(({ shards }) => [...shards.values()]));
    if (work.length > 0) this.underWay.set(lane, lanes);
    return work;
  }

  /** Lets more gather for the lane's next batch, so long at most, and no longer than it is little. */
  async rest(lane: Lane, millis: number): Promise<void> {
    const until = this.clock.monotonicMillis() + millis;
    lane.isResting = true;
    for (;;) {
      const left = until - this.clock.monotonicMillis();
      if (left <= 0 || !this.isSparse || this.closed) break;
      await lane.wake.wait(this.clock, left);
    }
    lane.isResting = false;
  }

  /** The batch that the lane had gathered is over. */
  ended(lane: Lane): void {
    if (!this.underWay.delete(lane)) return;
    for (const other of this.lanes) if (other !== lane) other.wake.wake();
  }

  /** The lanes that a batch of this one may take from now. */
  private freeFor(lane: Lane): readonly Lane[] {
    for (const held of this.underWay.values()) if (held.includes(lane)) return [];
    if (!this.isSparse) return [lane];
    return this.underWay.size > 0 ? [] : this.lanes;
  }

  private get isSparse(): boolean {
    return this.queuedItems <= sparseItemsMax;
  }

  /** There is one more item for a lane, which is woken; one that rests only when that is no longer little. */
  private arrived(lane: Lane): void {
    this.queuedItems += 1;
    if (!lane.isResting) lane.wake.wake();
    if (this.isSparse) return;
    for (const one of this.lanes) if (one.isResting) one.wake.wake();
  }

  private take(shards: readonly OwnedShard[]): readonly ShardWork[] {
    const nowMillis = this.clock.monotonicMillis();
    const next = (owned: OwnedShard, turn: number): Work | undefined => this.takeNext(owned, turn, nowMillis);
    const { work, commands, waitedMillis } = takeBatch(shards, { limits: this.limits, nowMillis, next });
    if (commands > 0) this.standing.took(commands, waitedMillis / commands, nowMillis);
    return work;
  }

  /** Commands and received events in turn, so that neither starves the other. */
  private takeNext(owned: OwnedShard, turn: number, nowMillis: number): Work | undefined {
    for (;;) {
      const replay = owned.replays.shift();
      if (replay) {
        this.queuedItems -= 1;
        return replay;
      }
      const first = turn % 2 === 0 ? owned.commands.shift() : owned.events.shift();
      const next = first ?? owned.commands.shift() ?? owned.events.shift();
      if (!next) return undefined;
      this.leftQueue(next);
      if (next.kind === 'command' && next.deadlineMillis < nowMillis) {
        this.standing.took(0, nowMillis - next.queuedMillis, nowMillis);
        next.reject(new AtollError('deadline_exceeded', 'the command waited too long; it was not executed'));
        continue;
      }
      return next;
    }
  }

  private leftQueue(work: CommandWork | EventWork): void {
    this.queuedItems -= 1;
    if (work.kind === 'command') {
      this.queuedCommands -= 1;
      this.queuedCommandBytes -= work.command.bytes;
    } else {
      this.queuedEventBytes -= eventBytes(work);
      if (this.queuedEventBytes <= this.limits.applyQueueBytesMax) this.wakeRoomWaiters();
    }
  }

  /** Back into the queues, in order; what was decided is void. */
  putBack({ owned, items }: ShardWork): void {
    const commands: CommandWork[] = [];
    const events: EventWork[] = [];
    for (const item of items) {
      if (item.kind === 'command') {
        commands.push(item);
        this.queuedCommands += 1;
        this.queuedCommandBytes += item.command.bytes;
      } else if (item.kind === 'event') {
        events.push(item);
        this.queuedEventBytes += eventBytes(item);
      } else owned.replays.push(item);
    }
    owned.commands.unshift(commands);
    owned.events.unshift(events);
    this.queuedItems += items.length;
    const isCurrent = this.stateOf(owned.state.shard) === owned.state;
    if (this.closed || !isCurrent) {
      for (const work of owned.commands.drain()) {
        this.leftQueue(work);
        work.reject(
          new AtollError('unavailable', 'this process gave the shard up; the command was not executed'),
        );
      }
    }
    if (!isCurrent) for (const work of owned.events.drain()) this.leftQueue(work);
    if (this.closed || !isCurrent) this.rejectTasks(owned);
    this.laneOf(owned.state.shard).wake.wake();
  }

  private rejectTasks({ replays }: OwnedShard): void {
    for (const work of replays.drain()) {
      this.queuedItems -= 1;
      if (work.kind === 'task') work.reject(new AtollError('owner_moved', 'this process gave the shard up'));
    }
  }

  private wakeRoomWaiters(): void {
    for (const resume of this.roomWaiters.splice(0)) resume();
  }

  private laneOf(shard: number): Lane {
    const lane = this.lanes[shard % laneCount];
    assert(lane !== undefined, 'a shard has a lane');
    return lane;
  }
}
