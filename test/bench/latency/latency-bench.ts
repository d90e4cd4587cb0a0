import { randomBytes } from 'node:crypto';
import type { Bench, BenchContext, BenchResult, Scale } from '../bench.js';
import { costCard, costRow } from '../cost-card.js';
import { latencyCells, spreadText } from '../figures.js';
import { writeLoadDefault } from '../load/document-writes.js';
import { whyVoid } from '../load/open-loop.js';
import type { GeneratorAnswer } from '../load/generator-side.js';
import type { LoadedAnswer } from '../region/loaded-side.js';
import {
  regionPair,
  shardsDefault,
  startGenerator,
  startLoadedPair,
  stopsOf,
  watched,
  type Generator,
  type LoadedPair,
} from '../region/start-loaded.js';
import { asked, type Metered } from '../servers.js';
import { startSide } from '../side/start-side.js';
import { medianOf, spreadOf } from '../statistics.js';
import { createPeerTables, measureRows } from '../write/peer-tables.js';
import type { PeerAnswer, PeerSettings, RowsOrder } from '../write/rows-side.js';

interface Plan {
  readonly rateSeconds: number;
  readonly rateRounds: number;
  readonly seconds: number;
  readonly limitSeconds: number;
  /** Parts of the time, each with figures of its own. */
  readonly sliceSeconds: number;
  /** So many have to be over when the time is. */
  readonly checkpointsMin: number;
  /** Of the write rate. */
  readonly share: number;
  /** What the other region writes meanwhile, of the write rate: it is applied here. */
  readonly remoteShare: number;
}

const plans: Readonly<Record<Scale, Plan>> = {
  full: {
    rateSeconds: 5,
    rateRounds: 3,
    seconds: 120,
    limitSeconds: 8,
    sliceSeconds: 20,
    checkpointsMin: 2,
    share: 0.5,
    remoteShare: 0.05,
  },
  smoke: {
    rateSeconds: 0.3,
    rateRounds: 1,
    seconds: 1,
    limitSeconds: 0.2,
    sliceSeconds: 0.5,
    checkpointsMin: 0,
    share: 0.1,
    remoteShare: 0.05,
  },
};

/** Between the beginnings of two checkpoints, each spread over nine tenths of it; Postgres takes no less than 30. */
const checkpointSeconds = 40;

const p99MillisMax = 10;
const timesLimitMax = 3;
/** As the bench `write` writes by batch RPC. */
const [inFlight, batch] = [256, 64];

interface Rate {
  readonly sustained: number;
  /** Answered, whatever the other region had by then. */
  readonly answered: number;
}

interface Measured {
  readonly plan: Plan;
  /** Sustained: until the other region had all of it. */
  readonly rate: number;
  readonly rates: readonly Rate[];
  readonly checkpoints: Checkpoints;
  readonly local: GeneratorAnswer;
  readonly spent: Metered<LoadedAnswer>;
  readonly remote: GeneratorAnswer;
  /** On an idle machine, before and after. */
  readonly limits: readonly PeerAnswer[];
}

/** How long a write takes at half of what the region can write, with checkpoints and remote apply, beside one bare commit. */
export const latencyBench: Bench = {
  name: 'latency',
  async run(context) {
    const plan = plans[context.scale];
    const stops = stopsOf();
    try {
      const pair = await regionPair(context, { throughLinks: false, clients: ['near', 'far'] });
      const seed = randomBytes(4).readUInt32BE();
      const load = { ...writeLoadDefault, seed };
      const regions = await startLoadedPair(context, pair, { load, stops });
      const parts: Parts = {
        ...regions,
        generator: stops.add(await startGenerator(pair.near, load)),
        remote: stops.add(await startGenerator(pair.far, { ...load, seed: seed + 1 })),
      };
      context.progress.now('latency: measuring the write rate');
      const rates = await writeRates(plan, parts);
      const rate = medianOf(rates.map(({ sustained }) => sustained));
      const { postgresUrl } = pair.near;
      const sizes = await measureRows(postgresUrl);
      await createPeerTables(postgresUrl, 'bench_idle');
      const idle = stops.add(
        await startSide<PeerSettings, RowsOrder, PeerAnswer>({
          module: new URL('../write/rows-side.js', import.meta.url),
          settings: { postgresUrl, schema: 'bench_idle', sizes, shards: shardsDefault, load },
        }),
      );
      const limit = (): Promise<PeerAnswer> => {
        context.progress.now('latency: one commit after the other, nothing else going on');
        return idle.ask({ connections: 1, seconds: plan.limitSeconds });
      };
      const before = await limit();
      const loaded = await underLoad(context, { ...parts, plan, rate, postgresUrl });
      const limits = [before, await limit()];
      return resultOf(context, { plan, rate, rates, limits, ...loaded });
    } finally {
      await stops.stop();
    }
  },
};

