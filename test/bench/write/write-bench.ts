import { randomBytes } from 'node:crypto';
import type { Bench, BenchContext, BenchResult, Scale, TableRow, Target } from '../bench.js';
import { writeLoadDefault, type WriteLoadOptions } from '../load/document-writes.js';
import type { Plot } from '../plot.js';
import { loadAverage } from '../machine.js';
import { freeAddress, type Metered } from '../servers.js';
import { startSide, type Side } from '../side/start-side.js';
import { pairedRatios, spreadOf, type Spread } from '../statistics.js';
import { costCard, costRow, type CostCard } from '../cost-card.js';
import { ratioText } from '../figures.js';
import type { AtollAnswer, AtollOrder, AtollSettings } from './atoll-side.js';
import { createPeerTables, measureRows } from './peer-tables.js';
import type { PeerAnswer, PeerSettings, RowsOrder } from './rows-side.js';
import type { Surface } from './client-side.js';
import { batchOfRpc, servedSlice, startServed, surfaces, type Served } from './served.js';
import type { UnnestOrder } from './unnest-side.js';

interface Plan {
  readonly rounds: number;
  readonly warmUpSeconds: number;
  readonly atollSeconds: number;
  /** Of each number of connections or size of batch. */
  readonly peerSeconds: number;
  /** Of each way in from outside. */
  readonly servedSeconds: number;
  /** Of one peer: a moment's run shares the server with others. */
  readonly connectionsMax: number;
}

const plans: Readonly<Record<Scale, Plan>> = {
  full: {
    rounds: 7,
    warmUpSeconds: 6,
    atollSeconds: 4,
    peerSeconds: 2,
    servedSeconds: 2.5,
    connectionsMax: 64,
  },
  smoke: {
    rounds: 1,
    warmUpSeconds: 0.3,
    atollSeconds: 0.7,
    peerSeconds: 0.3,
    servedSeconds: 0.5,
    connectionsMax: 8,
  },
};

const inFlight = 256;
const shards = 16;
const rowsConnections = [1, 8, 32, 64] as const;
const emmettConnections = [8, 32] as const;
/** As many events in flight as Atoll has, and twice as many. */
const unnestBatches = [128, 256] as const;
const unnestConnections = 2;

/** The writes of one slice of one side, and what they cost. */
interface Slice {
  readonly perSecond: number;
  readonly writes: number;
  readonly seconds: number;
  /** CPU microseconds per write. */
  readonly programMicros: number;
  readonly postgresMicros: number | null;
  readonly kafkaMicros: number | null;
  readonly walBytes: number;
  /** CPU microseconds of the client process per write, where it is one of its own. */
  readonly clientMicros?: number;
  readonly latencyMillis: PeerAnswer['latencyMillis'];
}

interface AtollSlice extends Slice {
  /** Counted until Kafka had acknowledged all of them. */
  readonly publishedPerSecond: number;
  readonly eventsPerBatch: number;
  readonly commitMillisMean: number;
  readonly card: CostCard;
}

interface Round {
  readonly loadAverage: number;
  readonly atoll: AtollSlice;
  readonly rows: Readonly<Record<string, Slice>>;
  readonly unnest: Readonly<Record<string, Slice>>;
  readonly served: Readonly<Record<string, Slice>>;
  readonly emmett: Readonly<Record<string, Slice>>;
}

interface Sides {
  readonly atoll: Side<AtollOrder, AtollAnswer>;
  readonly rows: Side<RowsOrder, PeerAnswer>;
  readonly unnest: Side<UnnestOrder, PeerAnswer>;
  readonly emmett: Side<RowsOrder, PeerAnswer>;
  readonly served: Served;
}

