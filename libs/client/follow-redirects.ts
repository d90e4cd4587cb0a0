import { RequestRefused } from './errors.js';
import type { CallOptions, RegionClient } from './region-client.js';
import type { Problem } from './wire.js';

/**
 * A client that goes where it is sent: a read at `bounded;…;else=redirect` that its region answers with `read_elsewhere`
 * is read in the region which that names, within what is left of its maximum wait. The answer says which region it is from.
 *
 * @param others clients of other regions; a region that is not among them stays a `read_elsewhere`
 */
export function followRedirects(client: RegionClient, others: readonly RegionClient[]): RegionClient {
  const following = async <T>(
    options: CallOptions | undefined,
    read: (region: RegionClient, options: CallOptions | undefined) => Promise<T>,
  ): Promise<T> => {
    const begun = performance.now();
    // Who sends a client back to where it has been would send it round and round.
    const left = new Set(others);
    for (let [region, now] = [client, options]; ;) {
      try {
        return await read(region, now);
      } catch (error) {
        const next = [...left].find((other) => namedBy(error).includes(other.region));
        if (next === undefined) throw error;
        left.delete(next);
        region = next;
        now = withinRest(options, performance.now() - begun);
      }
    }
  };
  return {
    ...client,
    read: (entity, options) => following(options, (region, now) => region.read(entity, now)),
    readMany: (type, ids, options) => following(options, (region, now) => region.readMany(type, ids, now)),
  };
}

/** The regions that were fresh enough when the error was made. */
function namedBy(error: unknown): readonly string[] {
  if (!(error instanceof RequestRefused) || error.code !== 'read_elsewhere') return [];
  return (error.problem as Problem & { readonly regions?: readonly string[] }).regions ?? [];
}

function withinRest(options: CallOptions | undefined, spentMillis: number): CallOptions | undefined {
  if (options?.maxWaitMillis === undefined) return options;
  return { ...options, maxWaitMillis: Math.max(1, Math.round(options.maxWaitMillis - spentMillis)) };
}
