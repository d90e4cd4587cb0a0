import type { Actor } from '../causality/dot.js';

/** "Everything that was minted in the shard before `sinceMillis` has a seq up to `lastSeq`", by the reader's own clock. */
export interface FreshReport {
  readonly actor: Actor;
  readonly lastSeq: number;
  /** When the reader sent what the report echoes: monotonic milliseconds of the reader, of nobody else. */
  readonly sinceMillis: number;
}

/** Reports of one region that wait for its stream: some ten seconds' worth. */
const waitingMax = 64;

/**
 * Since when the reads of one shard can be missing anything, per origin (PROTOCOL §6).
 *
 * A report counts only once the origin's stream is here up to the seq that it names. What is missing then was minted
 * after the origin had heard what it echoes, and so after that was sent: the age is never below the truth, whatever any
 * clock but the reader's monotonic one says.
 */
export class Freshness {
  private readonly counted = new Map<string, number>();
  private readonly waiting = new Map<string, FreshReport[]>();

  constructor(private readonly regions: readonly string[]) {}

  /** Notes a report. When too many wait, the newest gives way: the oldest is the next one to count. */
  report(region: string, report: FreshReport): void {
    let waiting = this.waiting.get(region);
    if (!waiting) {
      waiting = [];
      this.waiting.set(region, waiting);
    }
    if (waiting.length === waitingMax) waiting.pop();
    waiting.push(report);
  }

  /** Since when nothing of the region can be missing in what is here; `undefined`: not known at all. */
  since(region: string, seqHere: (actor: Actor) => number): number | undefined {
    const waiting = this.waiting.get(region);
    if (waiting && waiting.length > 0) this.count(region, waiting, seqHere);
    return this.counted.get(region);
  }

  /** The same of all regions together: the one that was heard of longest ago decides. */
  sinceAll(seqHere: (actor: Actor) => number): number | undefined {
    let oldest = Infinity;
    for (const region of this.regions) {
      const since = this.since(region, seqHere);
      if (since === undefined) return undefined;
      oldest = Math.min(oldest, since);
    }
    return oldest;
  }

  private count(region: string, waiting: FreshReport[], seqHere: (actor: Actor) => number): void {
    let since = this.counted.get(region) ?? -Infinity;
    const left = waiting.filter((report) => {
      if (seqHere(report.actor) < report.lastSeq) return true;
      since = Math.max(since, report.sinceMillis);
      return false;
    });
    if (left.length === waiting.length) return;
    this.counted.set(region, since);
    this.waiting.set(region, left);
  }
}
