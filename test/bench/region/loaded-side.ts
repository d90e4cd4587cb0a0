import type { EventLog } from '#flow/ports/event-log.js';
import { countCosts, type SideCosts } from '../side/side-costs.js';
import type { Traffic } from '../cost-card.js';
import { closedLoop } from '../load/closed-loop.js';
import { entityId, writeLoad, type WriteLoadOptions } from '../load/document-writes.js';
import { familyOf, type FamilyName } from '../load/family-writes.js';
import { eventTimes, type EventKeys } from '../load/event-times.js';
import { seeded } from '../load/seeded.js';
import { sharedMillis } from '../machine.js';
import { serveSide } from '../side/serve-side.js';
import { percentilesOf, type Percentiles } from '../statistics.js';
import { watchingCommits } from './commit-times.js';
import { openRegion, type RegionSettings } from './open-region.js';
import { countRegion, trafficBetween } from './region-tally.js';

export interface LoadedSettings {
  readonly region: RegionSettings;
  readonly load: WriteLoadOptions;
  /** Whether it can say when events were durable here. */
  readonly notesCommits?: true;
}

/** So many of the writes go to one entity, the others to entities of this region's own. */
export interface Mix {
  readonly family: FamilyName;
  readonly hotShare: number;
  /** Of the one entity: new for each slice. */
  readonly hotId: string;
  readonly ownPrefix: string;
}

export type LoadedOrder =
  | {
      readonly kind: 'write';
      readonly inFlight: number;
      readonly seconds: number;
      readonly countMax?: number;
      readonly mix?: Mix;
      /** Answers only when Kafka has acknowledged all, on every cluster. */
      readonly publishes?: number;
    }
  /** Until it is told to end this: what others do to it meanwhile is counted. */
  | { readonly kind: 'watch' }
  | { readonly kind: 'unwatch' }
  /** When these events were durable here. */
  | { readonly kind: 'commits'; readonly keys: EventKeys }
  /** One document after the other, from rank `from`. */
  | {
      readonly kind: 'fill';
      readonly inFlight: number;
      readonly from: number;
      readonly count: number;
    }
  | {
      readonly kind: 'read';
      readonly inFlight: number;
      readonly seconds: number;
      readonly countMax: number;
      readonly from: number;
      readonly level: 'eventual' | 'session';
    }
  /** Until so many events of other regions are stored here, counted since the start. */
  | { readonly kind: 'applied'; readonly total: number; readonly withinMillis: number }
  /** How far it is, now. */
  | { readonly kind: 'tally' };

export interface LoadedAnswer {
  /** Done, and answered well. */
  readonly count: number;
  readonly seconds: number;
  readonly latencyMillis: Percentiles;
  /** Where commits were asked for, per key: times of the shared clock, `NaN` where there was none. */
  readonly commitMillis?: Float64Array;
  /** Foreign events stored here since the start. */
  readonly applied: number;
  /** Own events since the start. */
  readonly committed: number;
  /** Transactions meanwhile. */
  readonly batches: number;
  /** When it ended, by the shared clock. */
  readonly endMillis: number;
  readonly costs: SideCosts;
  readonly traffic: Traffic;
}

type Done = Omit<LoadedAnswer, 'costs' | 'traffic' | 'applied' | 'committed' | 'batches' | 'endMillis'>;

const maxWaitMillis = 10_000;
const nothing: Done = { count: 0, seconds: 0, latencyMillis: percentilesOf([]) };

