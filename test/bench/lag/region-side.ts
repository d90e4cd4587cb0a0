import type { EventLog } from '#flow/ports/event-log.js';
import type { Traffic } from '../cost-card.js';
import { writeLoad, type WriteLoadOptions } from '../load/document-writes.js';
import { openLoop, type OpenLoopResult } from '../load/open-loop.js';
import { sharedMillis } from '../machine.js';
import { openRegion, type RegionSettings } from '../region/open-region.js';
import { countRegion, trafficBetween } from '../region/region-tally.js';
import { serveSide } from '../side/serve-side.js';
import { countCosts, type SideCosts } from '../side/side-costs.js';

export interface LagRegionSettings {
  readonly region: RegionSettings;
  readonly load: WriteLoadOptions;
  /** Whether this region has a reader that is told of every change. */
  readonly reads: boolean;
}

export type LagOrder =
  | { readonly kind: 'write'; readonly perSecond: number; readonly seconds: number }
  /** Waits until each of these events has been told to the reader. */
  | { readonly kind: 'seen'; readonly keys: Float64Array; readonly withinMillis: number };

/** Times of the shared clock, in milliseconds. */
export interface Written {
  readonly key: number;
  readonly intended: number;
  readonly committed: number;
  readonly acknowledged: number;
}

export interface Seen {
  readonly key: number;
  /** When the transaction that applied it was durable here. */
  readonly applied: number;
  /** When a consumer of the change feed had the value. */
  readonly told: number;
}

export type LagAnswer =
  | {
      readonly kind: 'written';
      readonly writes: readonly Written[];
      readonly failures: number;
      readonly loop: OpenLoopResult;
      /** Until the last one was answered. */
      readonly costs: SideCosts;
      readonly traffic: Traffic;
    }
  | {
      readonly kind: 'seen';
      readonly changes: readonly Seen[];
      /** Notices of an event that had been told before. A feed may do so; its consumers know events by their dots. */
      readonly toldAgain: number;
    };

const maxWaitMillis = 10_000;

/** One number for an event of one actor: cheaper to keep and to send than its text. */
function keyOf(shard: number, seq: number): number {
  return shard * 2 ** 40 + seq;
}

/** Notes when the events of a commit were durable: the moment the database said so. */
function watchingCommits(log: EventLog, note: (key: number, millis: number) => void): EventLog {
  const watched = Object.create(log) as { commit: EventLog['commit'] } & EventLog;
  watched.commit = async (shards) => {
    const answer = await log.commit(shards);
    const now = sharedMillis();
    for (const { shard, events } of shards) {
      if (answer.fenced.includes(shard)) continue;
      for (const { event } of events) note(keyOf(shard, event.dot.seq), now);
    }
    return answer;
  };
  return watched;
}

serveSide<LagRegionSettings, LagOrder, LagAnswer>(async ({ region, load: options, reads }) => {
  const committed = new Map<number, number>();
  const seen = new Map<number, Seen>();
  let toldAgain = 0;
  let whenTold: (key: number) => void = () => undefined;
  const counted = countRegion();
  const opened = await openRegion(region, {
    ...counted.watch,
    log: (log) =>
      watchingCommits(counted.watch.log?.(log) ?? log, (key, millis) => committed.set(key, millis)),
  });
  const load = writeLoad(options);
  if (reads) {
    opened.process.changes({}, ({ dot }) => {
      const told = sharedMillis();
      const [, shard, seq] = dot.split(':');
      const key = keyOf(Number(shard), Number(seq));
      if (seen.has(key)) toldAgain += 1;
      else seen.set(key, { key, applied: committed.get(key) ?? NaN, told });
      whenTold(key);
      return Promise.resolve();
    });
  }

  const write = async (perSecond: number, seconds: number): Promise<LagAnswer> => {
    committed.clear();
    const writes: Written[] = [];
    const under: Promise<void>[] = [];
    let failures = 0;
    const spent = countCosts();
    const before = counted.now();
    const loop = await openLoop({
      perSecond,
      seconds,
      begin(_number, intended) {
        const answered = opened.process.submit(load.nextCommand(), { maxWaitMillis }).then(
          ({ dot, shard }) => {
            const key = keyOf(shard, dot.seq);
            const at = committed.get(key) ?? NaN;
            writes.push({ key, intended, committed: at, acknowledged: sharedMillis() });
          },
          () => void (failures += 1),
        );
        under.push(answered);
      },
    });
    await Promise.all(under);
    const traffic = trafficBetween(before, counted.now());
    return { kind: 'written', writes, failures, loop, costs: spent(), traffic };
  };

  /** Answers when all are told, or when the time is over: whoever asked sees which are missing. */
  const untilSeen = (keys: Float64Array, withinMillis: number): Promise<LagAnswer> =>
    new Promise((resolve) => {
      const missing = new Set(keys);
      for (const key of seen.keys()) missing.delete(key);
      const answer = (): void => {
        clearTimeout(late);
        whenTold = () => undefined;
        const changes = [...keys].flatMap((key) => seen.get(key) ?? []);
        for (const key of keys) {
          seen.delete(key);
          committed.delete(key);
        }
        resolve({ kind: 'seen', changes, toldAgain });
        toldAgain = 0;
      };
      const late = setTimeout(answer, withinMillis);
      whenTold = (key) => {
        missing.delete(key);
        if (missing.size === 0) answer();
      };
      if (missing.size === 0) answer();
    });

  return {
    carryOut: (order) =>
      order.kind === 'write'
        ? write(order.perSecond, order.seconds)
        : untilSeen(order.keys, order.withinMillis),
    close: () => opened.close(),
  };
});
