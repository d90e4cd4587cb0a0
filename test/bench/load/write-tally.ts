import { sharedMillis } from '../machine.js';
import { percentilesOf, type Percentiles } from '../statistics.js';
import type { ChangeOutcome } from './batch-channel.js';
import { gatherKeys, type EventKeys } from './event-times.js';

/** A part of an open loop. */
export interface TimeSlice {
  /** Answered well within it. */
  readonly answered: number;
  /** Of those that were due in it. */
  readonly latencyMillis: Percentiles;
}

/** Times of the shared clock, in milliseconds, per event of `keys`. */
export interface WrittenEvents {
  readonly keys: EventKeys;
  readonly intended: Float64Array;
  readonly acknowledged: Float64Array;
}

export interface TalliedWrites {
  /** Answered well. */
  readonly count: number;
  /** From the intended start where the loop is open. */
  readonly latencyMillis: Percentiles;
  /** Refused ones, by the code of the error. */
  readonly refused: Readonly<Record<string, number>>;
  readonly slices: readonly TimeSlice[];
  readonly written: WrittenEvents | null;
}

export interface WriteTally {
  /** The outcomes of one call, just now, and when each of its writes was due. */
  answered(outcomes: readonly ChangeOutcome[], due: readonly number[]): void;
  result(): TalliedWrites;
}

/** Counts what became of writes, as a whole and by the part of the time in which they were due. */
export function writeTally({
  began,
  sliceSeconds,
  lists,
}: {
  readonly began: number;
  readonly sliceSeconds: number;
  readonly lists: boolean;
}): WriteTally {
  const refused: Record<string, number> = {};
  const latencies: number[] = [];
  const slices: { answered: number; latencies: number[] }[] = [];
  const keys = gatherKeys();
  const intended: number[] = [];
  const acknowledged: number[] = [];
  const sliceAt = (millis: number) => {
    const index = Math.max(0, Math.floor((millis - began) / (sliceSeconds * 1000)));
    while (slices.length <= index) slices.push({ answered: 0, latencies: [] });
    return slices[index] as (typeof slices)[number];
  };
  const written = (): WrittenEvents => ({
    keys: keys.keys(),
    intended: Float64Array.from(intended),
    acknowledged: Float64Array.from(acknowledged),
  });
  return {
    answered(outcomes, due) {
      const now = sharedMillis();
      for (const [at, outcome] of outcomes.entries()) {
        const start = due[at] ?? now;
        if ('refused' in outcome) {
          refused[outcome.refused] = (refused[outcome.refused] ?? 0) + 1;
          continue;
        }
        latencies.push(now - start);
        sliceAt(now).answered += 1;
        sliceAt(start).latencies.push(now - start);
        if (!lists) continue;
        keys.add(outcome.dot);
        intended.push(start);
        acknowledged.push(now);
      }
    },
    result: () => ({
      count: latencies.length,
      latencyMillis: percentilesOf(latencies),
      refused,
      slices: slices.map(({ answered, latencies: those }) => ({
        answered,
        latencyMillis: percentilesOf(those),
      })),
      written: lists ? written() : null,
    }),
  };
}
