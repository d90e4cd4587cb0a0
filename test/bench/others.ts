import { cpus } from 'node:os';
import type { BenchResult } from './bench.js';
import { machineMicros, treesMicros } from './process-times.js';
import type { BenchServers } from './servers.js';

/** A run on a machine that others use as well measures them too. */
const othersShareMax = 0.1;

/**
 * Runs a bench, and finds out how much of the machine's processor time was spent by processes that are not its own. A run
 * beside more than a tenth is void.
 */
export async function besideOthers(
  servers: BenchServers,
  run: () => Promise<BenchResult>,
): Promise<BenchResult> {
  const read = async () => ({
    machine: machineMicros(),
    own: treesMicros([process.pid, ...(await servers.pids())]),
    at: performance.now(),
  });
  const before = await read();
  const result = await run();
  const after = await read();
  if (before.machine === undefined || after.machine === undefined) return result;
  const others = after.machine - before.machine - (after.own - before.own);
  const share = Math.max(0, others / ((after.at - before.at) * 1000 * cpus().length));
  const voidBecause =
    share <= othersShareMax
      ? result.voidBecause
      : [
          ...result.voidBecause,
          `other work took ${(share * 100).toFixed(0)} % of the machine's processor time`,
        ];
  return { ...result, othersShare: share, voidBecause };
}