interface Parts extends LoadedPair {
  readonly generator: Generator;
  /** Of the other region. */
  readonly remote: Generator;
}

/**
 * The first round warms up. A rate counts until the other region has all of it: both share the machine, and what a region
 * writes while the other falls behind cannot go on for two minutes.
 */
async function writeRates(plan: Plan, { generator, far }: Parts): Promise<readonly Rate[]> {
  const rates: Rate[] = [];
  let total = 0;
  for (let round = 0; round <= plan.rateRounds; round += 1) {
    const order = { kind: 'closed', inFlight, batch, seconds: plan.rateSeconds } as const;
    const began = performance.now();
    const { count, seconds } = await generator.ask(order);
    total += count;
    await far.ask({ kind: 'applied', total, withinMillis: 120_000 });
    const sustained = count / ((performance.now() - began) / 1000);
    if (round > 0) rates.push({ sustained, answered: count / seconds });
  }
  return rates;
}

/** What the checkpoints of a server did meanwhile. */
interface Checkpoints {
  readonly done: number;
  readonly buffers: number;
  readonly writeMillis: number;
  readonly syncMillis: number;
}

/** Checkpoints begin by the clock of the server, as those of a server under load do: asked for, they would not be spread. */
async function underLoad(
  { servers, progress }: BenchContext,
  parts: Parts & { readonly plan: Plan; readonly rate: number; readonly postgresUrl: string },
): Promise<Pick<Measured, 'checkpoints' | 'local' | 'spent' | 'remote'>> {
  const { plan, rate, near, generator, remote, postgresUrl } = parts;
  const { seconds, sliceSeconds } = plan;
  const before = await timedCheckpoints(postgresUrl);
  try {
    progress.now(`latency: ${Math.round(rate * plan.share)} writes/s for ${seconds} s`, 0);
    const there = remote.ask({ kind: 'open', perSecond: rate * plan.remoteShare, seconds });
    const here = servers.metered(servers.near, () =>
      watched(near, () =>
        generator.ask({ kind: 'open', perSecond: rate * plan.share, seconds, sliceSeconds }),
      ),
    );
    const [{ result, ...spent }, answer] = await Promise.all([here, there]);
    const checkpoints = difference(await checkpointsOf(postgresUrl), before);
    return { checkpoints, local: result.result, spent: { ...spent, result: result.region }, remote: answer };
  } finally {
    await asked(postgresUrl, 'alter system reset checkpoint_timeout');
    await asked(postgresUrl, 'select pg_reload_conf()');
  }
}

/** The first begins `checkpointSeconds` after now. @returns what was done until now */
async function timedCheckpoints(postgresUrl: string): Promise<Checkpoints> {
  await asked(postgresUrl, `alter system set checkpoint_timeout = '${checkpointSeconds}s'`);
  await asked(postgresUrl, 'select pg_reload_conf()');
  await asked(postgresUrl, 'checkpoint');
  return checkpointsOf(postgresUrl);
}

async function checkpointsOf(postgresUrl: string): Promise<Checkpoints> {
  const [row] = await asked(
    postgresUrl,
    'select num_done, buffers_written, write_time, sync_time from pg_stat_checkpointer',
  );
  return {
    done: Number(row?.['num_done']),
    buffers: Number(row?.['buffers_written']),
    writeMillis: Number(row?.['write_time']),
    syncMillis: Number(row?.['sync_time']),
  };
}

function difference(after: Checkpoints, before: Checkpoints): Checkpoints {
  return {
    done: after.done - before.done,
    buffers: after.buffers - before.buffers,
    writeMillis: after.writeMillis - before.writeMillis,
    syncMillis: after.syncMillis - before.syncMillis,
  };
}

