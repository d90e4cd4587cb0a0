import type { Json, JsonObject } from '#client/wire.js';
import { newMutationId } from '#client/mutation-id.js';
import { writeUntilKnown, type WriteEnd } from '#client/write-until-known.js';
import { changeInBatch, type WantedInBatch } from './batch.js';
import type { Pace, Progress } from './progress.js';
import type { RetailLine } from './retail-file.js';
import {
  commandsOf,
  type MovingCustomer,
  type PlannedRetry,
  type RetailCommand,
  type RetailPlan,
} from './retail-plan.js';
import { startClient, type SequentialClient } from './sequential-client.js';
import { clientOf, journalWrite, partOf, type Workload } from './workload.js';

/** What the replay did beyond the commands themselves. */
export interface ReplayCounts {
  /** Commands sent, each counted once. */
  commands: number;
  /** Commands sent a second time on purpose, by how. */
  readonly retried: Record<PlannedRetry | 'raced', number>;
  /**
   * Of those, answered with the first outcome. A raced one may be stored twice before the regions heard of each other: one
   * of the two is an alias.
   */
  answeredAsBefore: number;
  readonly moves: { customers: number; readTheirWrites: number };
}

export interface RetailReplay {
  readonly workload: Workload;
  readonly lines: readonly RetailLine[];
  readonly plan: RetailPlan;
  /** In commands. */
  readonly progress: Progress;
  readonly pace: Pace;
  readonly counts: ReplayCounts;
}

/** Lines of one batch: two changes each, far below what a region takes at once. */
const linesPerBatch = 40;
const batchersPerRegion = 2;
const movingAtOnce = 8;

export function startCounts(): ReplayCounts {
  return {
    commands: 0,
    retried: { again: 0, elsewhere: 0, raced: 0 },
    answeredAsBefore: 0,
    moves: { customers: 0, readTheirWrites: 0 },
  };
}

/** Sends all lines but the raced ones, through all regions at once. */
export async function replayRetail(replay: RetailReplay): Promise<void> {
  const { plan } = replay;
  const batchers = [...plan.batched].flatMap(([region, lines]) => {
    const queue = [...lines];
    return Array.from({ length: batchersPerRegion }, () => sendBatches(replay, region, queue));
  });
  const movingQueue = [...plan.moving];
  const movers = Array.from({ length: movingAtOnce }, async () => {
    for (let next = movingQueue.shift(); next; next = movingQueue.shift()) await followCustomer(replay, next);
  });
  await Promise.all([...batchers, ...movers]);
}

function lineAt({ lines }: RetailReplay, index: number): RetailLine {
  const line = lines[index];
  if (line === undefined) throw new Error(`the plan names line ${index} of ${lines.length}`);
  return line;
}

async function sendBatches(replay: RetailReplay, region: string, queue: number[]): Promise<void> {
  const { workload, progress, pace, counts } = replay;
  const processes = Array.from({ length: 2 * linesPerBatch }, () => workload.nextProcess());
  while (queue.length > 0) {
    const commands = queue.splice(0, linesPerBatch).flatMap((index) => commandsOf(lineAt(replay, index)));
    const wanted = commands.map(({ entity, operation }, at): WantedInBatch => ({
      process: processes[at] ?? 0,
      entity,
      operations: [operation],
    }));
    await pace.take(wanted.length);
    await changeInBatch(workload, region, wanted);
    counts.commands += wanted.length;
    progress.add(wanted.length);
  }
}

