import type { RegionClient } from '#client/region-client.js';
import { untilAnswered } from '#client/until-answered.js';
import { CommandFailed, exitCodes } from '../terminal/exit.js';

/** A region answers a barrier after so long at the latest; then it is asked again. */
const waitMillis = 5_000;

/**
 * Waits until every region has all that any region has stored by now.
 *
 * @throws CommandFailed naming what is missing where, when that takes longer than `millisMax`
 */
export async function awaitConvergence(regions: readonly RegionClient[], millisMax: number): Promise<void> {
  const deadline = performance.now() + millisMax;
  const barriers = await Promise.all(
    regions.map(async (region) => ({
      of: region.region,
      token: await untilAnswered(() => region.barrier(), millisMax),
    })),
  );
  await Promise.all(
    regions.flatMap((region) =>
      barriers
        .filter(({ of }) => of !== region.region)
        .map(async ({ of, token }) => {
          for (;;) {
            const { reached, missing } = await untilAnswered(
              () => region.awaitBarrier(token, waitMillis),
              millisMax,
            );
            if (reached) return;
            if (performance.now() < deadline) continue;
            const what = `${region.region} lacks what ${of} had stored: ${missing.slice(0, 5).join(', ')}`;
            throw new CommandFailed(exitCodes.notConverged, `not converged after ${millisMax} ms: ${what}`);
          }
        }),
    ),
  );
}