function resultOf({ driver }: BenchContext, measured: Measured): BenchResult {
  const { plan, rate, rates, checkpoints, local, spent, remote, limits } = measured;
  const limitP99 = medianOf(limits.map(({ latencyMillis }) => latencyMillis.p99));
  const { p99 } = local.latencyMillis;
  const slices = local.slices.map(({ latencyMillis }) => latencyMillis).filter(({ count }) => count > 0);
  const sliceP99s = spreadOf(slices.map((slice) => slice.p99));
  const failures = Object.values(local.refused).reduce((sum, count) => sum + count, 0);
  const row = (side: string, all: readonly PeerAnswer['latencyMillis'][]) => ({
    side,
    cells: latencyCells(all),
  });
  return {
    name: 'latency',
    title: `intended start to answer at ${Math.round(rate * plan.share)} writes/s, ${plan.share * 100} % of the write rate that both regions keep up with, for ${plan.seconds} s with ${checkpoints.done} checkpoints and remote apply`,
    rows: [
      row('Atoll: write', [local.latencyMillis]),
      row(`Atoll: write, parts of ${plan.sliceSeconds} s`, slices),
      row('Atoll: write in the other region', [remote.latencyMillis]),
      row(
        'single-row commit, idle',
        limits.map(({ latencyMillis }) => latencyMillis),
      ),
    ],
    costs: [costRow('Atoll', [costCard({ events: local.count, ...costsOf(spent) }, spent)])],
    targets: [
      {
        what: 'p99 of a write',
        wanted: `< ${p99MillisMax} ms, or <= ${timesLimitMax}x the single commit's`,
        measured: `${p99.toFixed(1)} ms (parts of ${plan.sliceSeconds} s: ${spreadText(sliceP99s)}), ${(p99 / limitP99).toFixed(1)}x the single commit's ${limitP99.toFixed(1)} ms`,
        reached: p99 < p99MillisMax || p99 <= timesLimitMax * limitP99,
      },
      { what: 'writes refused', wanted: '0', measured: String(failures), reached: failures === 0 },
    ],
    configuration: {
      Atoll: `two regions, one process each, ${shardsDefault} shards, all limits as by default, ${driver}; load by generators in processes of their own over the public batch RPC, one call every 5 ms; the write rate was measured just before by batch RPC, ${inFlight / batch} calls of ${batch} in flight, until the other region, on the same cores, had all of it: ${ratesText(rates, 'sustained')} writes/s (answered, with the other one falling behind: ${ratesText(rates, 'answered')}); the other region writes ${Math.round(rate * plan.remoteShare)}/s, which are applied here; \`checkpoint_timeout\` of ${checkpointSeconds} s: ${checkpoints.done} checkpoints done, ${checkpoints.buffers} pages, ${(checkpoints.writeMillis / 1000).toFixed(1)} s of writing and ${(checkpoints.syncMillis / 1000).toFixed(1)} s of syncing`,
      'single-row commit, idle':
        'the transaction per row of the bench `write` over one connection, one after the other, before and after, while both regions idle',
    },
    voidBecause: [
      whyVoid('Atoll', local),
      whyVoid('the other region', remote),
      checkpoints.done < plan.checkpointsMin ? `only ${checkpoints.done} checkpoints were over` : undefined,
    ].filter((reason) => reason !== undefined),
    plots: [
      {
        name: 'latency',
        title: 'p99 of a write, milliseconds (line: p50 to p99.9)',
        unit: 'ms',
        logarithmic: true,
        bars: [
          { label: 'Atoll at half of its rate', value: range(local.latencyMillis) },
          ...limits.map(({ latencyMillis }, at) => ({
            label: `single-row commit, idle, ${at === 0 ? 'before' : 'after'}`,
            value: range(latencyMillis),
          })),
        ],
      },
    ],
    figures: measured,
  };
}

function range({ p50, p99, p999 }: PeerAnswer['latencyMillis']) {
  return { median: p99, low: p50, high: p999 };
}

function costsOf({ result: { costs, traffic } }: Metered<LoadedAnswer>) {
  return { costs, traffic };
}

function ratesText(rates: readonly Rate[], of: keyof Rate): string {
  return rates.map((rate) => rate[of].toFixed(0)).join(', ');
}