/** Sends the lines of a customer who moves, one command after the other, with one session token throughout. */
async function followCustomer(replay: RetailReplay, customer: MovingCustomer): Promise<void> {
  const { workload, progress, pace, counts } = replay;
  const client = startClient(workload, { session: true });
  const { cart, from, to, lines, linesBefore } = customer;
  counts.moves.customers += 1;
  for (const [at, index] of lines.entries()) {
    const region = at < linesBefore ? from : to;
    if (at === linesBefore) {
      const done = lines.slice(0, at).map((one) => lineAt(replay, one));
      const read = await client.read(region, { type: 'cart', id: cart }, 'lines', (value) =>
        fieldOf(value, 'lines'),
      );
      if (holdsAll(read, done)) counts.moves.readTheirWrites += 1;
    }
    for (const command of commandsOf(lineAt(replay, index))) {
      await pace.take(1);
      await sendPlanned(replay, client, { region, other: region === from ? to : from, command, line: index });
      counts.commands += 1;
      progress.add(1);
    }
  }
}

export function fieldOf(value: Json, field: string): Json {
  return (value as JsonObject | null)?.[field] ?? null;
}

/** Whether a cart reads what the customer has put into it so far. */
function holdsAll(read: Json, done: readonly RetailLine[]): boolean {
  const sums = new Map<string, number>();
  for (const { stockCode, quantity } of done) {
    if (quantity >= 0) sums.set(stockCode, (sums.get(stockCode) ?? 0) + quantity);
  }
  const shown = (read ?? {}) as JsonObject;
  return [...sums].every(([sku, sum]) => shown[sku] === sum);
}

interface PlannedCommand {
  readonly region: string;
  readonly other: string;
  readonly command: RetailCommand;
  readonly line: number;
}

async function sendPlanned(
  replay: RetailReplay,
  client: SequentialClient,
  planned: PlannedCommand,
): Promise<void> {
  const { workload, plan, counts } = replay;
  const { region, other, command, line } = planned;
  const { entity, operation } = command;
  const { end, mutationId } = await client.change(region, { entity, operations: [operation] });
  const retry = plan.retried.get(line);
  if (retry === undefined) return;
  counts.retried[retry] += 1;
  const token = client.token();
  const again = clientOf(workload, retry === 'again' ? region : other);
  const answer = await again
    .change(
      entity,
      { operations: [operation] },
      { mutationId, ...(token === undefined ? {} : { session: token }) },
    )
    .catch(() => undefined);
  if (answer !== undefined && end.kind === 'ok' && answer.dot === end.write.dot) counts.answeredAsBefore += 1;
}

/** Sends the raced lines to both regions at once, as a client does that got no answer in time. */
export async function raceLines(replay: RetailReplay, regions: readonly [string, string]): Promise<void> {
  const { plan, progress, counts } = replay;
  const racers = 4;
  const queue = plan.raced.flatMap((index) => commandsOf(lineAt(replay, index)));
  await Promise.all(
    Array.from({ length: racers }, async () => {
      const process = replay.workload.nextProcess();
      for (let next = queue.shift(); next; next = queue.shift()) {
        await race(replay, process, regions, next);
        counts.commands += 1;
        progress.add(1);
      }
    }),
  );
}

async function race(
  replay: RetailReplay,
  process: number,
  regions: readonly [string, string],
  { entity, operation }: RetailCommand,
): Promise<void> {
  const { workload, counts } = replay;
  const [near, far] = regions;
  const mutationId = newMutationId(near);
  const invoked = workload.journal.nanoseconds();
  const attempt = (region: string): Promise<WriteEnd> =>
    writeUntilKnown(
      [clientOf(workload, region)],
      (client) => client.change(entity, { operations: [operation] }, { mutationId }),
      { deadlineMillis: workload.patienceMillis },
    );
  const [first, second] = await Promise.all([attempt(near), attempt(far)]);
  const end = first.kind === 'ok' ? first : second;
  journalWrite(workload, {
    ...{ process, sessionName: null, region: near, parts: [partOf(entity, operation)] },
    ...{ mutationId, invoked, end },
  });
  counts.retried.raced += 1;
  if (first.kind === 'ok' && second.kind === 'ok' && first.write.dot === second.write.dot)
    counts.answeredAsBefore += 1;
}
