import { randomBytes } from 'node:crypto';
import type { Bench, BenchContext, BenchResult, Scale } from '../bench.js';
import { costCard, costRow, type CostCard } from '../cost-card.js';
import { rateCells, ratioText, spreadText } from '../figures.js';
import { writeLoadDefault } from '../load/document-writes.js';
import type { LoadedAnswer } from '../region/loaded-side.js';
import {
  shardsDefault,
  soloRegion,
  startLoaded,
  stopsOf,
  type LoadedRegion,
  type Stops,
} from '../region/start-loaded.js';
import type { Metered } from '../servers.js';
import { alternating, type Rounds } from '../rounds.js';
import { startSide, type Side } from '../side/start-side.js';
import { pairedRatios, spreadOf } from '../statistics.js';
import { openClusters } from './clusters.js';
import { startTopology, writeThere, type Topology } from './topology.js';
import { metadataGrowth, type MetadataGrowth } from './metadata.js';
import type { ProduceAnswer, ProduceOrder, ProduceSettings } from './produce-side.js';

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
  },
  smoke: {
    rounds: 1,
    seconds: 0.3,
    few: 100,
    many: 1_000,
    regions: [1, 2],
    regionEvents: 500,
    metadataEntities: 20,
  },
};

const inFlight = 256;
const wanted = { many: 0.8, shareOfOrigin: 0.05, metadataBytes: 24 };

interface Slice {
  readonly perSecond: number;
  readonly card: CostCard;
  readonly eventsPerBatch: number;
  /** As the clusters were sent it: requests and records of all, and what each of them carried. */
  readonly produced: Produced;
}

interface Produced {
  readonly eventsPerRequest: number;
  readonly recordsPerRequest: number;
  readonly bytesPerRecord: number;
}

interface Sides {
  readonly few: Slice;
  readonly many: Slice;
  readonly fewRegions: Slice;
  readonly manyRegions: Slice;
  /** CPU microseconds per event of one more produce of the same batches. */
  readonly produce: number;
}

interface Started {
  readonly few: LoadedRegion;
  readonly many: LoadedRegion;
  readonly fewRegions: Topology;
  readonly manyRegions: Topology;
  readonly produce: Side<ProduceOrder, ProduceAnswer>;
}

/** The same writes with a thousand and a million entities, and with more regions to publish to. */
export const growthBench: Bench = {
  name: 'growth',
  async run(context) {
    const plan = plans[context.scale];
    const stops = stopsOf();
    try {
      const started = await start(context, plan, stops);
      const rounds = await measure(context, plan, started);
      const metadata = await metadataGrowth(context, plan.metadataEntities);
      return resultOf(context, plan, { rounds, metadata });
    } finally {
      await stops.stop();
    }
  },
};

async function start(context: BenchContext, plan: Plan, stops: Stops): Promise<Started> {
  const { progress, servers } = context;
  const seed = randomBytes(4).readUInt32BE();
  const filled = async (entities: number): Promise<LoadedRegion> => {
    const load = { ...writeLoadDefault, seed, entities };
    const region = stops.add(await startLoaded(context, await soloRegion(context), load));
    progress.now(`growth: writing ${entities} entities`);
    await region.ask({ kind: 'fill', inFlight, from: 0, count: entities });
    return region;
  };
  const [few, many] = await Promise.all([filled(plan.few), filled(plan.many)]);
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
  const single: Topology = { regions: 1, origin: few, others: [] };
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
  return { few, many, fewRegions, manyRegions, produce };
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

function sliceOf({ result, ...spent }: Metered<LoadedAnswer>, clusters: number): Slice {
  const { count: events, seconds, batches, traffic } = result;
  const { kafkaRequests, kafkaRecords, kafkaBytes } = traffic;
  return {
    perSecond: events / seconds,
    card: costCard({ events, ...result }, spent),
    eventsPerBatch: events / Math.max(1, batches),
    produced: {
      eventsPerRequest: (events * clusters) / Math.max(1, kafkaRequests),
      recordsPerRequest: kafkaRecords / Math.max(1, kafkaRequests),
      bytesPerRecord: kafkaBytes / Math.max(1, kafkaRecords),
    },
  };
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
  readonly metadata: MetadataGrowth;
}

function resultOf({ driver }: BenchContext, plan: Plan, { rounds, metadata }: Measured): BenchResult {
  const speeds = (side: 'few' | 'many' | 'fewRegions' | 'manyRegions') =>
    rounds[side].map(({ perSecond }) => perSecond);
  const micros = (side: 'fewRegions' | 'manyRegions') =>
    rounds[side].map(({ card }) => card.programMicros ?? NaN);
  const timesFew = pairedRatios(speeds('many'), speeds('few'));
  const added = plan.regions[1] - plan.regions[0];
  const perRegion = spreadOf(
    micros('manyRegions').map((many, at) => (many - (micros('fewRegions')[at] ?? NaN)) / added),
  );
  const allowed = spreadOf(
    rounds.produce.map((produce, at) => produce + wanted.shareOfOrigin * (micros('fewRegions')[at] ?? NaN)),
  );
  const titles = {
    few: `${plan.few} entities`,
    many: `${plan.many} entities`,
    fewRegions: `${plan.regions[0]} regions that run`,
    manyRegions: `${plan.regions[1]} regions that run`,
  };
  const names = Object.keys(titles) as (keyof typeof titles)[];
  return {
    name: 'growth',
    title: `durable writes/s, ${inFlight} in flight, by entities and by regions, ${plan.rounds} rounds of alternating slices`,
    rows: names.map((side) => ({ side: titles[side], cells: rateCells(speeds(side)) })),
    costs: names.map((side) =>
      costRow(
        titles[side],
        rounds[side].map(({ card }) => card),
      ),
    ),
    targets: [
      {
        what: `${titles.many} / ${titles.few}`,
        wanted: `>= ${wanted.many}`,
        measured: ratioText(timesFew),
        reached: timesFew.median >= wanted.many,
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
    ],
    configuration: {
      Atoll: `one region process each, 16 shards, all limits as by default, ${driver}; entities: written once each beforehand, then drawn with Zipf ${writeLoadDefault.zipfExponent}; regions: each with a process, a Kafka cluster and a database of its own, all applying what the origin writes meanwhile (on the same cores; CPU time is counted, not time); ${plan.regionEvents} events a slice, which ends when every cluster has acknowledged all of it; the next one begins when every region has it`,
      produce: `${driver} alone, over one connection, one request after the other: as many records of as many bytes, for as many events, as a request of the smaller topology had (${requestText(rounds.fewRegions)}); an added region may cost that and ${wanted.shareOfOrigin * 100} % of what an event costs the origin of the smaller topology`,
      metadata: `${plan.metadataEntities} entities written with bodies of one size twice by one region, by another, and by the first again: how much longer its last events are than its second ones, and the stored states than they were`,
    },
    voidBecause: [],
    plots: [
      {
        name: 'growth',
        title: 'Durable writes per second as things grow',
        unit: '/s',
        bars: names.map((side) => ({ label: titles[side], value: spreadOf(speeds(side)) })),
      },
    ],
    figures: { plan, timesFew, perRegion, allowed, metadata, rounds },
  };
}

function requestText(slices: readonly Slice[]): string {
  const median = (of: (one: Produced) => number): string =>
    spreadOf(slices.map(({ produced }) => of(produced))).median.toFixed(0);
  return `${median((one) => one.eventsPerRequest)} events in ${median((one) => one.recordsPerRequest)} records of ${median((one) => one.bytesPerRecord)} bytes`;
}
