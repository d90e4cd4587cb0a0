import { randomBytes } from 'node:crypto';
import type { Bench, BenchContext, BenchResult, Scale } from '../bench.js';
import { costCard, costRow, type CostCard } from '../cost-card.js';
import { rateCells, ratioText } from '../figures.js';
import { writeLoadDefault, type WriteLoadOptions } from '../load/document-writes.js';
import { startNativeReplication, type NativeReplication } from '../peers/native-replication.js';
import {
  regionPair,
  shardsDefault,
  startLoaded,
  stopsOf,
  type LoadedRegion,
  type PairSettings,
  type Stops,
} from '../region/start-loaded.js';
import { alternating, type Rounds } from '../rounds.js';
import { asked } from '../servers.js';
import { startSide, type Side } from '../side/start-side.js';
import { pairedRatios, spreadOf } from '../statistics.js';
import { createPeerTables, measureRows, type RowSizes } from '../write/peer-tables.js';
import type { PeerAnswer, PeerSettings } from '../write/rows-side.js';
import type { UnnestOrder } from '../write/unnest-side.js';
import type { NestAnswer, NestOrder, NestSettings } from './nest-side.js';

interface Plan {
  readonly rounds: number;
  readonly events: number;
  readonly upsertSeconds: number;
  readonly nativeEvents: number;
  readonly nestEvents: number;
}

const plans: Readonly<Record<Scale, Plan>> = {
  full: { rounds: 3, events: 300_000, upsertSeconds: 4, nativeEvents: 40_000, nestEvents: 8_000 },
  smoke: { rounds: 1, events: 1_000, upsertSeconds: 0.2, nativeEvents: 500, nestEvents: 100 },
};

const arrivalMillisMax = 240_000;
const wanted = { write: 1.5, native: 3, nest: 10 };

interface Slice {
  readonly perSecond: number;
  readonly card: CostCard | null;
}

interface Sides {
  /** The backlog is written, then drained. */
  readonly atoll: { readonly write: Slice; readonly apply: Slice };
  readonly upserts: Slice;
  readonly native: Slice;
  /** The same, applied as durably as Atoll applies. */
  readonly nativeDurable: Slice;
  readonly nest: Slice;
}

interface Peers {
  readonly upserts: Side<UnnestOrder, PeerAnswer>;
  readonly native: NativeReplication;
  readonly nest: Side<NestOrder, NestAnswer>;
}

interface Parts {
  readonly context: BenchContext;
  readonly plan: Plan;
  readonly load: WriteLoadOptions;
  readonly pair: PairSettings;
  readonly near: LoadedRegion;
  readonly sizes: RowSizes;
}

/** Draining a backlog that another region left in Kafka while this one was away. */
export const applyBench: Bench = {
  name: 'apply',
  async run(context) {
    const plan = plans[context.scale];
    const load = { ...writeLoadDefault, seed: randomBytes(4).readUInt32BE() };
    const stops = stopsOf();
    try {
      const pair = await regionPair(context, { throughLinks: false });
      context.progress.now('apply: warming up');
      const near = stops.add(await startLoaded(context, pair.near, load));
      // Its tables and topics, and a cursor in front of all that is to come.
      const far = await startLoaded(context, pair.far, load);
      await near.ask({ kind: 'write', inFlight: 256, seconds: 10, countMax: 1000 });
      await far
        .ask({ kind: 'applied', total: 1000, withinMillis: arrivalMillisMax })
        .finally(() => far.stop());
      const parts = { context, plan, load, pair, near, sizes: await measureRows(pair.near.postgresUrl) };
      const peers = await startPeers(parts, stops);
      return resultOf(parts, await measure(parts, peers));
    } finally {
      await stops.stop();
    }
  },
};

