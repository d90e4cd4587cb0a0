import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface Timed<T> {
  readonly value: T;
  readonly millis: number;
}

export async function timed<T>(work: () => Promise<T>): Promise<Timed<T>> {
  const from = performance.now();
  const value = await work();
  return { value, millis: performance.now() - from };
}

const resolutionMillis = 1;

/**
 * How much later than after `maxWaitMillis` the work answers, without what this process itself was held up meanwhile: on
 * a machine that has other work, that is what any process on it has to add.
 */
export async function lateness<T>(
  maxWaitMillis: number,
  work: () => Promise<T>,
): Promise<{ readonly value: T; readonly lateMillis: number; readonly heldUpMillis: number }> {
  const delays = monitorEventLoopDelay({ resolution: resolutionMillis });
  delays.enable();
  const { value, millis } = await timed(work);
  delays.disable();
  const heldUpMillis = Math.max(0, delays.max / 1e6 - resolutionMillis);
  return { value, lateMillis: millis - maxWaitMillis - heldUpMillis, heldUpMillis };
}
