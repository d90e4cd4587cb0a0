import type { RegionClient } from '#client/region-client.js';
import type { DevStack } from '#io/devstack/stack.js';
import { cutBetween, healBetween, rankedPairs } from '../dev/links.js';
import type { Journal } from '../judge/journal.js';
import { valueKey } from '../judge/judge.js';
import { changeInBatch, type WantedInBatch } from '../load/batch.js';
import { readAll } from '../load/evidence.js';
import type { LagProbe } from '../load/lag-probe.js';
import { paceOf, trackProgress } from '../load/progress.js';
import type { RetailLine } from '../load/retail-file.js';
import { planRetail } from '../load/retail-plan.js';
import {
  raceLines,
  replayRetail,
  startCounts,
  type ReplayCounts,
  type RetailReplay,
} from '../load/retail-replay.js';
import type { Workload } from '../load/workload.js';
import type { Output } from '../terminal/output.js';
import type { TourInput } from './tour-input.js';

export interface ReplayStep {
  readonly workload: Workload;
  readonly stack: DevStack;
  readonly input: TourInput;
  readonly output: Output;
  readonly journal: Journal;
  readonly probe: LagProbe;
}

export interface ReplayedLines {
  readonly counts: ReplayCounts;
  readonly cut: { readonly link: string; readonly seconds: number };
  readonly seconds: number;
  /** Mutation ids of the commands of the lines; the coupons of the cut are none of them. */
  readonly mutationIds: ReadonlySet<string>;
}

/**
 * At most so many. Two cores take fewer (about 650 measured with everything on one machine): there the replay runs as
 * fast as it can, and the lag that is measured meanwhile is that of a loaded machine, queues included.
 */
const commandsPerSecond = 1_000;
/** Carts that both ends of the cut link give a coupon: each makes a conflict that somebody may want to look at. */
const couponCarts = 130;
const cutFrom = 0.35;
const cutUntil = 0.65;

/** What the counters of the replay read as before it, where an earlier run was kept. */
export async function readBefore(
  regions: readonly RegionClient[],
  lines: readonly RetailLine[],
): Promise<ReadonlyMap<string, number>> {
  const [region] = regions;
  const before = new Map<string, number>();
  if (region === undefined) return before;
  const touched = new Map([
    ['product', new Set(lines.map(({ stockCode }) => stockCode))],
    ['cart', new Set(lines.map(({ cart }) => cart))],
  ]);
  for (const { type, id, value } of await readAll(region, touched)) {
    for (const [field, shown] of Object.entries(value ?? {})) {
      if (typeof shown === 'number') before.set(valueKey(type, id, field), shown);
      if (typeof shown !== 'object' || shown === null) continue;
      for (const [key, count] of Object.entries(shown)) {
        if (typeof count === 'number')
          before.set(valueKey(type, id, `${field}/${encodeURIComponent(key)}`), count);
      }
    }
  }
  return before;
}

/** Replays the lines through all regions at once, with the longest link cut in the middle. */
export async function replayLines(step: ReplayStep): Promise<ReplayedLines> {
  const { workload, stack, input, output, journal, probe } = step;
  const regions = stack.regions.map(({ region }) => region);
  const plan = planRetail(input.lines, regions);
  const total = 2 * input.lines.length;
  const progress = trackProgress(total);
  const counts = startCounts();
  const replay: RetailReplay = {
    ...{ workload, lines: input.lines, plan, progress, counts },
    pace: paceOf(commandsPerSecond),
  };
  const { longest } = await rankedPairs(stack);
  const begun = performance.now();
  probe.begin();
  output.say(
    `   ${input.lines.length} lines, ${total} commands, through ${regions.join(', ')} at once; ` +
      `${plan.moving.length} customers move`,
  );
  const told = tellProgress(replay, output);
  const replaying = replayRetail(replay);
  const cutting = cutInTheMiddle({ ...step, replay, longest });
  const [cut] = await Promise.all([cutting, replaying]);
  const seconds = (performance.now() - begun) / 1000;
  await told;
  const { again, elsewhere, raced } = counts.retried;
  output.say(
    `   ${counts.commands} commands, ${Math.round(counts.commands / seconds)} a second; sent twice on purpose: ` +
      `${again} to the same region, ${elsewhere} to another, ${raced} to both ends of the cut`,
  );
  const isOfLines = (field: string | null): boolean => field !== null && field !== 'coupon';
  const written = journal.operations.filter(({ kind, field }) => kind === 'increment' && isOfLines(field));
  return { counts, cut, seconds, mutationIds: new Set(written.map(({ mutationId }) => mutationId ?? '')) };
}

async function tellProgress({ progress }: RetailReplay, output: Output): Promise<void> {
  const begun = performance.now();
  for (const share of [0.25, 0.5, 0.75]) {
    await progress.reached(share);
    const seconds = ((performance.now() - begun) / 1000).toFixed(1);
    output.say(`   ${progress.done()} of ${progress.total} commands after ${seconds} s`);
  }
}

async function cutInTheMiddle(
  step: ReplayStep & { readonly replay: RetailReplay; readonly longest: readonly [string, string] },
): Promise<ReplayedLines['cut']> {
  const { stack, output, journal, replay, longest } = step;
  const link = longest.join('<->');
  // The raced lines belong to the cut, so the others alone reach only a part of the whole.
  await replay.progress.reached(cutFrom);
  const begun = performance.now();
  await cutBetween(stack, ...longest);
  journal.fault('cut', longest.join('-'), 'both ways');
  output.say(`   the link ${link} is cut`);
  try {
    await grantCoupons(step, longest);
    await raceLines(replay, longest);
    await replay.progress.reached(cutUntil);
  } finally {
    await healBetween(stack, ...longest);
    journal.fault('heal', longest.join('-'), 'both ways');
  }
  const seconds = Math.round((performance.now() - begun) / 100) / 10;
  output.say(`   the link ${link} is healed after ${seconds} s`);
  return { link, seconds };
}

/** Both ends of the cut grant a coupon for the same carts at the same time: neither can know of the other's. */
async function grantCoupons(
  { workload, input }: ReplayStep,
  regions: readonly [string, string],
): Promise<void> {
  const carts = [...new Set(input.lines.map(({ cart }) => cart))].slice(0, couponCarts);
  await Promise.all(
    regions.map((region) =>
      changeInBatch(
        workload,
        region,
        carts.map((id): WantedInBatch => ({
          process: workload.nextProcess(),
          entity: { type: 'cart', id },
          operations: [{ field: 'coupon', op: 'set', value: `${region}-${workload.journal.run}-${id}` }],
        })),
      ),
    ),
  );
}