async function startPeers({ context, load, pair, sizes }: Parts, stops: Stops): Promise<Peers> {
  const { postgresUrl } = pair.far;
  const shards = shardsDefault;
  for (const schema of ['bench_upserts', 'bench_native', 'bench_nest'])
    await createPeerTables(postgresUrl, schema);
  await createPeerTables(pair.near.postgresUrl, 'bench_native');
  const upserts = await startSide<PeerSettings, UnnestOrder, PeerAnswer>({
    module: new URL('../write/unnest-side.js', import.meta.url),
    settings: { postgresUrl, schema: 'bench_upserts', sizes, shards, load },
  });
  stops.add(upserts);
  const nest = await startSide<NestSettings, NestOrder, NestAnswer>({
    module: new URL('./nest-side.js', import.meta.url),
    settings: {
      brokers: context.servers.far.kafkaBrokers,
      postgresUrl,
      schema: 'bench_nest',
      sizes,
      shards,
      load,
    },
  });
  stops.add(nest);
  const native = stops.add(await startNativeReplication(pair.near.postgresUrl, postgresUrl, 'bench_native'));
  await native.pause();
  return { upserts, native, nest };
}

function measure(parts: Parts, { upserts, native, nest }: Peers): Promise<Rounds<Sides>> {
  const { context, plan } = parts;
  const { servers, progress } = context;
  return alternating<Sides>(
    { bench: 'apply', rounds: plan.rounds, progress },
    {
      atoll: () => drain(parts),
      async upserts() {
        const order = { connections: 2, batch: 256, seconds: plan.upsertSeconds };
        const { result } = await servers.metered(servers.far, () => upserts.ask(order));
        return { perSecond: result.writes / result.seconds, card: null };
      },
      native: () => drainNative(parts, native, { durable: false }),
      nativeDurable: () => drainNative(parts, native, { durable: true }),
      async nest() {
        const { result, ...spent } = await servers.metered(servers.far, () =>
          nest.ask({ count: plan.nestEvents }),
        );
        const { writes, seconds, costs } = result;
        return { perSecond: writes / seconds, card: costCard({ events: writes, costs }, spent) };
      },
    },
  );
}

/** The backlog is written while the other region is away; its process is started anew and measured until it has all. */
async function drain({ context, plan, load, pair, near }: Parts): Promise<Sides['atoll']> {
  const { servers } = context;
  const order = { kind: 'write', inFlight: 256, seconds: 600, countMax: plan.events, publishes: 2 } as const;
  const { result: written, ...writeSpent } = await servers.metered(servers.near, () => near.ask(order));
  const far = await startLoaded(context, pair.far, load);
  try {
    const { result: drained, ...applySpent } = await servers.metered(servers.far, () =>
      far.ask({ kind: 'applied', total: plan.events, withinMillis: arrivalMillisMax }),
    );
    const slice = (of: typeof drained, spent: Parameters<typeof costCard>[1]): Slice => ({
      perSecond: of.count / of.seconds,
      card: costCard({ events: of.count, costs: of.costs, traffic: of.traffic }, spent),
    });
    return { write: slice(written, writeSpent), apply: slice(drained, applySpent) };
  } finally {
    await far.stop();
  }
}

