import type { BenchContext } from '../bench.js';
import { writeLoadDefault } from '../load/document-writes.js';
import { regionPair, startLoadedPair, stopsOf } from '../region/start-loaded.js';
import { asked } from '../servers.js';

/** Bytes that one further region which wrote an entity adds. */
export interface MetadataGrowth {
  readonly eventBytes: number;
  readonly entityBytes: number;
}

const arrivalMillisMax = 60_000;

/** The same entities, written by one region, by another that has seen that, and by the first again. */
export async function metadataGrowth(context: BenchContext, entities: number): Promise<MetadataGrowth> {
  const stops = stopsOf();
  try {
    const settings = await regionPair(context, { throughLinks: false, shortNames: true });
    const load = { ...writeLoadDefault, seed: 1 };
    const { near, far } = await startLoadedPair(context, settings, { load, stops });
    const { postgresUrl } = settings.far;
    const entityBytes = async (): Promise<number> =>
      Number(
        (await asked(postgresUrl, 'select avg(length(state)) as bytes from atoll.entity'))[0]?.['bytes'],
      );
    const applied = { near: 0, far: 0 };
    const written = async (by: 'near' | 'far'): Promise<void> => {
      const [writer, other] = by === 'near' ? [near, far] : [far, near];
      await writer.ask({ kind: 'fill', inFlight: 32, from: 0, count: entities });
      const to = by === 'near' ? 'far' : 'near';
      applied[to] += entities;
      await other.ask({ kind: 'applied', total: applied[to], withinMillis: arrivalMillisMax });
    };
    await written('near');
    await written('near');
    const before = await entityBytes();
    await written('far');
    await written('near');
    const eventBytes = await bytesByTurn(postgresUrl, settings.near.region);
    return {
      eventBytes: (eventBytes[2] ?? NaN) - (eventBytes[1] ?? NaN),
      entityBytes: (await entityBytes()) - before,
    };
  } finally {
    await stops.stop();
  }
}

/** The first region's events, by its turns at all entities: after the first, after its own, and after the other region's. */
async function bytesByTurn(url: string, region: string): Promise<readonly number[]> {
  const rows = await asked(
    url,
    `with own as (
       select event.seq, event.bytes, max(event.seq) over (partition by event.shard) as last
       from atoll.event join atoll.actor on actor.no = event.actor and actor.name like '${region}~%')
     select (seq - 1) * 3 / last as turn, avg(length(bytes)) as bytes from own group by turn order by turn`,
  );
  return rows.map(({ bytes }) => Number(bytes));
}