serveSide<LoadedSettings, LoadedOrder, LoadedAnswer>(async ({ region, load: options, notesCommits }) => {
  const counted = countRegion();
  const commits = eventTimes();
  const { watch } = counted;
  const noting = { ...watch, log: (log: EventLog) => watchingCommits(watch.log?.(log) ?? log, commits) };
  const opened = await openRegion(region, notesCommits === true ? noting : watch);
  const load = writeLoad(options);
  const draw = seeded(options.seed + 1);
  let session: string | undefined;
  let unwatch: () => void = () => undefined;

  const mixed = async ({ family, hotShare, hotId, ownPrefix }: Mix): Promise<void> => {
    const { type, readsFirst, operation } = familyOf(family);
    const id = draw() < hotShare ? hotId : `${ownPrefix}-${load.nextEntity()}`;
    const entity = { type, id };
    const seen = readsFirst ? (await opened.process.read(entity, { maxWaitMillis })).seen : undefined;
    const operations = [operation(draw, load.nextBody)];
    const command = { entity, kind: 'update' as const, operations };
    await opened.process.submit(seen === undefined ? command : { ...command, observed: seen }, {
      maxWaitMillis,
    });
  };

  const loops: {
    [Kind in LoadedOrder['kind']]: (order: Extract<LoadedOrder, { kind: Kind }>) => Promise<Done>;
  } = {
    async write({ inFlight, seconds, countMax, mix, publishes }) {
      const act = async (): Promise<void> => {
        if (mix !== undefined) return mixed(mix);
        const { session: token } = await opened.process.submit(load.nextCommand(), { maxWaitMillis });
        session = token;
      };
      const limit = countMax === undefined ? {} : { countMax };
      const result = await closedLoop({ inFlight, seconds, act, ...limit });
      if (publishes !== undefined) await counted.whenPublished(publishes);
      return closed(result);
    },
    async fill({ inFlight, from, count }) {
      let next = from;
      const act = async (): Promise<void> => {
        const entity = { type: 'document', id: entityId(next++) };
        const operations = [{ field: 'body', op: 'set', value: load.nextBody() }];
        await opened.process.submit({ entity, kind: 'update', operations }, { maxWaitMillis });
      };
      return closed(await closedLoop({ inFlight, seconds: 600, countMax: count, act }));
    },
    async read({ inFlight, seconds, countMax, from, level }) {
      let next = from;
      const token = level === 'session' ? session : undefined;
      const options = { maxWaitMillis, ...(token === undefined ? {} : { session: token }) };
      const act = async (): Promise<void> => {
        const rank = from + ((next++ - from) % countMax);
        const { value } = await opened.process.read({ type: 'document', id: entityId(rank) }, options);
        if (value === undefined) throw new Error(`document ${rank} is not there`);
      };
      return closed(await closedLoop({ inFlight, seconds, act }));
    },
    tally: () => Promise.resolve(nothing),
    async watch() {
      const began = sharedMillis();
      await new Promise<void>((resolve) => (unwatch = resolve));
      return { ...nothing, seconds: (sharedMillis() - began) / 1000 };
    },
    unwatch() {
      unwatch();
      return Promise.resolve(nothing);
    },
    commits: ({ keys }) => Promise.resolve({ ...nothing, commitMillis: commits.of(keys) }),
    async applied({ total, withinMillis }) {
      const began = sharedMillis();
      const before = counted.now().applied;
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        const say = (): void => {
          const { applied } = counted.now();
          reject(new Error(`only ${applied} of ${total} events were applied within ${withinMillis} ms`));
        };
        timer = setTimeout(say, withinMillis);
      });
      await Promise.race([counted.whenApplied(total), late]);
      clearTimeout(timer);
      const writes = counted.now().applied - before;
      return closed({ writes, seconds: (sharedMillis() - began) / 1000, latencyMillis: percentilesOf([]) });
    },
  };

  return {
    async carryOut(order) {
      const spent = countCosts();
      const before = counted.now();
      const done = await (loops[order.kind] as (order: LoadedOrder) => Promise<Done>)(order);
      const after = counted.now();
      const traffic = trafficBetween(before, after);
      const { applied, committed } = after;
      const batches = after.batches - before.batches;
      return { ...done, applied, committed, batches, endMillis: sharedMillis(), costs: spent(), traffic };
    },
    close: () => opened.close(),
  };
});

function closed(result: {
  readonly writes: number;
  readonly seconds: number;
  readonly latencyMillis: Percentiles;
}): Done {
  const { writes, seconds, latencyMillis } = result;
  return { count: writes, seconds, latencyMillis };
}
