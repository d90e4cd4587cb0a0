import type { Bench, BenchContext, BenchResult, Scale } from '../bench.js';
import { costCard, costRow, type CostCard } from '../cost-card.js';
import { rateCells, ratioText, spreadText } from '../figures.js';
import { soloRegion, stopsOf } from '../region/start-loaded.js';
import { alternating, type Rounds } from '../rounds.js';
import { startSide, type Side } from '../side/start-side.js';
import { pairedRatios, spreadOf } from '../statistics.js';
import type { TextAnswer, TextOrder, TextSettings } from './text-side.js';

interface Plan {
  readonly rounds: number;
  readonly transactions: number;
}

const plans: Readonly<Record<Scale, Plan>> = {
  full: { rounds: 5, transactions: 26_078 },
  smoke: { rounds: 1, transactions: 300 },
};

const inFlight = 256;
const wanted = { times: 0.25, walBytes: 2048 };

interface Slice {
  readonly perSecond: number;
  readonly card: CostCard;
}

interface Sides {
  readonly region: Slice;
  readonly apply: Slice;
  readonly edit: Slice;
}

type TextProgram = Side<TextOrder, TextAnswer>;

/** A document that two people wrote, replayed through a region, beside yjs alone. */
export const textBench: Bench = {
  name: 'text',
  async run(context) {
    const plan = plans[context.scale];
    const stops = stopsOf();
    try {
      context.progress.now('text: reading the trace');
      const start = (settings: TextSettings): Promise<TextProgram> =>
        startSide({
          module: new URL('./text-side.js', import.meta.url),
          settings,
          ...(settings.region === undefined || context.profileDirectory === undefined
            ? {}
            : { profileDirectory: context.profileDirectory }),
        });
      const { transactions } = plan;
      const region = stops.add(await start({ region: await soloRegion(context), transactions }));
      const bare = stops.add(await start({ transactions }));
      return resultOf(context, plan, await measure(context, plan, { region, bare }));
    } finally {
      await stops.stop();
    }
  },
};

function measure(
  { servers, progress }: BenchContext,
  plan: Plan,
  { region, bare }: { readonly region: TextProgram; readonly bare: TextProgram },
): Promise<Rounds<Sides>> {
  const sliceOf = async (side: TextProgram, order: TextOrder): Promise<Slice> => {
    const { result, ...spent } = await servers.metered(servers.near, () => side.ask(order));
    const { events, seconds } = result;
    const card = costCard(result, order.kind === 'region' ? spent : undefined);
    return { perSecond: events / seconds, card };
  };
  return alternating<Sides>(
    { bench: 'text', rounds: plan.rounds, progress },
    {
      region: (round) => sliceOf(region, { kind: 'region', id: `document-${round}`, inFlight }),
      apply: () => sliceOf(bare, { kind: 'apply' }),
      edit: () => sliceOf(bare, { kind: 'edit' }),
    },
  );
}

function resultOf({ driver }: BenchContext, plan: Plan, rounds: Rounds<Sides>): BenchResult {
  const sides = {
    'Atoll, in process': rounds.region,
    'yjs: the updates into one document': rounds.apply,
    'yjs: two writers edit and exchange': rounds.edit,
  };
  const speeds = (slices: readonly Slice[]): readonly number[] => slices.map(({ perSecond }) => perSecond);
  const times = (slices: readonly Slice[]) => pairedRatios(speeds(rounds.region), speeds(slices));
  const timesBare = times(rounds.apply);
  const wal = spreadOf(rounds.region.map(({ card }) => card.walBytes ?? NaN));
  return {
    name: 'text',
    title: `transactions/s of a document by two writers, ${plan.transactions} of the trace, ${plan.rounds} rounds of alternating slices`,
    rows: Object.entries(sides).map(([side, slices], at) => ({
      side,
      cells: { ...rateCells(speeds(slices)), 'Atoll is': at === 0 ? '' : ratioText(times(slices)) },
    })),
    costs: Object.entries(sides).map(([side, slices]) =>
      costRow(
        side,
        slices.map(({ card }) => card),
      ),
    ),
    targets: [
      {
        what: 'Atoll in process / the same updates into a bare yjs document',
        wanted: `>= ${wanted.times}`,
        measured: ratioText(timesBare),
        reached: timesBare.median >= wanted.times,
      },
      {
        what: 'write-ahead log per event',
        wanted: `<= ${wanted.walBytes} B`,
        measured: spreadText(wal, ' B', 0),
        reached: wal.median <= wanted.walBytes,
      },
    ],
    configuration: {
      Atoll: `one region, one process, 16 shards, all limits as by default, ${driver}; one event per transaction, with the yjs update of its writer; both writers in this region, ${inFlight} transactions under way, in the trace's order; the text is compared in the end`,
      yjs: 'in a process of its own, from memory, nothing is stored; once the same updates one by one into one document, once two documents that are edited and take the updates of each other at the moments of the trace',
      trace: 'data/friendsforever.json.gz',
    },
    voidBecause: [],
    plots: [
      {
        name: 'text',
        title: 'Transactions of a shared document per second',
        unit: '/s',
        bars: Object.entries(sides).map(([label, slices]) => ({ label, value: spreadOf(speeds(slices)) })),
      },
    ],
    figures: { plan, timesBare, walBytes: wal, rounds },
  };
}
