import type { Command } from 'commander';
import { readQuarantine, readRefused, readShards } from '#client/admin.js';
import { NoAnswer, RequestRefused } from '#client/errors.js';
import type { RegionClient } from '#client/region-client.js';
import type { EntityRef, HistoryEntry } from '#client/wire.js';
import { parseDot } from '#core/causality/dot.js';
import { CommandFailed, exitCodes } from '../terminal/exit.js';
import { addWhere, regionsOf, type Invocation, type Where } from './invocation.js';

interface TraceFlags extends Where {
  readonly entity?: string;
}

/** Where one event is in one region. */
interface EventPlace {
  readonly region: string;
  readonly dot: string;
  readonly state:
    'not here' | 'stored' | 'pending' | 'parked' | 'folded' | 'alias' | 'refused' | 'unreachable';
  readonly detail: string;
  /** When its origin stamped it; `null` where the entity is not known. */
  readonly stamped: string | null;
}

/** Nothing changes any more in what the region shows of it. */
const settledStates: ReadonlySet<EventPlace['state']> = new Set(['folded', 'alias', 'refused']);

export function addTraceCommand(program: Command, invocation: Invocation): void {
  addWhere(
    program
      .command('trace')
      .description('where an event is, in every region')
      .argument('<event>', 'a dot (us~1:7:42) or a mutation id'),
    { withRegion: false },
  )
    .option('--entity <type/id>', 'its entity, to show also how it was merged (a mutation id tells it)')
    .action((event: string, flags: TraceFlags) =>
      invocation.run(async (output) => {
        const regions = regionsOf(flags);
        const given = flags.entity === undefined ? undefined : readEntity(flags.entity);
        const { dots, entity } = parseDot(event)
          ? { dots: [event], entity: given }
          : await dotsOf(event, regions);
        const places = await Promise.all(
          dots.flatMap((dot) => regions.map((region) => placeOf(region, dot, entity ?? given))),
        );
        output.answer({ event, entity: entity ?? null, places }, () =>
          output.table({
            columns: ['event', 'region', 'state', 'stamped', 'detail'],
            rows: places.map(({ dot, region, state, stamped, detail }) => [
              dot,
              region,
              state,
              stamped ?? '',
              detail,
            ]),
          }),
        );
        const settled = places.every(({ state }) => settledStates.has(state));
        if (places.some(({ state }) => state === 'unreachable')) return exitCodes.unreachable;
        return settled ? exitCodes.ok : exitCodes.notConverged;
      }),
    );
}

function readEntity(text: string): EntityRef {
  const cut = text.indexOf('/');
  if (cut < 1) throw new CommandFailed(exitCodes.usage, `--entity is type/id, not ${JSON.stringify(text)}`);
  return { type: text.slice(0, cut), id: text.slice(cut + 1) };
}

/** All events that a command became, by any region that knows it. */
async function dotsOf(
  mutationId: string,
  regions: readonly RegionClient[],
): Promise<{ readonly dots: readonly string[]; readonly entity: EntityRef }> {
  const dots = new Set<string>();
  let entity: EntityRef | undefined;
  for (const region of regions) {
    try {
      const { type, id, copies } = await region.writeStatus(mutationId);
      entity = { type, id };
      for (const { dot } of copies) dots.add(dot);
    } catch (error) {
      const unknownHere = error instanceof RequestRefused && error.code === 'write_not_found';
      if (!unknownHere && !(error instanceof NoAnswer)) throw error;
    }
  }
  if (entity !== undefined) return { dots: [...dots].toSorted(), entity };
  throw new CommandFailed(
    exitCodes.refused,
    `no region that answers knows ${mutationId}: neither a dot such as us~1:7:42 nor the mutation id of a stored write`,
  );
}

async function placeOf(
  region: RegionClient,
  dot: string,
  entity: EntityRef | undefined,
): Promise<EventPlace> {
  const place = (state: EventPlace['state'], detail = '', stamped: string | null = null): EventPlace => ({
    ...{ region: region.region, dot, state, detail, stamped },
  });
  try {
    const entry = entity === undefined ? undefined : await findInHistory(region, entity, dot);
    if (entry !== undefined) {
      return place(entry.merged, entry.reason ?? '', new Date(entry.time.wallMillis).toISOString());
    }
    const parsed = parseDot(dot);
    const shard = (await readShards(region)).find((one) => one.shard === parsed?.shard);
    const { stored = 0, folded = 0 } = shard?.cursors[parsed?.dot.actor ?? ''] ?? {};
    const seq = parsed?.dot.seq ?? 0;
    if (seq > stored) return place('not here', `stored up to ${stored}`);
    if ((await readRefused(region)).some((one) => one.dot === dot)) return place('refused');
    if (seq <= folded) return place('folded');
    const waiting = (await readQuarantine(region)).find((one) => one.dot === dot);
    if (waiting === undefined) return place('stored', 'something before it waits: --entity tells of itself');
    return place(waiting.state, waiting.reason ?? `waits for ${waiting.waitsFor ?? 'nothing'}`);
  } catch (error) {
    if (error instanceof NoAnswer) return place('unreachable', error.message);
    throw error;
  }
}

const historyPage = 1_000;

async function findInHistory(
  region: RegionClient,
  entity: EntityRef,
  dot: string,
): Promise<HistoryEntry | undefined> {
  for (let offset: number | null = 0; offset !== null;) {
    const page = await region.history(entity, { limit: historyPage, offset });
    const found = page.entries.find((entry) => entry.dot === dot);
    if (found !== undefined) return found;
    offset = page.next;
  }
  return undefined;
}
