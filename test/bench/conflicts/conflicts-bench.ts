import { randomBytes } from 'node:crypto';
import type { Bench, BenchContext, BenchResult, Scale, TableRow } from '../bench.js';
import { costCard, costRow, type CostCard } from '../cost-card.js';
import { rateCells, ratioText } from '../figures.js';
import { writeLoadDefault } from '../load/document-writes.js';
import { familyNames, type FamilyName } from '../load/family-writes.js';
import type { Mix } from '../region/loaded-side.js';
import { regionPair, startLoadedPair, stopsOf, type LoadedPair } from '../region/start-loaded.js';
import { alternating, type Rounds } from '../rounds.js';
import { pairedRatios, spreadOf } from '../statistics.js';

interface Plan {
  readonly rounds: number;
  readonly seconds: number;
  readonly families: readonly FamilyName[];
}

const plans: Readonly<Record<Scale, Plan>> = {
  full: { rounds: 3, seconds: 1, families: familyNames },
  smoke: { rounds: 1, seconds: 0.2, families: ['last-writer-wins', 'map'] },
};

/** Of the writes of both regions; 0 is the limit: all entities disjoint. */
const shares = [0, 0.01, 0.1, 0.5] as const;
const inFlight = 64;
const wanted = 0.6;
const arrivalMillisMax = 60_000;

interface Slice {
  /** Writes of both regions, until each had stored all of the other's. */
  readonly perSecond: number;
  readonly card: CostCard;
}

/** Two regions write at once, more or less of it to one entity, beside disjoint entities. */
export const conflictsBench: Bench = {
  name: 'conflicts',
  async run(context) {
    const plan = plans[context.scale];
    const stops = stopsOf();
    try {
      const settings = await regionPair(context, { throughLinks: false });
      const load = { ...writeLoadDefault, seed: randomBytes(4).readUInt32BE() };
      const measured = slicesOf(context, await startLoadedPair(context, settings, { load, stops }));
      context.progress.now('conflicts: warming up');
      await measured(plan.seconds * 2, { family: 'last-writer-wins', share: 0, round: -1 });
      const keys = plan.families.flatMap((family) => shares.map((share) => ({ family, share })));
      const rounds = await alternating<Record<string, Slice>>(
        { bench: 'conflicts', rounds: plan.rounds, progress: context.progress },
        Object.fromEntries(
          keys.map(({ family, share }) => [
            keyOf(family, share),
            (round: number) => measured(plan.seconds, { family, share, round }),
          ]),
        ),
      );
      return resultOf(context, plan, rounds);
    } finally {
      await stops.stop();
    }
  },
};

function keyOf(family: FamilyName, share: number): string {
  return `${family}, ${share * 100} %`;
}

function slicesOf({ servers }: BenchContext, { near, far }: LoadedPair) {
  /** How many events each has had from the other so far. */
  const expected = { near: 0, far: 0 };
  return async (
    seconds: number,
    { family, share, round }: { readonly family: FamilyName; readonly share: number; readonly round: number },
  ): Promise<Slice> => {
    const mix = (ownPrefix: string): Mix => ({
      family,
      hotShare: share,
      hotId: `hot-${family}-${share}-${round}`,
      ownPrefix,
    });
    const began = performance.now();
    const { result: written, ...spent } = await servers.metered(servers.near, () =>
      Promise.all([
        near.ask({ kind: 'write', inFlight, seconds, mix: mix('near') }),
        far.ask({ kind: 'write', inFlight, seconds, mix: mix('far') }),
      ]),
    );
    const [byNear, byFar] = written;
    expected.near += byFar.count;
    expected.far += byNear.count;
    await Promise.all([
      near.ask({ kind: 'applied', total: expected.near, withinMillis: arrivalMillisMax }),
      far.ask({ kind: 'applied', total: expected.far, withinMillis: arrivalMillisMax }),
    ]);
    const tookSeconds = (performance.now() - began) / 1000;
    const card = costCard({ events: byNear.count, costs: byNear.costs, traffic: byNear.traffic }, spent);
    return { perSecond: (byNear.count + byFar.count) / tookSeconds, card };
  };
}

function resultOf({ driver }: BenchContext, plan: Plan, rounds: Rounds<Record<string, Slice>>): BenchResult {
  const slices = (family: FamilyName, share: number): readonly Slice[] => rounds[keyOf(family, share)] ?? [];
  const speeds = (family: FamilyName, share: number): readonly number[] =>
    slices(family, share).map(({ perSecond }) => perSecond);
  const times = (family: FamilyName, share: number) => pairedRatios(speeds(family, share), speeds(family, 0));
  const rows = plan.families.flatMap((family): TableRow[] =>
    shares.map((share) => ({
      side: keyOf(family, share),
      cells: {
        ...rateCells(speeds(family, share)),
        'times disjoint': share === 0 ? '' : ratioText(times(family, share)),
      },
    })),
  );
  const most = shares[shares.length - 1] ?? 0;
  return {
    name: 'conflicts',
    title: `writes/s of two regions at once until both have all, by the share that goes to one entity, ${plan.rounds} rounds of alternating slices of ${plan.seconds} s`,
    rows,
    costs: plan.families.flatMap((family) =>
      [0, most].map((share) =>
        costRow(
          keyOf(family, share),
          slices(family, share).map(({ card }) => card),
        ),
      ),
    ),
    targets: plan.families.map((family) => {
      const ratio = times(family, most);
      return {
        what: `${family}, ${most * 100} % on one entity / disjoint`,
        wanted: `>= ${wanted}`,
        measured: ratioText(ratio),
        reached: ratio.median >= wanted,
      };
    }),
    configuration: {
      Atoll: `two regions, one process each, 16 shards, all limits as by default, ${driver}; each with ${inFlight} writes in flight; what does not go to the one entity goes to entities of the region's own, ${writeLoadDefault.entities} of Zipf ${writeLoadDefault.zipfExponent}; the one entity is new in each slice; a multi-value write reads first and says what it read, for all shares alike`,
      'per event': 'of the near region while both write, its own writes counted as the events',
    },
    voidBecause: [],
    plots: [
      {
        name: 'conflicts',
        title: 'Writes per second with half of them on one entity, times disjoint',
        unit: 'x',
        bars: plan.families.map((family) => ({ label: family, value: times(family, most) })),
        wanted,
      },
    ],
    figures: { plan, rounds, spread: plan.families.map((family) => spreadOf(speeds(family, 0))) },
  };
}