/** One source transaction per event: its row and its entity's, as a command of ours. Ranks are drawn as unevenly as ours. */
async function drainNative(
  { plan, pair, sizes }: Parts,
  native: NativeReplication,
  { durable }: { readonly durable: boolean },
): Promise<Slice> {
  const schema = 'bench_native';
  const written = `select coalesce(max(seq), 0) as seq from ${schema}.event`;
  const first = Number((await asked(pair.near.postgresUrl, written))[0]?.['seq']) + 1;
  const last = first + plan.nativeEvents - 1;
  await asked(
    pair.near.postgresUrl,
    `do $$
     declare
       hash bytea := decode(repeat('61', 32), 'hex');
       event bytea := decode(repeat('62', ${sizes.eventBytes}), 'hex');
       state bytea := decode(repeat('63', ${sizes.stateBytes}), 'hex');
       value bytea := decode(repeat('64', ${sizes.valueBytes}), 'hex');
       rank bigint;
     begin
       perform set_config('synchronous_commit', 'off', false);
       for n in ${first}..${last} loop
         rank := floor(exp(random() * ln(${writeLoadDefault.entities})));
         insert into ${schema}.event (seq, arrival, shard, actor, type, id, hash, bytes)
         values (n, n, rank % ${shardsDefault}, 1, 'document', 'document-' || rank, hash, event);
         insert into ${schema}.entity (shard, type, id, state, value)
         values (rank % ${shardsDefault}, 'document', 'document-' || rank, state, value)
         on conflict (type, id) do update set state = excluded.state, value = excluded.value;
         commit;
       end loop;
     end $$`,
  );
  await native.commits(durable ? 'on' : 'off');
  const began = performance.now();
  await native.resume();
  const arrived = `select 1 from ${schema}.event where seq = ${last}`;
  const giveUp = began + arrivalMillisMax;
  while ((await asked(pair.far.postgresUrl, arrived)).length === 0) {
    if (performance.now() > giveUp) throw new Error('the native apply worker did not get to the end');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const seconds = (performance.now() - began) / 1000;
  await native.pause();
  return { perSecond: plan.nativeEvents / seconds, card: null };
}

function resultOf({ context, plan, load, sizes }: Parts, rounds: Rounds<Sides>): BenchResult {
  const sides = {
    'Atoll: apply the backlog': rounds.atoll.map(({ apply }) => apply),
    'Atoll: write it': rounds.atoll.map(({ write }) => write),
    'the same upserts from memory': rounds.upserts,
    'native logical replication': rounds.native,
    'native logical replication, durable': rounds.nativeDurable,
    "Nest's Kafka server, one at a time": rounds.nest,
  };
  const speed = (slices: readonly Slice[]): readonly number[] => slices.map(({ perSecond }) => perSecond);
  const apply = speed(sides['Atoll: apply the backlog']);
  const times = (slices: readonly Slice[]) => pairedRatios(apply, speed(slices));
  const target = (what: string, slices: readonly Slice[], least: number) => {
    const ratio = times(slices);
    return { what, wanted: `>= ${least}`, measured: ratioText(ratio), reached: ratio.median >= least };
  };
  const cardsOf = (slices: readonly Slice[]) =>
    slices.map(({ card }) => card).filter((card) => card !== null);
  return {
    name: 'apply',
    title: `events/s out of a backlog of ${plan.events}, ${plan.rounds} rounds of alternating slices`,
    rows: Object.entries(sides).map(([side, slices], at) => ({
      side,
      cells: { ...rateCells(speed(slices)), 'apply is': at === 0 ? '' : ratioText(times(slices)) },
    })),
    costs: Object.entries(sides)
      .filter(([, slices]) => cardsOf(slices).length > 0)
      .map(([side, slices]) => costRow(side, cardsOf(slices))),
    targets: [
      target('apply / write of the same round', sides['Atoll: write it'], wanted.write),
      target('apply / native logical replication', sides['native logical replication'], wanted.native),
      target("apply / Nest's Kafka server", sides["Nest's Kafka server, one at a time"], wanted.nest),
    ],
    configuration: {
      load: `${writeLoadDefault.bodyBytes}-byte bodies, ${writeLoadDefault.entities} entities, Zipf ${writeLoadDefault.zipfExponent}, seed ${load.seed}`,
      Atoll: `two regions, one process each, ${shardsDefault} shards, all limits as by default, ${context.driver}; the backlog is written with 256 in flight while the other region's process is away; counted from the moment the new process owns its shards until it has stored all of it, without what it had by then; the writer stays up, idle`,
      'the same upserts from memory':
        'the bare unnest loop of the bench `write`: 2 connections, 256 events a statement, no Kafka, no decoding, no checks',
      'native logical replication': `publication of both tables, subscription with origin = none between the two servers, one source transaction per event (${plan.nativeEvents} events of ${sizes.eventBytes} bytes and their states), written while the subscription was disabled; counted from enabling it; its apply worker commits with synchronous_commit = off, as by default, or durable with on, as Atoll does`,
      "Nest's Kafka server, one at a time": `@nestjs/microservices with kafkajs, all as by default, an @EventPattern handler with one prepared statement per message (event insert and state upsert), ${plan.nestEvents} preloaded messages; counted from the first one`,
    },
    voidBecause: [],
    plots: [
      {
        name: 'apply',
        title: `Events per second out of a backlog of ${plan.events}`,
        unit: '/s',
        bars: Object.entries(sides).map(([label, slices]) => ({ label, value: spreadOf(speed(slices)) })),
      },
    ],
    figures: { plan, sizes, seed: load.seed, rounds },
  };
}
