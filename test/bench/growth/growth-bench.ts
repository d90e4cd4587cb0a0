import { randomBytes } from 'node:crypto';
import type { Bench, BenchContext, BenchResult, Scale, Target } from '../bench.js';
import { costRow } from '../cost-card.js';
import { rateCells, ratioText, spreadText } from '../figures.js';
import { writeLoadDefault } from '../load/document-writes.js';
import {
  shardsDefault,
  soloRegion,
  startLoaded,
  stopsOf,
  type LoadedRegion,
  type Stops,
} from '../region/start-loaded.js';
import { alternating, type Rounds } from '../rounds.js';
import { startSide, type Side } from '../side/start-side.js';
import { pairedRatios, spreadOf, type Spread } from '../statistics.js';
import { openClusters } from './clusters.js';
import { logText, measureLogs, startLogs, type LogPlan, type LogSides } from './log-growth.js';
import { metadataGrowth, type MetadataGrowth } from './metadata.js';
import type { ProduceAnswer, ProduceOrder, ProduceSettings } from './produce-side.js';
import { sliceOf, type Produced, type Slice } from './slice.js';
import { startTopology, writeThere, type Topology } from './topology.js';

interface Plan {
  readonly rounds: number;
  readonly seconds: number;
  readonly few: number;
  readonly many: number;
  /** Regions of the smaller and of the larger topology; the smoke run has no more clusters than the stack. */
  readonly regions: readonly [number, number];
  /** Written in a slice of a topology: the same for all, so that slower ones have no smaller batches. */
  readonly regionEvents: number;
  readonly metadataEntities: number;
  readonly logs: LogPlan;
}

const plans: Readonly<Record<Scale, Plan>> = {
  full: {
    rounds: 3,
    seconds: 3,
    few: 1_000,
    many: 1_000_000,
    regions: [2, 5],
    regionEvents: 20_000,
    metadataEntities: 500,
    logs: { rounds: 5, entities: 10_000, few: 50_000, many: 1_000_000, sliceEvents: 10_000 },
  },
  smoke: {
    rounds: 1,
    seconds: 0.3,
    few: 100,
    many: 1_000,
    regions: [1, 2],
    regionEvents: 500,
    metadataEntities: 20,
    logs: { rounds: 1, entities: 100, few: 400, many: 1_600, sliceEvents: 200 },
  },
};

const inFlight = 256;
const wanted = { many: 0.8, manyEvents: 0.8, shareOfOrigin: 0.05, metadataBytes: 24 };

interface Sides {
  readonly few: Slice;
  readonly many: Slice;
  readonly fewRegions: Slice;
  readonly manyRegions: Slice;
  /** CPU microseconds per event of one more produce of the same batches. */
  readonly produce: number;
}

interface Filled {
  readonly few: LoadedRegion;
  readonly many: LoadedRegion;
}

interface Started extends Filled {
  readonly fewRegions: Topology;
  readonly manyRegions: Topology;
  readonly produce: Side<ProduceOrder, ProduceAnswer>;
}

/** The same writes with more entities, with a longer log, and with more regions to publish to. */
export const growthBench: Bench = {
  name: 'growth',
  async run(context) {
    const plan = plans[context.scale];
    const stops = stopsOf();
    const logStops = stopsOf();
    const seed = randomBytes(4).readUInt32BE();
    try {
      // All at once: what each of them waits for leaves the cores to the others.
      const [filled, regions] = await Promise.all([
        fill(context, plan, { seed, stops }),
        startLogs(context, plan.logs, { inFlight, seed, stops: logStops }),
      ]);
      const logs = await measureLogs(context, plan.logs, { regions, inFlight });
      await logStops.stop();
      const started = await start(context, plan, { filled, seed, stops });
      const rounds = await measure(context, plan, started);
      const metadata = await metadataGrowth(context, plan.metadataEntities);
      return resultOf(context, plan, { rounds, logs, metadata });
    } finally {
      await Promise.all([stops.stop(), logStops.stop()]);
    }
  },
};

interface Setting {
  readonly seed: number;
  readonly stops: Stops;
}

async function fill(context: BenchContext, plan: Plan, { seed, stops }: Setting): Promise<Filled> {
  const filled = async (entities: number): Promise<LoadedRegion> => {
    const load = { ...writeLoadDefault, seed, entities };
    const region = stops.add(await startLoaded(context, await soloRegion(context), load));
    context.progress.now(`growth: writing ${entities} entities`);
    await region.ask({ kind: 'fill', inFlight, from: 0, count: entities });
    return region;
  };
  const [few, many] = await Promise.all([filled(plan.few), filled(plan.many)]);
  return { few, many };
}

