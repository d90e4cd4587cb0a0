import { sharedMillis } from '../machine.js';
import { percentilesOf, type Percentiles } from '../statistics.js';

export interface OpenLoop {
  readonly perSecond: number;
  readonly seconds: number;
  /** Begins one write, due at `intendedMillis` of the shared clock. Must not throw. */
  readonly begin: (number: number, intendedMillis: number) => void;
  /** All that is due within so long is due together, at its end: for whoever sends it together. Absent: each by itself. */
  readonly tickMillis?: number;
  /** All that was due at one look at the clock has begun. */
  readonly ticked?: () => void;
  /** Ends it before its time. */
  readonly stopped?: () => boolean;
}

export interface OpenLoopResult {
  readonly begun: number;
  /** How much later than due the writes were begun. */
  readonly lateMillis: Percentiles;
}

/** Beyond this the generator measures itself: the run is void. */
export const generatorLateMillisMax = 5;

/** Begins writes at their due times, whatever became of those before. */
export async function openLoop({
  perSecond,
  seconds,
  begin,
  tickMillis = 0,
  ticked = () => undefined,
  stopped = () => false,
}: OpenLoop): Promise<OpenLoopResult> {
  const count = Math.round(perSecond * seconds);
  const apart = 1000 / perSecond;
  const late: number[] = [];
  const start = sharedMillis() + apart;
  const dueAt = (number: number): number => {
    const millis = number * apart;
    return start + (tickMillis === 0 ? millis : Math.ceil(millis / tickMillis) * tickMillis);
  };
  while (late.length < count && !stopped()) {
    for (let now = sharedMillis(); late.length < count; now = sharedMillis()) {
      const due = dueAt(late.length);
      if (due > now) break;
      begin(late.length, due);
      late.push(now - due);
    }
    ticked();
    // A timer of one millisecond is the shortest there is; spinning would take a core from what is measured.
    const millis = tickMillis === 0 ? 1 : Math.max(1, Math.floor(dueAt(late.length) - sharedMillis()));
    await new Promise((resolve) => setTimeout(resolve, millis));
  }
  return { begun: late.length, lateMillis: percentilesOf(late) };
}

/** Why a run at these latenesses proves nothing; `undefined` when the generator kept its time. */
export function whyVoid(
  side: string,
  { lateMillis }: Pick<OpenLoopResult, 'lateMillis'>,
): string | undefined {
  const { p99 } = lateMillis;
  if (p99 <= generatorLateMillisMax) return undefined;
  return `the generator of ${side} was late by ${p99.toFixed(1)} ms at p99 (at most ${generatorLateMillisMax})`;
}
