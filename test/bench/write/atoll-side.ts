import type { Telemetry } from '#flow/ports/telemetry.js';
import { closedLoop, type ClosedLoopResult } from '../load/closed-loop.js';
import { writeLoad, type WriteLoadOptions } from '../load/document-writes.js';
import { openRegion, type RegionSettings } from '../region/open-region.js';
import { serveSide } from '../side/serve-side.js';

export interface AtollSettings {
  readonly region: RegionSettings;
  readonly load: WriteLoadOptions;
}

export interface AtollOrder {
  readonly inFlight: number;
  readonly seconds: number;
}

export interface AtollAnswer extends ClosedLoopResult {
  /** Until Kafka had acknowledged the last of them, too. */
  readonly publishedSeconds: number;
  /** CPU time of this process: the region and the load generator in it. */
  readonly cpuMicros: number;
  readonly batches: number;
  readonly commitMillisMean: number;
}

/** Longer than any batch takes: a write that runs into it is an error of the bench. */
const maxWaitMillis = 10_000;

interface Tally {
  committed: number;
  published: number;
  batches: number;
  commitMillis: number;
  whenPublished: (() => void) | undefined;
}

/** Counts what the stations report, and passes it on to the real metrics: their cost belongs to the path. */
function counting(inner: Telemetry, tally: Tally): Telemetry {
  return {
    count(name, labels, by = 1) {
      if (name === 'events_committed_total') tally.committed += by;
      if (name === 'events_published_total') tally.published += by;
      if (tally.published >= tally.committed) tally.whenPublished?.();
      inner.count(name, labels, by);
    },
    gauge: (name, value, labels) => inner.gauge(name, value, labels),
    observe(name, value, labels) {
      if (name === 'commit_millis') {
        tally.batches += 1;
        tally.commitMillis += value;
      }
      inner.observe(name, value, labels);
    },
    log: (level, message, details) => inner.log(level, message, details),
  };
}

serveSide<AtollSettings, AtollOrder, AtollAnswer>(async ({ region, load: options }) => {
  const tally: Tally = { committed: 0, published: 0, batches: 0, commitMillis: 0, whenPublished: undefined };
  const opened = await openRegion(region, { telemetry: (inner) => counting(inner, tally) });
  const load = writeLoad(options);
  const allPublished = (): Promise<void> =>
    new Promise((resolve) => {
      tally.whenPublished = resolve;
      if (tally.published >= tally.committed) resolve();
    });
  return {
    async carryOut({ inFlight, seconds }) {
      const cpu = process.cpuUsage();
      const began = performance.now();
      const before = { ...tally };
      const result = await closedLoop({
        inFlight,
        seconds,
        act: async () => void (await opened.process.submit(load.nextCommand(), { maxWaitMillis })),
      });
      await allPublished();
      const publishedSeconds = (performance.now() - began) / 1000;
      const { user, system } = process.cpuUsage(cpu);
      const batches = tally.batches - before.batches;
      return {
        ...result,
        publishedSeconds,
        cpuMicros: user + system,
        batches,
        commitMillisMean: (tally.commitMillis - before.commitMillis) / Math.max(1, batches),
      };
    },
    close: () => opened.close(),
  };
});