async function start(
  context: BenchContext,
  plan: Plan,
  { filled, seed, stops }: Setting & { readonly filled: Filled },
): Promise<Started> {
  const { progress, servers } = context;
  progress.now(`growth: starting clusters for ${plan.regions[1]} regions`);
  const clusters = await openClusters(context, plan.regions[1]);
  stops.add({ stop: () => clusters.stop() });
  const load = { ...writeLoadDefault, seed };
  const topology = async (regions: number): Promise<Topology> => {
    progress.now(`growth: starting ${regions} regions`);
    const all = await startTopology(context, clusters.brokers.slice(0, regions), { load, stops });
    await writeThere(context, all, { inFlight, events: plan.regionEvents / 2 });
    return all;
  };
  // Alone it is what there is already: a moment's run starts no process that it can do without.
  const single: Topology = { regions: 1, origin: filled.few, others: [] };
  const fewRegions = plan.regions[0] === 1 ? single : await topology(plan.regions[0]);
  const manyRegions = await topology(plan.regions[1]);
  const produce = stops.add(
    await startSide<ProduceSettings, ProduceOrder, ProduceAnswer>({
      module: new URL('./produce-side.js', import.meta.url),
      settings: {
        brokers: servers.near.kafkaBrokers,
        driver: context.driver,
        topic: `bench.produce.${randomBytes(4).toString('hex')}`,
        partitions: shardsDefault,
      },
    }),
  );
  await produce.ask({ requests: plan.regionEvents / 100, records: shardsDefault, recordBytes: 4096 });
  return { ...filled, fewRegions, manyRegions, produce };
}

function measure(context: BenchContext, plan: Plan, started: Started): Promise<Rounds<Sides>> {
  const { servers, progress } = context;
  const alone = (region: LoadedRegion) => async (): Promise<Slice> => {
    const order = { kind: 'write', inFlight, seconds: plan.seconds, publishes: 1 } as const;
    return sliceOf(await servers.metered(servers.near, () => region.ask(order)), 1);
  };
  const together = (topology: Topology) => async (): Promise<Slice> =>
    sliceOf(await writeThere(context, topology, { inFlight, events: plan.regionEvents }), topology.regions);
  let last: Produced | undefined;
  return alternating<Sides>(
    { bench: 'growth', rounds: plan.rounds, progress },
    {
      few: alone(started.few),
      many: alone(started.many),
      async fewRegions() {
        const slice = await together(started.fewRegions)();
        last = slice.produced;
        return slice;
      },
      manyRegions: together(started.manyRegions),
      async produce() {
        // In the first round the slice that tells how large a request is comes before; later any round's will do.
        const like = last ?? (await together(started.fewRegions)()).produced;
        return produceMicros(plan, started.produce, like);
      },
    },
  );
}

/** CPU microseconds per event of producing once more what a region produced, in requests of the same size. */
async function produceMicros(
  plan: Plan,
  produce: Started['produce'],
  { eventsPerRequest, recordsPerRequest, bytesPerRecord }: Produced,
): Promise<number> {
  const requests = Math.max(10, Math.round(plan.regionEvents / eventsPerRequest));
  const records = Math.max(1, Math.round(recordsPerRequest));
  const recordBytes = Math.round((bytesPerRecord * recordsPerRequest) / records);
  const { cpuMicros } = await produce.ask({ requests, records, recordBytes });
  return cpuMicros / (requests * eventsPerRequest);
}

interface Measured {
  readonly rounds: Rounds<Sides>;
  readonly logs: Rounds<LogSides>;
  readonly metadata: MetadataGrowth;
}

type RegionSide = Exclude<keyof Sides, 'produce'> | keyof LogSides;

/** In the order of the table. */
function titlesOf({ few, many, regions, logs }: Plan): Readonly<Record<RegionSide, string>> {
  return {
    few: `${few} entities`,
    many: `${many} entities`,
    fewEvents: `${logs.few} events in the log`,
    manyEvents: `${logs.many} events in the log`,
    fewRegions: `${regions[0]} regions that run`,
    manyRegions: `${regions[1]} regions that run`,
  };
}