/** Durable writes per second in one region, beside a transaction per row, and beside the bare statement. */
export const writeBench: Bench = {
  name: 'write',
  async run(context) {
    const plan = plans[context.scale];
    const seed = randomBytes(4).readUInt32BE();
    const load = { ...writeLoadDefault, seed };
    const postgresUrl = await context.servers.newDatabase(context.servers.near);
    const atoll = await startAtoll(context, postgresUrl, load);
    const stops = [() => atoll.stop()];
    try {
      context.progress.now('write: warming up');
      await atoll.ask({ inFlight, seconds: plan.warmUpSeconds });
      const sizes = await measureRows(postgresUrl);
      const peer = async <Order>(program: string, schema: string): Promise<Side<Order, PeerAnswer>> => {
        await createPeerTables(postgresUrl, schema);
        const settings = { postgresUrl, schema, sizes, shards, load };
        const module = new URL(program, import.meta.url);
        const side = await startSide<PeerSettings, Order, PeerAnswer>({ module, settings });
        stops.push(() => side.stop());
        return side;
      };
      const rows = await peer<RowsOrder>('./rows-side.js', 'bench_rows');
      const unnest = await peer<UnnestOrder>('./unnest-side.js', 'bench_unnest');
      const emmett = await peer<RowsOrder>('./emmett-side.js', 'bench_emmett');
      const served = await startServed(context, { load, shards }, (side) => stops.push(() => side.stop()));
      for (const surface of surfaces) await served.client.ask(servedOrder(surface, plan.warmUpSeconds / 3));
      const rounds = await runRounds(context, plan, { atoll, rows, unnest, emmett, served });
      return resultOf({ context, plan, rounds, seed, sizes });
    } finally {
      for (const stop of stops.reverse()) await stop();
    }
  },
};

async function startAtoll(context: BenchContext, postgresUrl: string, load: WriteLoadOptions) {
  const { servers, driver, profileDirectory } = context;
  const region = `solo-${randomBytes(3).toString('hex')}`;
  return startSide<AtollSettings, AtollOrder, AtollAnswer>({
    module: new URL('./atoll-side.js', import.meta.url),
    settings: {
      region: {
        region,
        postgresUrl,
        brokers: { [region]: servers.near.kafkaBrokers },
        driver,
        grpc: await freeAddress(),
        peers: {},
        shards,
      },
      load,
    },
    ...(profileDirectory === undefined ? {} : { profileDirectory }),
  });
}

function servedOrder(surface: Surface, seconds: number) {
  return { surface, inFlight, batch: batchOfRpc, seconds };
}

/** Slices of all sides follow each other within a round, in turned order every other time. */
async function runRounds(context: BenchContext, plan: Plan, sides: Sides): Promise<readonly Round[]> {
  const { servers, progress } = context;
  const metered = <T>(work: () => Promise<T>): Promise<Metered<T>> => servers.metered(servers.near, work);
  const rounds: Round[] = [];
  for (let number = 0; number < plan.rounds; number += 1) {
    let atoll: AtollSlice | undefined;
    const rows: Record<string, Slice> = {};
    const unnest: Record<string, Slice> = {};
    const served: Record<string, Slice> = {};
    const emmett: Record<string, Slice> = {};
    const seconds = plan.peerSeconds;
    const few = (connections: number): boolean => connections <= plan.connectionsMax;
    const steps: (() => Promise<void>)[] = [
      async () => {
        atoll = atollSlice(await metered(() => sides.atoll.ask({ inFlight, seconds: plan.atollSeconds })));
      },
      ...rowsConnections.filter(few).map((connections) => async () => {
        rows[connections] = sliceOf(await metered(() => sides.rows.ask({ connections, seconds })));
      }),
      ...unnestBatches.map((batch) => async () => {
        const order = { connections: unnestConnections, batch, seconds };
        unnest[batch] = sliceOf(await metered(() => sides.unnest.ask(order)));
      }),
      ...surfaces.map((surface) => async () => {
        const order = servedOrder(surface, plan.servedSeconds);
        const { metered: spent, clientMicros } = await servedSlice(metered, sides.served, order);
        served[surface] = { ...sliceOf(spent), clientMicros };
      }),
      ...emmettConnections.filter(few).map((connections) => async () => {
        emmett[connections] = sliceOf(await metered(() => sides.emmett.ask({ connections, seconds })));
      }),
    ];
    if (number % 2 === 1) steps.reverse();
    for (const [at, step] of steps.entries()) {
      const done = (number * steps.length + at) / (plan.rounds * steps.length);
      progress.now(`write: round ${number + 1} of ${plan.rounds}`, done);
      await step();
    }
    if (atoll === undefined) throw new Error('a round has a slice of every side');
    rounds.push({ loadAverage: loadAverage(), atoll, rows, unnest, served, emmett });
  }
  return rounds;
}

