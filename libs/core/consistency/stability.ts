import type { Actor } from '../causality/dot.js';
import { covers, meet, nothingSeen, seqOf, type VersionVector } from '../causality/version-vector.js';

/** What one member's heartbeat said of one shard. */
export interface FoldedReport {
  readonly folded: VersionVector;
  /** Last seq that the member's own actor had minted in the shard then. */
  readonly actor: Actor;
  readonly lastSeq: number;
}

/**
 * Which events of one shard are stable: folded at every member, each known through that member's own stream (PROTOCOL §6).
 *
 * A report counts only once the member's stream is folded here up to the last seq it named: whatever the member minted
 * before it folded an event has then arrived, so nothing concurrent with a stable event can still come. And once all that
 * the member had folded is folded here: what an actor minted that is no more, before a restore of its region, is in no
 * living member's own stream, and still concurrent with what is stable.
 */
export class StabilityTracker {
  private readonly waiting = new Map<string, FoldedReport>();
  private readonly counted = new Map<string, VersionVector>();

  constructor(private readonly peers: readonly string[]) {}

  /**
   * Notes a report. While an earlier one of the member still waits for its stream, later ones are passed over: under
   * steady load the newest could otherwise wait for ever.
   */
  report(region: string, report: FoldedReport, foldedHere: VersionVector): void {
    this.advance(foldedHere);
    if (!this.waiting.has(region)) this.waiting.set(region, report);
    this.advance(foldedHere);
  }

  /** Counts reports whose streams have arrived by now. */
  advance(foldedHere: VersionVector): void {
    for (const [region, report] of this.waiting) {
      if (!covers(foldedHere, report.folded)) continue;
      if (seqOf(foldedHere, report.actor) >= report.lastSeq) {
        this.counted.set(region, report.folded);
        this.waiting.delete(region);
      }
    }
  }

  /** The stable vector of the shard; empty while any member has not been heard. */
  stable(foldedHere: VersionVector): VersionVector {
    let stable = foldedHere;
    for (const peer of this.peers) stable = meet(stable, this.counted.get(peer) ?? nothingSeen);
    return stable;
  }
}