function resultOf({ driver }: BenchContext, plan: Plan, { rounds, logs, metadata }: Measured): BenchResult {
  const slices: Readonly<Record<RegionSide, readonly Slice[]>> = { ...rounds, ...logs };
  const speeds = (side: RegionSide) => slices[side].map(({ perSecond }) => perSecond);
  const titles = titlesOf(plan);
  const names = Object.keys(titles) as RegionSide[];
  const judged: Judged = {
    timesFew: pairedRatios(speeds('many'), speeds('few')),
    timesFewEvents: pairedRatios(speeds('manyEvents'), speeds('fewEvents')),
    ...regionCosts(plan, rounds),
    metadata,
  };
  return {
    name: 'growth',
    title: `durable writes/s, ${inFlight} in flight, by entities, by events and by regions, ${plan.rounds} rounds of alternating slices, ${plan.logs.rounds} by events`,
    rows: names.map((side) => ({ side: titles[side], cells: rateCells(speeds(side)) })),
    costs: names.map((side) =>
      costRow(
        titles[side],
        slices[side].map(({ card }) => card),
      ),
    ),
    targets: targetsOf(titles, judged),
    configuration: configurationOf(plan, driver, rounds),
    voidBecause: [],
    plots: [
      {
        name: 'growth',
        title: 'Durable writes per second as things grow',
        unit: '/s',
        bars: names.map((side) => ({ label: titles[side], value: spreadOf(speeds(side)) })),
      },
    ],
    figures: { plan, ...judged, rounds, logs },
  };
}

/** CPU microseconds of the origin per event. */
interface RegionCosts {
  /** And added region. */
  readonly perRegion: Spread;
  readonly allowed: Spread;
}

interface Judged extends RegionCosts {
  readonly timesFew: Spread;
  readonly timesFewEvents: Spread;
  readonly metadata: MetadataGrowth;
}

function regionCosts(plan: Plan, rounds: Rounds<Sides>): RegionCosts {
  const micros = (side: 'fewRegions' | 'manyRegions') =>
    rounds[side].map(({ card }) => card.programMicros ?? NaN);
  const few = micros('fewRegions');
  const added = plan.regions[1] - plan.regions[0];
  return {
    perRegion: spreadOf(micros('manyRegions').map((many, at) => (many - (few[at] ?? NaN)) / added)),
    allowed: spreadOf(rounds.produce.map((produce, at) => produce + wanted.shareOfOrigin * (few[at] ?? NaN))),
  };
}

function targetsOf(titles: Readonly<Record<RegionSide, string>>, judged: Judged): readonly Target[] {
  const { timesFew, timesFewEvents, perRegion, allowed, metadata } = judged;
  return [
    {
      what: `${titles.many} / ${titles.few}`,
      wanted: `>= ${wanted.many}`,
      measured: ratioText(timesFew),
      reached: timesFew.median >= wanted.many,
    },
    {
      what: `${titles.manyEvents} / ${titles.fewEvents}`,
      wanted: `>= ${wanted.manyEvents}`,
      measured: ratioText(timesFewEvents),
      reached: timesFewEvents.median >= wanted.manyEvents,
    },
    {
      what: 'CPU of the origin per event and added region',
      wanted: `<= ${spreadText(allowed, ' us')}: one produce of the batch and ${wanted.shareOfOrigin * 100} %`,
      measured: spreadText(perRegion, ' us'),
      reached: perRegion.median <= allowed.median,
    },
    {
      what: 'bytes of an event, and of an entity, for a further region that wrote it',
      wanted: `<= ${wanted.metadataBytes}`,
      measured: `${metadata.eventBytes.toFixed(1)}, ${metadata.entityBytes.toFixed(1)}`,
      reached: metadata.eventBytes <= wanted.metadataBytes && metadata.entityBytes <= wanted.metadataBytes,
    },
  ];
}

function configurationOf(
  plan: Plan,
  driver: string,
  rounds: Rounds<Sides>,
): Readonly<Record<string, string>> {
  return {
    Atoll: `one region process each, 16 shards, all limits as by default, ${driver}; entities: written once each beforehand, then drawn with Zipf ${writeLoadDefault.zipfExponent}; regions: each with a process, a Kafka cluster and a database of its own, all applying what the origin writes meanwhile (on the same cores; CPU time is counted, not time); ${plan.regionEvents} events a slice, which ends when every cluster has acknowledged all of it; the next one begins when every region has it`,
    events: logText(plan.logs),
    produce: `${driver} alone, over one connection, one request after the other: as many records of as many bytes, for as many events, as a request of the smaller topology had (${requestText(rounds.fewRegions)}); an added region may cost that and ${wanted.shareOfOrigin * 100} % of what an event costs the origin of the smaller topology`,
    metadata: `${plan.metadataEntities} entities written with bodies of one size twice by one region, by another, and by the first again: how much longer its last events are than its second ones, and the stored states than they were`,
  };
}

function requestText(slices: readonly Slice[]): string {
  const median = (of: (one: Produced) => number): string =>
    spreadOf(slices.map(({ produced }) => of(produced))).median.toFixed(0);
  return `${median((one) => one.eventsPerRequest)} events in ${median((one) => one.recordsPerRequest)} records of ${median((one) => one.bytesPerRecord)} bytes`;
}
