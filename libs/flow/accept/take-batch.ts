import type { Limits } from '../limits.js';
import {
  bytesOf,
  type CommandWork,
  type EventWork,
  type Fifo,
  type ReplayWork,
  type TaskWork,
  type Work,
} from './queues.js';
import type { ShardState } from './shard-state.js';

/** A shard of this process, and what waits for it. */
export interface OwnedShard {
  readonly state: ShardState;
  readonly commands: Fifo<CommandWork>;
  readonly events: Fifo<EventWork>;
  readonly replays: Fifo<ReplayWork | TaskWork>;
}

/** What a batch takes of one shard. */
export interface ShardWork {
  readonly owned: OwnedShard;
  readonly items: readonly Work[];
}

export interface TakingRules {
  readonly limits: Pick<Limits, 'batchItemsMax' | 'batchBytesMax'>;
  readonly nowMillis: number;
  /** Takes the next item out of a shard's queues; `turn`: how many of it the batch has. */
  readonly next: (owned: OwnedShard, turn: number) => Work | undefined;
}

export interface TakenBatch {
  readonly work: readonly ShardWork[];
  readonly commands: number;
  /** Of all of them together. */
  readonly waitedMillis: number;
}

/** What a batch has taken of a shard so far. */
interface Gathering {
  readonly owned: OwnedShard;
  readonly items: Work[];
}

/** What else a batch may take, and what of its commands is known. */
interface Taking {
  itemsLeft: number;
  bytesLeft: number;
  commands: number;
  waitedMillis: number;
}

/**
 * Takes what a batch carries. One half of it is shared evenly, so that no shard waits for a long queue of another. The other
 * half goes to those who have waited longest, so that the writes of a busy shard wait no longer than the others.
 */
export function takeBatch(shards: readonly OwnedShard[], rules: TakingRules): TakenBatch {
  const { batchItemsMax, batchBytesMax } = rules.limits;
  const gathering: Gathering[] = shards
    .filter((owned) => itemsOf(owned) > 0)
    .map((owned) => ({ owned, items: [] }));
  const taking: Taking = { itemsLeft: batchItemsMax, bytesLeft: batchBytesMax, commands: 0, waitedMillis: 0 };
  const even = Math.max(1, Math.floor(batchItemsMax / 2 / Math.max(1, gathering.length)));
  // At least one of every shard, however many there are: those at the end of the list would never have their turn.
  for (const one of gathering)
    while (one.items.length < even && taking.bytesLeft > 0 && takeOne(one, taking, rules));
  while (taking.itemsLeft > 0 && taking.bytesLeft > 0) {
    const longest = longestWaiting(gathering, rules.nowMillis);
    if (!longest) break;
    takeOne(longest, taking, rules);
  }
  const { commands, waitedMillis } = taking;
  return { work: gathering.filter(({ items }) => items.length > 0), commands, waitedMillis };
}

/** @returns whether there was one */
function takeOne({ owned, items }: Gathering, taking: Taking, { next, nowMillis }: TakingRules): boolean {
  const item = next(owned, items.length);
  if (!item) return false;
  items.push(item);
  taking.itemsLeft -= 1;
  taking.bytesLeft -= bytesOf(item);
  if (item.kind === 'command') {
    taking.commands += 1;
    taking.waitedMillis += nowMillis - item.queuedMillis;
  }
  return true;
}

/** The shard whose next command has waited longest; where none has commands, the one with most to do. */
function longestWaiting(gathering: readonly Gathering[], nowMillis: number): Gathering | undefined {
  let longest: Gathering | undefined;
  let since = Infinity;
  let most = 0;
  for (const one of gathering) {
    const items = itemsOf(one.owned);
    if (items === 0) continue;
    const queuedMillis = one.owned.commands.peek()?.queuedMillis ?? nowMillis;
    if (queuedMillis > since || (queuedMillis === since && items <= most)) continue;
    longest = one;
    since = queuedMillis;
    most = items;
  }
  return longest;
}

function itemsOf({ commands, events, replays }: OwnedShard): number {
  return commands.length + events.length + replays.length;
}
