import type { Feed } from '#client/feed.js';
import { newMutationId } from '#client/mutation-id.js';
import type { RegionClient } from '#client/region-client.js';
import { setTimeout as sleep } from 'node:timers/promises';

export interface LagMillis {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly samples: number;
}

/** By link, as `us->eu`. */
export type LagByLink = Readonly<Record<string, LagMillis>>;

export interface LagProbe {
  /** Begins to write; until then it only listens. */
  begin(): void;
  /** Stops writing, waits for what is under way, and tells what was measured. */
  finish(): Promise<LagByLink>;
}

const beatMillis = 25;
/** A beat that has not arrived by then is not waited for when the probe ends. */
const lastBeatMillisMax = 5_000;

/**
 * Measures how long a write takes to be visible in each other region: each region writes a beat every 25 ms, and a
 * reader of each other region's change feed notes when it is told. The time runs from the origin's stamp, before its
 * commit, to the reader's ear; it needs one wall clock, which is why it is for one machine.
 */
export async function startLagProbe(regions: readonly RegionClient[], run: string): Promise<LagProbe> {
  const lags = new Map<string, number[]>();
  const writtenBy = new Map<string, number>();
  const heard = new Map<string, number>();
  const feeds: Feed[] = [];
  for (const listener of regions) {
    feeds.push(
      await listener.changes({ type: 'probe' }, (notice) => {
        const origin = notice.id.split('.')[0] ?? '';
        if (notice.id !== `${origin}.${run}` || origin === listener.region) return;
        const link = `${origin}->${listener.region}`;
        const lag = Date.now() - notice.time.wallMillis;
        const measured = lags.get(link);
        if (measured) measured.push(lag);
        else lags.set(link, [lag]);
        heard.set(link, Math.max(heard.get(link) ?? 0, Number(notice.value?.['beat'] ?? 0)));
      }),
    );
  }
  let stopped = false;
  let writers: readonly Promise<void>[] = [];
  const write = async (client: RegionClient): Promise<void> => {
    const entity = { type: 'probe', id: `${client.region}.${run}` };
    for (let beat = 1; !stopped; beat += 1) {
      const operations = [{ field: 'beat', op: 'raise', value: beat }];
      const written = await client
        .change(entity, { operations }, { mutationId: newMutationId(client.region) })
        .catch(() => undefined);
      if (written) writtenBy.set(client.region, beat);
      await sleep(beatMillis);
    }
  };
  const allHeard = (): boolean =>
    regions.every((origin) =>
      regions.every((listener) => {
        if (origin === listener) return true;
        return (
          (heard.get(`${origin.region}->${listener.region}`) ?? 0) >= (writtenBy.get(origin.region) ?? 0)
        );
      }),
    );
  return {
    begin() {
      writers = regions.map(write);
    },
    async finish() {
      stopped = true;
      await Promise.all(writers);
      const deadline = performance.now() + lastBeatMillisMax;
      while (!allHeard() && performance.now() < deadline) await sleep(beatMillis);
      for (const feed of feeds) feed.stop();
      return Object.fromEntries([...lags].toSorted().map(([link, measured]) => [link, summarize(measured)]));
    },
  };
}

export function summarize(measured: readonly number[]): LagMillis {
  const sorted = measured.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), samples: sorted.length };
}
