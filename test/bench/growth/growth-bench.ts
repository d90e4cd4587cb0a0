import { randomBytes } from 'node:crypto';
import type { Bench, BenchContext, BenchResult, Scale } from '../bench.js';
import { costCard, costRow, type CostCard } from '../cost-card.js';
import { rateCells, ratioText, spreadText } from '../figures.js';
import { writeLoadDefault } from '../load/document-writes.js';
import { soloRegion, startLoaded, stopsOf, type LoadedRegion, type Stops } from '../region/start-loaded.js';
import { alternating, type Rounds } from '../rounds.js';
import { startSide, type Side } from '../side/start-side.js';
import { pairedRatios, spreadOf } from '../statistics.js';
import { openClusters } from './clusters.js';
import { metadataGrowth, type MetadataGrowth } from './metadata.js';
import type { ProduceAnswer, ProduceOrder, ProduceSettings } from './produce-side.js';

interface Plan {
  readonly rounds: number;
  readonly seconds: number;
  readonly few: number;
  readonly many: number;
  /** Regions of the smaller and of the larger topology; the smoke run has no more clusters than the stack. */
  readonly regions: readonly [number, number];
  readonly metadataEntities: number;
}

const plans: Readonly<Record<Scale, Plan>> = {
  full: { rounds: 3, seconds: 3, few: 1_000, many: 1_000_000, regions: [2, 5], metadataEntities: 500 },
  smoke: { rounds: 1, seconds: 0.3, few: 100, many: 1_000, regions: [1, 2], metadataEntities: 20 },
};

const inFlight = 256;
const wanted = { many: 0.8, shareOfOrigin: 0.05, metadataBytes: 24 };

interface Slice {
  readonly perSecond: number;
  readonly card: CostCard;
  readonly eventsPerBatch: number;
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
  readonly fewRegions: LoadedRegion;
  readonly manyRegions: LoadedRegion;
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
  const origin = async (regions: number): Promise<LoadedRegion> => {
    const solo = await soloRegion(context);
    const others = clusters.brokers
      .slice(1, regions)
      .map((brokers, at) => [`${solo.region}-${at}`, brokers] as const);
    const settings = { ...solo, brokers: { ...solo.brokers, ...Object.fromEntries(others) } };
    const region = stops.add(await startLoaded(context, settings, { ...writeLoadDefault, seed }));
    await region.ask({ kind: 'write', inFlight, seconds: plan.seconds, publishes: regions });
    return region;
  };
  const [fewRegions, manyRegions] = await Promise.all([origin(plan.regions[0]), origin(plan.regions[1])]);
  const produce = stops.add(
    await startSide<ProduceSettings, ProduceOrder, ProduceAnswer>({
      module: new URL('./produce-side.js', import.meta.url),
      settings: {
        brokers: servers.near.kafkaBrokers,
        topic: `bench.produce.${randomBytes(4).toString('hex')}`,
        partitions: 16,
      },
    }),
  );
  return { few, many, fewRegions, manyRegions, produce };
}

function measure({ servers, progress }: BenchContext, plan: Plan, started: Started): Promise<Rounds<Sides>> {
  const slice = (region: LoadedRegion, publishes: number) => async (): Promise<Slice> => {
    const order = { kind: 'write', inFlight, seconds: plan.seconds, publishes } as const;
    const { result, ...spent } = await servers.metered(servers.near, () => region.ask(order));
    const { count: events, seconds, batches } = result;
    const card = costCard({ events, ...result }, spent);
    return { perSecond: events / seconds, card, eventsPerBatch: events / Math.max(1, batches) };
  };
  let last: Slice | undefined;
  return alternating<Sides>(
    { bench: 'growth', rounds: plan.rounds, progress },
    {
      few: slice(started.few, 1),
      many: slice(started.many, 1),
      async fewRegions() {
        return (last = await slice(started.fewRegions, plan.regions[0])());
      },
      manyRegions: slice(started.manyRegions, plan.regions[1]),
      async produce() {
        // In the first round the slice that tells how large a batch is comes before; later any round's will do.
        const { eventsPerBatch, card } = last ?? (await slice(started.fewRegions, plan.regions[0])());
        const eventBytes = (card.kafkaBytes ?? 0) / plan.regions[0];
        const events = Math.max(1, Math.round(eventsPerBatch));
        const records = Math.min(16, events);
        const order = { batches: 300, records, recordBytes: Math.round((eventBytes * events) / records) };
        const { cpuMicros } = await started.produce.ask(order);
        return cpuMicros / (order.batches * events);
      },
    },
  );
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
    fewRegions: `${plan.regions[0]} regions to publish to`,
    manyRegions: `${plan.regions[1]} regions to publish to`,
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
      Atoll: `one region process each, 16 shards, all limits as by default, ${driver}; entities: written once each beforehand, then drawn with Zipf ${writeLoadDefault.zipfExponent}; regions: members whose Kafka clusters are there (a cluster each) and whose processes are not; a slice ends when every cluster has acknowledged all of it`,
      produce: `kafkajs alone: as many bytes and events as a batch of the smaller topology, over at most 16 partitions, to one cluster, one request at a time`,
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
