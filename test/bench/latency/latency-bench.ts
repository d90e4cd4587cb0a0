import { randomBytes } from 'node:crypto';
import type { Bench, BenchContext, BenchResult, Scale } from '../bench.js';
import { costCard, costRow } from '../cost-card.js';
import { latencyCells } from '../figures.js';
import { writeLoadDefault } from '../load/document-writes.js';
import { whyVoid } from '../load/open-loop.js';
import type { LoadedAnswer } from '../region/loaded-side.js';
import {
  regionPair,
  shardsDefault,
  startLoadedPair,
  stopsOf,
  type LoadedPair,
} from '../region/start-loaded.js';
import { asked, type Metered } from '../servers.js';
import { startSide } from '../side/start-side.js';
import { medianOf } from '../statistics.js';
import { createPeerTables, measureRows } from '../write/peer-tables.js';
import type { PeerAnswer, PeerSettings, RowsOrder } from '../write/rows-side.js';

interface Plan {
  readonly rateSeconds: number;
  readonly rateRounds: number;
  readonly seconds: number;
  readonly limitSeconds: number;
  /** Of the write rate. */
  readonly share: number;
  /** What the other region writes meanwhile, of the write rate: it is applied here. */
  readonly remoteShare: number;
}

const plans: Readonly<Record<Scale, Plan>> = {
  full: { rateSeconds: 5, rateRounds: 3, seconds: 120, limitSeconds: 8, share: 0.5, remoteShare: 0.05 },
  smoke: { rateSeconds: 0.3, rateRounds: 1, seconds: 1.5, limitSeconds: 0.2, share: 0.1, remoteShare: 0.05 },
};

const p99MillisMax = 10;
const timesLimitMax = 3;

interface Measured {
  readonly plan: Plan;
  readonly rate: number;
  readonly rates: readonly number[];
  readonly local: Metered<LoadedAnswer>;
  readonly remote: LoadedAnswer;
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
      const pair = await regionPair(context, { throughLinks: false });
      const seed = randomBytes(4).readUInt32BE();
      const load = { ...writeLoadDefault, seed };
      const { near, far } = await startLoadedPair(context, pair, { load, stops });
      context.progress.now('latency: measuring the write rate');
      const rates = await writeRates(plan, { near, far });
      const rate = medianOf(rates);
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
      const [local, remote] = await underLoad(context, { plan, rate, near, far, postgresUrl });
      const limits = [before, await limit()];
      return resultOf(context, { plan, rate, rates, local, remote, limits });
    } finally {
      await stops.stop();
    }
  },
};

/** The first round warms up; after each the other region has all of it. */
async function writeRates(plan: Plan, { near, far }: LoadedPair): Promise<readonly number[]> {
  const rates: number[] = [];
  let total = 0;
  for (let round = 0; round <= plan.rateRounds; round += 1) {
    const { count, seconds } = await near.ask({ kind: 'write', inFlight: 256, seconds: plan.rateSeconds });
    total += count;
    await far.ask({ kind: 'applied', total, withinMillis: 120_000 });
    if (round > 0) rates.push(count / seconds);
  }
  return rates;
}

/** Two checkpoints, at one and two thirds of the time, as a server under load makes them. */
async function underLoad(
  { servers, progress }: BenchContext,
  parts: LoadedPair & { readonly plan: Plan; readonly rate: number; readonly postgresUrl: string },
): Promise<readonly [Metered<LoadedAnswer>, LoadedAnswer]> {
  const { plan, rate, near, far, postgresUrl } = parts;
  const { seconds } = plan;
  const timers = [1 / 3, 2 / 3].map((share) => {
    const made = Promise.withResolvers<unknown>();
    setTimeout(
      () => {
        progress.now(`latency: a checkpoint under load at ${Math.round(rate * plan.share)} writes/s`, share);
        asked(postgresUrl, 'checkpoint').then(made.resolve, made.reject);
      },
      seconds * 1000 * share,
    );
    return made.promise;
  });
  progress.now(`latency: ${Math.round(rate * plan.share)} writes/s for ${seconds} s`, 0);
  const remote = far.ask({ kind: 'open', perSecond: rate * plan.remoteShare, seconds });
  const local = servers.metered(servers.near, () =>
    near.ask({ kind: 'open', perSecond: rate * plan.share, seconds }),
  );
  const [measured, there] = await Promise.all([local, remote, ...timers]);
  return [measured, there];
}

function resultOf({ driver }: BenchContext, measured: Measured): BenchResult {
  const { plan, rate, rates, local, remote, limits } = measured;
  const { result, ...spent } = local;
  const limitP99 = medianOf(limits.map(({ latencyMillis }) => latencyMillis.p99));
  const { p99 } = result.latencyMillis;
  const failures = Object.values(result.refused).reduce((sum, count) => sum + count, 0);
  const row = (side: string, all: readonly PeerAnswer['latencyMillis'][]) => ({
    side,
    cells: latencyCells(all),
  });
  return {
    name: 'latency',
    title: `intended start to answer at ${Math.round(rate * plan.share)} writes/s, ${plan.share * 100} % of the write rate, for ${plan.seconds} s with two checkpoints and remote apply`,
    rows: [
      row('Atoll: write', [result.latencyMillis]),
      row('Atoll: write in the other region', [remote.latencyMillis]),
      row(
        'single-row commit, idle',
        limits.map(({ latencyMillis }) => latencyMillis),
      ),
    ],
    costs: [costRow('Atoll', [costCard({ events: result.count, ...result }, spent)])],
    targets: [
      {
        what: 'p99 of a write',
        wanted: `< ${p99MillisMax} ms, or <= ${timesLimitMax}x the single commit's`,
        measured: `${p99.toFixed(1)} ms, ${(p99 / limitP99).toFixed(1)}x the single commit's ${limitP99.toFixed(1)} ms`,
        reached: p99 < p99MillisMax || p99 <= timesLimitMax * limitP99,
      },
      { what: 'writes refused', wanted: '0', measured: String(failures), reached: failures === 0 },
    ],
    configuration: {
      Atoll: `two regions, one process each, ${shardsDefault} shards, all limits as by default, ${driver}; the write rate (${rates.map((one) => one.toFixed(0)).join(', ')} writes/s, 256 in flight, the other region applying) was measured just before; the other region writes ${Math.round(rate * plan.remoteShare)}/s, which are applied here; \`checkpoint\` at one and two thirds`,
      'single-row commit, idle':
        'the transaction per row of the bench `write` over one connection, one after the other, before and after, while both regions idle',
    },
    voidBecause: [
      whyVoid('Atoll', { begun: result.begun, lateMillis: result.lateMillis ?? result.latencyMillis }),
    ].filter((reason) => reason !== undefined),
    plots: [
      {
        name: 'latency',
        title: 'p99 of a write, milliseconds (line: p50 to p99.9)',
        unit: 'ms',
        logarithmic: true,
        bars: [
          { label: 'Atoll at half of its rate', value: range(result.latencyMillis) },
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
