import { handOver } from '#client/admin.js';
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
  readonly type: 'note' | 'account';
  readonly needs: (region: string) => number;
  readonly act: (at: At) => Promise<unknown>;
}

interface At {
  readonly client: RegionClient;
  readonly entity: { readonly type: string; readonly id: string };
  readonly session: string;
}

export interface LatencyPlan {
  /** Serves `types/latency.ts`. */
  readonly lab: FaultLab;
  readonly matrix: DelayMatrix;
  /** Of each operation in each region. */
  readonly samples: number;
  /** Rounds before them that do not count. */
  readonly warmUps: number;
  /** Where the strong shards that are measured have their home. */
  readonly home: string;
  /** Where clients are. Default: everywhere. */
  readonly regions?: readonly string[];
  /** Leaves out what needs no round trip. */
  readonly onlyRemote?: boolean;
}

/** Median there and back, with half of the jitter each way. */
function roundTrip(matrix: DelayMatrix, from: string, to: string): number {
  const there = delayBetween(matrix, from, to);
  const back = delayBetween(matrix, to, from);
  return there.oneWayMillis + there.jitterMillis / 2 + back.oneWayMillis + back.jitterMillis / 2;
}

/**
 * One client per region, one operation at a time, on an otherwise idle system. Each round does all operations once, so
 * that all of them meet the same warm caches and the same noise.
 */
export async function measureLatency(plan: LatencyPlan): Promise<readonly LatencyRow[]> {
  const { lab, regions = lab.regions } = plan;
  const measured = operationsOf(plan).filter(({ needs }) => plan.onlyRemote !== true || needs(plan.home) > 0);
  // All regions at once: their clients share nothing but the machine.
  const found = await Promise.all(regions.map((region) => measureRegion(lab.client(region), measured, plan)));
  return measured.flatMap(({ operation }) =>
    found.flatMap((rows) => rows.filter((row) => row.operation === operation)),
  );
}

function operationsOf({ lab, matrix, home }: LatencyPlan): readonly Measured[] {
  const trips = (region: string): readonly number[] =>
    lab.regions
      .filter((other) => other !== region)
      .map((other) => roundTrip(matrix, region, other))
      .toSorted((a, b) => a - b);
  const nearest = (region: string): number => trips(region)[0] ?? 0;
  const farthest = (region: string): number => trips(region).at(-1) ?? 0;
  const here = (): number => 0;
  const decides = (region: string): number =>
    nearest(home) + (region === home ? 0 : roundTrip(matrix, region, home));
  const note = (
    operation: string,
    needs: Measured['needs'],
    act: (at: At) => Promise<unknown>,
  ): Measured => ({ operation, type: 'note', needs, act });
  return [
    note('write, acks=local', here, write({})),
    note('write, causal', here, (at) => write({ consistency: 'causal', session: at.session })(at)),
    note('write, acks=1', nearest, write({ acks: '1' })),
    note('write, acks=majority', nearest, write({ acks: 'majority' })),
    note('write, acks=all', farthest, write({ acks: 'all' })),
    note('read, eventual', here, read({})),
    note('read, session', here, (at) => read({ session: at.session })(at)),
    note('read, causal', here, (at) => read({ session: at.session, consistency: 'causal' })(at)),
    note('read, bounded 2 s', here, read({ consistency: 'bounded;max=2000ms;else=fetch' })),
    note('read, quorum', nearest, read({ consistency: 'quorum' })),
    { operation: 'write, strong', type: 'account', needs: decides, act: write({}) },
    { operation: 'read, strong', type: 'account', needs: decides, act: read({ consistency: 'strong' }) },
  ];
}

async function measureRegion(
  client: RegionClient,
  measured: readonly Measured[],
  plan: LatencyPlan,
): Promise<readonly LatencyRow[]> {
  const { samples, warmUps } = plan;
  const prepared = await Promise.all(measured.map((one) => prepare(client, one, plan)));
  const millis = measured.map((): number[] => []);
  for (let round = -warmUps; round < samples; round += 1) {
    for (const [index, { act }] of measured.entries()) {
      const begun = performance.now();
      await act(prepared[index] as At);
      if (round >= 0) millis[index]?.push(performance.now() - begun);
    }
  }
  const { region } = client;
  return measured.map(({ operation, needs }, index) => ({
    ...{ operation, region, neededMillis: needs(region), millis: percentilesOf(millis[index] ?? []) },
  }));
}

/** Each has an entity of its own; that of a strong one is brought to where its home shall be. */
async function prepare(
  client: RegionClient,
  { operation, type }: Measured,
  { home, lab }: LatencyPlan,
): Promise<At> {
  const { region } = client;
  const entity = { type, id: `${operation.replaceAll(/[^a-z0-9]+/g, '-')}-${region}` };
  const first = await untilAnswered(() =>
    client.change(entity, change, { mutationId: newMutationId(region) }),
  );
  if (type === 'account') {
    const shard = Number(first.dot.split(':')[1]);
    await untilAnswered(() => handOver(lab.client(home), { shard, to: home, force: false }));
  }
  return { client, entity, session: first.session };
}

const change = { operations: [{ field: 'text', op: 'set', value: 'measured' }] };

function write(options: Omit<WriteOptions, 'mutationId'>) {
  return ({ client, entity }: At): Promise<unknown> =>
    client.change(entity, change, { ...options, mutationId: newMutationId(client.region) });
}

function read(options: CallOptions) {
  return ({ client, entity }: At): Promise<unknown> => client.read(entity, options);
}
