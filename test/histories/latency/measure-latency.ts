import { newMutationId } from '#client/mutation-id.js';
import type { CallOptions, RegionClient, WriteOptions } from '#client/region-client.js';
import { untilAnswered } from '#client/until-answered.js';
import { delayBetween, type DelayMatrix } from '#io/devstack/delay-matrix.js';
import { percentilesOf, type Percentiles } from '../../bench/statistics.js';
import type { FaultLab } from '../../integration/faults/fault-lab.js';

/** What one kind of operation costs in one region. */
export interface LatencyRow {
  readonly operation: string;
  readonly region: string;
  /** The round trips that it needs, by the delay matrix; 0: it is answered in the region. */
  readonly neededMillis: number;
  readonly millis: Percentiles;
}

/** An operation as a client in a region does it, and the round trips that it needs there. */
interface Measured {
  readonly operation: string;
  readonly needs: (region: string) => number;
  readonly act: (at: At) => Promise<unknown>;
}

interface At {
  readonly client: RegionClient;
  readonly id: string;
  readonly session: string;
}

export interface LatencyPlan {
  readonly lab: FaultLab;
  readonly matrix: DelayMatrix;
  /** Of each operation in each region. */
  readonly samples: number;
  readonly strong: { readonly lab: FaultLab; readonly home: string } | undefined;
}

/** Median there and back, with half of the jitter each way. */
function roundTrip(matrix: DelayMatrix, from: string, to: string): number {
  const there = delayBetween(matrix, from, to);
  const back = delayBetween(matrix, to, from);
  return there.oneWayMillis + there.jitterMillis / 2 + back.oneWayMillis + back.jitterMillis / 2;
}

/** One client per region, one operation at a time, on an otherwise idle system. */
export async function measureLatency(plan: LatencyPlan): Promise<readonly LatencyRow[]> {
  const { lab, matrix, samples } = plan;
  const trips = (region: string): readonly number[] =>
    lab.regions
      .filter((other) => other !== region)
      .map((other) => roundTrip(matrix, region, other))
      .toSorted((a, b) => a - b);
  const nearest = (region: string): number => trips(region)[0] ?? 0;
  const farthest = (region: string): number => trips(region).at(-1) ?? 0;
  const here = (): number => 0;
  const measured: readonly Measured[] = [
    { operation: 'write, acks=local', needs: here, act: write({}) },
    {
      operation: 'write, causal',
      needs: here,
      act: (at) => write({ consistency: 'causal', session: at.session })(at),
    },
    { operation: 'write, acks=1', needs: nearest, act: write({ acks: '1' }) },
    { operation: 'write, acks=majority', needs: nearest, act: write({ acks: 'majority' }) },
    { operation: 'write, acks=all', needs: farthest, act: write({ acks: 'all' }) },
    { operation: 'read, eventual', needs: here, act: read({}) },
    { operation: 'read, session', needs: here, act: (at) => read({ session: at.session })(at) },
    {
      operation: 'read, causal',
      needs: here,
      act: (at) => read({ session: at.session, consistency: 'causal' })(at),
    },
    {
      operation: 'read, bounded 2 s',
      needs: here,
      act: read({ consistency: 'bounded;max=2000ms;else=fetch' }),
    },
    { operation: 'read, quorum', needs: nearest, act: read({ consistency: 'quorum' }) },
  ];
  const rows = await measureAll(lab, measured, samples);
  if (plan.strong === undefined) return rows;
  const { home, lab: strongLab } = plan.strong;
  const decides = (region: string): number =>
    nearest(home) + (region === home ? 0 : roundTrip(matrix, region, home));
  const strong: readonly Measured[] = [
    { operation: 'write, strong', needs: decides, act: write({}) },
    { operation: 'read, strong', needs: decides, act: read({ consistency: 'strong' }) },
  ];
  return [...rows, ...(await measureAll(strongLab, strong, samples))];
}

async function measureAll(
  lab: FaultLab,
  measured: readonly Measured[],
  samples: number,
): Promise<readonly LatencyRow[]> {
  const rows: LatencyRow[] = [];
  for (const one of measured) {
    // All regions at once: their clients share nothing but the machine.
    const found = await Promise.all(lab.clients.map((client) => measureOne(client, one, samples)));
    rows.push(...found.filter((row) => row !== undefined));
  }
  return rows;
}

const warmUpMax = 10;

/** `undefined`: this version does not serve it. */
async function measureOne(
  client: RegionClient,
  { operation, needs, act }: Measured,
  samples: number,
): Promise<LatencyRow | undefined> {
  const { region } = client;
  const id = `${operation.replaceAll(/[^a-z0-9]+/g, '-')}-${region}`;
  const first = await untilAnswered(() =>
    client.change(noteOf(id), change, { mutationId: newMutationId(region) }),
  );
  const at = { client, id, session: first.session };
  const millis: number[] = [];
  for (let count = -Math.min(warmUpMax, samples); count < samples; count += 1) {
    const begun = performance.now();
    try {
      await act(at);
    } catch (error) {
      if (['level_not_available', 'acks_not_available'].includes(String((error as { code?: unknown }).code)))
        return undefined;
      throw error;
    }
    if (count >= 0) millis.push(performance.now() - begun);
  }
  return { operation, region, neededMillis: needs(region), millis: percentilesOf(millis) };
}

const change = { operations: [{ field: 'text', op: 'set', value: 'measured' }] };
const noteOf = (id: string) => ({ type: 'note', id });

function write(options: Omit<WriteOptions, 'mutationId'>) {
  return ({ client, id }: At): Promise<unknown> =>
    client.change(noteOf(id), change, { ...options, mutationId: newMutationId(client.region) });
}

function read(options: CallOptions) {
  return ({ client, id }: At): Promise<unknown> => client.read(noteOf(id), options);
}
