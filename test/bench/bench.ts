import type { KafkaDriverName } from '#io/kafka/settings.js';
import type { Plot } from './plot.js';
import type { Progress } from './progress.js';
import type { BenchServers } from './servers.js';

/** `smoke` runs every part for a moment, to see that it runs; its figures mean nothing. */
export type Scale = 'full' | 'smoke';

export interface BenchContext {
  readonly scale: Scale;
  readonly driver: KafkaDriverName;
  readonly servers: BenchServers;
  readonly progress: Progress;
  /** Where CPU profiles of Atoll's own processes are written. */
  readonly profileDirectory?: string;
}

/** One side of a bench: what was measured, as cells of the table. */
export interface TableRow {
  readonly side: string;
  readonly cells: Readonly<Record<string, string>>;
}

/** A figure that the project set itself. It is judged with `--judge` only. */
export interface Target {
  readonly what: string;
  readonly wanted: string;
  readonly measured: string;
  readonly reached: boolean;
}

export interface BenchResult {
  readonly name: string;
  /** What was measured, in one sentence. */
  readonly title: string;
  readonly rows: readonly TableRow[];
  readonly targets: readonly Target[];
  /** How each side was set up, so that nobody has to guess whether a peer was set up badly. */
  readonly configuration: Readonly<Record<string, string>>;
  /** Why the run proves nothing: the generator itself was late. Empty for a good run. */
  readonly voidBecause: readonly string[];
  /** The cost card: what an event cost, by who paid. */
  readonly costs?: readonly TableRow[];
  readonly plots?: readonly Plot[];
  /** Of the machine's processor time, 0 to 1: what was spent by processes that are not of this run. */
  readonly othersShare?: number;
  /** Everything that was measured, slice by slice. Plain JSON. */
  readonly figures: unknown;
}

export interface Bench {
  readonly name: string;
  run(context: BenchContext): Promise<BenchResult>;
}
