import { monitorEventLoopDelay } from 'node:perf_hooks';

/** What a side's own process spent while it did something. */
export interface SideCosts {
  readonly cpuMicros: number;
  /** At the end. */
  readonly residentBytes: number;
  /** How late the event loop was at p99. */
  readonly loopDelayP99Millis: number;
}

const resolutionMillis = 5;

/** Starts counting; what it answers stops and tells. */
export function countCosts(): () => SideCosts {
  const cpu = process.cpuUsage();
  const delay = monitorEventLoopDelay({ resolution: resolutionMillis });
  delay.enable();
  return () => {
    delay.disable();
    const { user, system } = process.cpuUsage(cpu);
    // The histogram holds the whole time between two of its timers.
    const p99 = delay.percentile(99) / 1e6 - resolutionMillis;
    return {
      cpuMicros: user + system,
      residentBytes: process.memoryUsage.rss(),
      loopDelayP99Millis: Math.max(0, p99),
    };
  };
}
