import { percentilesOf, type Percentiles } from '../statistics.js';

export interface ClosedLoop {
  readonly inFlight: number;
  readonly seconds: number;
  /** No more than so many are begun. */
  readonly countMax?: number;
  /** One write: resolves when it is durable. */
  readonly act: (lane: number) => Promise<void>;
}

export interface ClosedLoopResult {
  readonly writes: number;
  /** Until the last one was answered. */
  readonly seconds: number;
  readonly latencyMillis: Percentiles;
}

/** As many writers as may be in flight, each beginning the next write when its last one was answered. */
export async function closedLoop({
  inFlight,
  seconds,
  countMax = Infinity,
  act,
}: ClosedLoop): Promise<ClosedLoopResult> {
  const began = performance.now();
  const until = began + seconds * 1000;
  const latencies: number[] = [];
  let begun = 0;
  const writers = Array.from({ length: inFlight }, async (_, lane) => {
    for (let start = performance.now(); start < until && begun < countMax;) {
      begun += 1;
      await act(lane);
      const end = performance.now();
      latencies.push(end - start);
      start = end;
    }
  });
  await Promise.all(writers);
  return {
    writes: latencies.length,
    seconds: (performance.now() - began) / 1000,
    latencyMillis: percentilesOf(latencies),
  };
}