function sliceOf({ result, postgresMicros, kafkaMicros, walBytes }: Metered<PeerAnswer>): Slice {
  const { writes, seconds, cpuMicros, latencyMillis } = result;
  const per = (amount: number | undefined): number | null => (amount === undefined ? null : amount / writes);
  return {
    perSecond: writes / seconds,
    writes,
    seconds,
    programMicros: cpuMicros / writes,
    postgresMicros: per(postgresMicros),
    kafkaMicros: per(kafkaMicros),
    walBytes: walBytes / writes,
    latencyMillis,
  };
}

function atollSlice(metered: Metered<AtollAnswer>): AtollSlice {
  const { writes, publishedSeconds, batches, commitMillisMean, costs, traffic } = metered.result;
  return {
    ...sliceOf(metered),
    publishedPerSecond: writes / publishedSeconds,
    eventsPerBatch: writes / Math.max(1, batches),
    commitMillisMean,
    card: costCard({ events: writes, costs, traffic }, metered),
  };
}

/** The fastest of a round's slices: a peer is taken at its best. */
function best(slices: Readonly<Record<string, Slice>>): Slice {
  const [first, ...others] = Object.values(slices);
  if (first === undefined) throw new Error('a round has a slice of every side');
  return others.reduce((fastest, slice) => (slice.perSecond > fastest.perSecond ? slice : fastest), first);
}

interface Measured {
  readonly context: BenchContext;
  readonly plan: Plan;
  readonly rounds: readonly Round[];
  readonly seed: number;
  readonly sizes: PeerSettings['sizes'];
}

/** What Atoll must reach of the bare loop and of its peers, each at its best of the round. */
const wanted = { unnest: 0.6, unnestByBatch: 0.4, rows: 5, emmett: 5 };

function resultOf({ context, plan, rounds, seed, sizes }: Measured): BenchResult {
  const speeds = (of: (round: Round) => number): readonly number[] => rounds.map(of);
  const atoll = speeds((round) => round.atoll.perSecond);
  const published = speeds((round) => round.atoll.publishedPerSecond);
  const timesRows = pairedRatios(
    atoll,
    speeds(({ rows }) => best(rows).perSecond),
  );
  const publishedTimesRows = pairedRatios(
    published,
    speeds(({ rows }) => best(rows).perSecond),
  );
  const timesUnnest = pairedRatios(
    atoll,
    speeds(({ unnest }) => best(unnest).perSecond),
  );
  const batchTimesUnnest = pairedRatios(
    speeds(({ served }) => served['batch']?.perSecond ?? NaN),
    speeds(({ unnest }) => best(unnest).perSecond),
  );
  const timesEmmett = pairedRatios(
    atoll,
    speeds(({ emmett }) => best(emmett).perSecond),
  );
  const rows = tableRows(rounds, atoll);
  return {
    name: 'write',
    title: `durable writes/s in one region, ${inFlight} in flight, ${plan.rounds} rounds of alternating slices`,
    rows,
    costs: [
      costRow(
        'Atoll, in process',
        rounds.map(({ atoll: slice }) => slice.card),
      ),
    ],
    targets: [
      target('Atoll in process / bare unnest loop', timesUnnest, wanted.unnest),
      target('Atoll by batch RPC / bare unnest loop', batchTimesUnnest, wanted.unnestByBatch),
      target('Atoll in process / best row per transaction of the round', timesRows, wanted.rows),
      target("Atoll in process / Emmett's append", timesEmmett, wanted.emmett),
    ],
    configuration: {
      load: `closed loop, ${inFlight} in flight, ${writeLoadDefault.bodyBytes}-byte bodies, ${writeLoadDefault.entities} entities, Zipf ${writeLoadDefault.zipfExponent}, seed ${seed}`,
      Atoll: `one process, ${shards} shards, all limits as by default, 2 commit connections, ${context.driver}, publishing to one real broker all the time, metrics on`,
      'row per transaction': `pg, one prepared statement (event insert and state upsert) per transaction, the same columns, keys and indexes, ${sizes.eventBytes}-byte events made beforehand, synchronous_commit on`,
      'bare unnest loop':
        'pg, one prepared statement per batch with binary arrays, same tables; no mutation record, cursor, fence, hash or event encoding, publishes nothing',
      'Atoll by RPC': `a whole region process with HTTP and gRPC on its own database, the client in a process of its own; batch RPC: ${inFlight / batchOfRpc} requests of ${batchOfRpc} writes in flight on one channel; unary gRPC: ${inFlight} in flight on one channel; HTTP: ${inFlight} in flight over at most 64 kept-alive connections, JSON`,
      "Emmett's append":
        'the tables and the append of @event-driven-io/emmett-postgresql 0.43, written anew because the package has no licence: begin, one prepared call of the function, commit; event only, no state; no two connections append to one stream',
    },
    voidBecause: [],
    plots: [{ name: 'write', title: 'Durable writes per second', unit: '/s', bars: barsOf(rounds) }],
    figures: {
      seed,
      sizes,
      timesRows,
      publishedTimesRows,
      timesUnnest,
      batchTimesUnnest,
      timesEmmett,
      rounds,
    },
  };
}

