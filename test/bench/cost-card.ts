import type { TableRow } from './bench.js';
import type { Metered } from './servers.js';
import type { SideCosts } from './side/side-costs.js';
import { medianOf } from './statistics.js';

/** What one event cost, by who paid; `null` where nobody can tell. */
export interface CostCard {
  readonly programMicros: number | null;
  readonly postgresMicros: number | null;
  readonly kafkaMicros: number | null;
  readonly walBytes: number | null;
  /** Handed to all clusters: values, keys and MACs of records. */
  readonly kafkaBytes: number | null;
  /** Calls to the database. */
  readonly roundTrips: number | null;
  readonly residentMib: number | null;
  readonly loopDelayP99Millis: number | null;
}

export interface Traffic {
  readonly kafkaBytes: number;
  /** Produce requests to all clusters, and the records in them. */
  readonly kafkaRequests: number;
  readonly kafkaRecords: number;
  readonly roundTrips: number;
}

interface Spent {
  readonly events: number;
  readonly costs: SideCosts;
  readonly traffic?: Traffic;
}

export function costCard(spent: Spent, servers?: Omit<Metered<unknown>, 'result'>): CostCard {
  const { events, costs, traffic } = spent;
  const each = (amount: number | undefined): number | null =>
    amount === undefined || events === 0 ? null : amount / events;
  return {
    programMicros: each(costs.cpuMicros),
    postgresMicros: each(servers?.postgresMicros),
    kafkaMicros: each(servers?.kafkaMicros),
    walBytes: each(servers?.walBytes),
    kafkaBytes: each(traffic?.kafkaBytes),
    roundTrips: each(traffic?.roundTrips),
    residentMib: costs.residentBytes / 2 ** 20,
    loopDelayP99Millis: costs.loopDelayP99Millis,
  };
}

const columns: readonly (readonly [keyof CostCard, string, number])[] = [
  ['programMicros', 'process us', 1],
  ['postgresMicros', 'Postgres us', 1],
  ['kafkaMicros', 'Kafka us', 1],
  ['walBytes', 'WAL B', 0],
  ['kafkaBytes', 'Kafka B', 0],
  ['roundTrips', 'round trips', 3],
  ['residentMib', 'resident MiB', 0],
  ['loopDelayP99Millis', 'loop p99 ms', 1],
];

/** One row of the card: medians over the slices of a side. */
export function costRow(side: string, cards: readonly CostCard[]): TableRow {
  const cells = columns.map(([key, title, digits]) => {
    const known = cards.map((card) => card[key]).filter((value) => value !== null);
    return [title, known.length === 0 ? '-' : medianOf(known).toFixed(digits)] as const;
  });
  return { side, cells: Object.fromEntries(cells) };
}
