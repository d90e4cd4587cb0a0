import type { Traffic } from '../cost-card.js';
import { closedLoop, type ClosedLoopResult } from '../load/closed-loop.js';
import { writeLoad, type WriteLoadOptions } from '../load/document-writes.js';
import { openRegion, type RegionSettings } from '../region/open-region.js';
import { countRegion, trafficBetween } from '../region/region-tally.js';
import { serveSide } from '../side/serve-side.js';
import { countCosts, type SideCosts } from '../side/side-costs.js';

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
  readonly costs: SideCosts;
  readonly traffic: Traffic;
}

/** Longer than any batch takes: a write that runs into it is an error of the bench. */
const maxWaitMillis = 10_000;

serveSide<AtollSettings, AtollOrder, AtollAnswer>(async ({ region, load: options }) => {
  const counted = countRegion();
  const opened = await openRegion(region, counted.watch);
  const load = writeLoad(options);
  return {
    async carryOut({ inFlight, seconds }) {
      const spent = countCosts();
      const began = performance.now();
      const before = counted.now();
      const result = await closedLoop({
        inFlight,
        seconds,
        act: async () => void (await opened.process.submit(load.nextCommand(), { maxWaitMillis })),
      });
      await counted.whenPublished();
      const publishedSeconds = (performance.now() - began) / 1000;
      const after = counted.now();
      const costs = spent();
      const batches = after.batches - before.batches;
      return {
        ...result,
        publishedSeconds,
        cpuMicros: costs.cpuMicros,
        batches,
        commitMillisMean: (after.commitMillis - before.commitMillis) / Math.max(1, batches),
        costs,
        traffic: trafficBetween(before, after),
      };
    },
    close: () => opened.close(),
  };
});