function target(what: string, ratio: Spread, least: number): Target {
  return { what, wanted: `>= ${least}`, measured: ratioText(ratio), reached: ratio.median >= least };
}

function barsOf(rounds: readonly Round[]): Plot['bars'] {
  const bar = (label: string, of: (round: Round) => Slice | undefined) => ({
    label,
    value: spreadOf(rounds.map((round) => of(round)?.perSecond ?? NaN)),
  });
  return [
    bar('bare unnest loop', ({ unnest }) => best(unnest)),
    bar('Atoll, in process', ({ atoll }) => atoll),
    bar('Atoll, batch RPC', ({ served }) => served['batch']),
    bar('Atoll, unary gRPC', ({ served }) => served['grpc']),
    bar('Atoll, HTTP', ({ served }) => served['http']),
    bar('row per transaction, best', ({ rows }) => best(rows)),
    bar("Emmett's append, best", ({ emmett }) => best(emmett)),
  ];
}

function tableRows(rounds: readonly Round[], atoll: readonly number[]): readonly TableRow[] {
  const of = (side: string, slice: (round: Round) => Slice | undefined): TableRow =>
    rowOf(side, rounds.map(slice), atoll);
  return [
    rowOf(
      'Atoll, in process',
      rounds.map(({ atoll: slice }) => slice),
    ),
    of(`Atoll, batch RPC of ${batchOfRpc}`, ({ served }) => served['batch']),
    of('Atoll, unary gRPC', ({ served }) => served['grpc']),
    of('Atoll, HTTP', ({ served }) => served['http']),
    ...rowsConnections
      .filter((count) => count in (rounds[0]?.rows ?? {}))
      .map((count) => of(`row per transaction, ${count} connections`, ({ rows }) => rows[count])),
    ...unnestBatches.map((batch) =>
      of(`bare unnest loop, ${unnestConnections} x ${batch}`, ({ unnest }) => unnest[batch]),
    ),
    ...emmettConnections
      .filter((count) => count in (rounds[0]?.emmett ?? {}))
      .map((count) => of(`Emmett's append, ${count} connections`, ({ emmett }) => emmett[count])),
  ];
}

function rowOf(side: string, slices: readonly (Slice | undefined)[], atoll?: readonly number[]): TableRow {
  const all = slices.filter((slice) => slice !== undefined);
  const speeds = all.map(({ perSecond }) => perSecond);
  const median = (of: (slice: Slice) => number | null): string => {
    const known = all.map(of).filter((value) => value !== null);
    return known.length === 0 ? '-' : spreadOf(known).median.toFixed(0);
  };
  const { median: middle, low, high } = spreadOf(speeds);
  return {
    side,
    cells: {
      'writes/s': middle.toFixed(0),
      'low-high': `${low.toFixed(0)}-${high.toFixed(0)}`,
      'Atoll is': atoll === undefined ? '' : `${ratioText(pairedRatios(atoll, speeds))}`,
      'p50 ms': spreadOf(all.map(({ latencyMillis }) => latencyMillis.p50)).median.toFixed(1),
      'p99 ms': spreadOf(all.map(({ latencyMillis }) => latencyMillis.p99)).median.toFixed(1),
      'program us': median(({ programMicros }) => programMicros),
      'Postgres us': median(({ postgresMicros }) => postgresMicros),
      'Kafka us': median(({ kafkaMicros }) => kafkaMicros),
      'WAL B': median(({ walBytes }) => walBytes),
    },
  };
}
