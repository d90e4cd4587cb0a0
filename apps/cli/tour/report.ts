import type { LagByLink } from '../load/lag-probe.js';
import type { ReplayCounts } from '../load/retail-replay.js';
import type { Verdict } from '../judge/verdict.js';
import type { PlayedExample } from './examples/play.js';

/** How the tour ran, whatever it found. */
export interface TourRun {
  readonly seconds: Readonly<Record<string, number>>;
  /** File name of the clients' history, beside the report. */
  readonly history: string | null;
  readonly regions: readonly string[];
  readonly startedAt: string;
  readonly node: string;
}

/** What is written where the regions did not converge in time: there is nothing to judge. */
export interface UnjudgedReport extends TourRun {
  readonly passed: false;
  readonly failures: readonly string[];
  readonly converged: false;
}

/** What the tour found, as `--report` writes it. */
export interface TourReport extends TourRun {
  readonly passed: boolean;
  /** What was demanded and is not so, in words; empty when it passed. */
  readonly failures: readonly string[];
  /** Every region reads the same of everything, nothing waits. */
  readonly converged: boolean;
  /** Judged from the clients' own journal, which is kept in `history`. */
  readonly lostWrites: number;
  readonly doubleApplied: number;
  readonly conflicts: {
    readonly recorded: number;
    /** The conflicts of every region are those that an independent definition finds in the events. */
    readonly equalsOracle: boolean;
    readonly sameInAllRegions: boolean;
  };
  readonly retail: {
    readonly linesReplayed: number;
    readonly commands: number;
    readonly totalsEqualSequentialPass: boolean;
    /** SHA-256, hex, of the lines `sku=total\n` sorted by bytes: by region, and of a sequential pass over the file. */
    readonly digest: Readonly<Record<string, string>>;
    readonly digestOfSequentialPass: string;
    readonly commandsPerSecond: number;
  };
  readonly document: {
    readonly transactions: number;
    readonly writers: readonly [string, string];
    /** Requests of runs of transactions, and the longest chain of hops between the writers. */
    readonly runs: number;
    readonly longestChain: number;
    readonly equalsBareReplay: boolean;
    readonly sameInAllRegions: boolean;
  };
  /** From the origin's stamp until a reader of the other region's feed is told, by link; a link on which nothing was measured is absent. */
  readonly lagMillis: LagByLink;
  /** Of the replay's commands, those that hit their entity concurrently with another region. */
  readonly concurrency: { readonly commands: number; readonly concurrent: number; readonly share: number };
  readonly retries: ReplayCounts['retried'] & {
    readonly total: number;
    readonly answeredAsBefore: number;
    readonly aliases: number;
  };
  readonly moves: ReplayCounts['moves'];
  readonly cut: { readonly link: string; readonly seconds: number };
  readonly examples: readonly Pick<PlayedExample, 'name' | 'passed' | 'expectations' | 'table'>[];
  readonly judged: Verdict;
}

/** Where the clients' history of a report is kept: `r.json` -> `r.history.jsonl`. */
export function historyPathOf(report: string): string {
  return `${report.replace(/\.json$/, '')}.history.jsonl`;
}
