import { regionOf, type Dot } from '#core/causality/dot.js';
import { seqOf } from '#core/causality/version-vector.js';
import type { Timing } from '../limits.js';
import type { WaitingRow } from '../ports/event-log.js';
import type { RegionCursors } from '../read/region-cursors.js';
import type { Intake } from './intake.js';
import { causalSeq, type ShardState } from './shard-state.js';

export interface DependencyWatchParts {
  readonly intake: Intake;
  readonly cursors: RegionCursors;
  readonly timing: Timing;
  /** An event that the region minted waits for this one, which is perhaps not stored here. */
  readonly missing: (shard: number, dot: Dot, region: string) => void;
}

/**
 * Looks again at events that wait for dependencies, in whatever shard, when those are covered (PROTOCOL §3).
 *
 * They wait by subscription: nobody sits in an executor's queue. What is waited for was decided before what waits for
 * it, so the waiting follows happened-before and never goes in a circle.
 */
export class DependencyWatch {
  /** Owned shards in which something waits for a dependency. Nearly always none: then a commit costs nothing here. */
  private readonly holders = new Set<number>();
  private following: Promise<void> | undefined;
  private isFollowing = false;
  private stopping = false;

  constructor(private readonly parts: DependencyWatchParts) {}

  /** A shard was committed to, or came. @param arrived what waits since this commit. */
  moved(state: ShardState, arrived: Iterable<WaitingRow>): void {
    for (const { waitsIn, waitsFor, dot } of arrived) {
      if (waitsIn === undefined || waitsFor === undefined) continue;
      this.holders.add(state.shard);
      this.parts.missing(waitsIn, waitsFor, regionOf(dot.actor));
    }
    if (this.holders.size === 0) return;
    // What came meanwhile to the shards it waits for was told before this commit could be found among the holders.
    if (this.holders.has(state.shard))
      for (const shard of [...state.waiting.dependsOn()]) this.release(shard);
    this.release(state.shard);
    this.follow();
  }

  /** What others here wait for in that shard is a sibling's to tell from now on. */
  lost(shard: number): void {
    this.holders.delete(shard);
    this.follow();
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.following;
  }

  /** Hands on what has waited for dependencies in that shard that are covered now. */
  private release(shard: number): void {
    const isReached = this.reached(shard);
    for (const holder of [...this.holders]) {
      const waiting = this.parts.intake.stateOf(holder)?.waiting;
      for (const entity of waiting?.takeReached(shard, isReached) ?? [])
        this.parts.intake.replay(holder, entity);
      if (!waiting || waiting.dependsOn().next().done === true) this.holders.delete(holder);
    }
  }

  private reached(shard: number): (dot: Dot) => boolean {
    const state = this.parts.intake.stateOf(shard);
    if (state) return ({ actor, seq }) => causalSeq(state, actor) >= seq;
    const others = this.parts.cursors.vector(shard, 'causal');
    return ({ actor, seq }) => seqOf(others, actor) >= seq;
  }

  /** Cursors of shards that siblings own are read as long as something waits for them. */
  private follow(): void {
    if (this.stopping || this.foreign().size === 0) return;
    if (this.isFollowing) return;
    this.isFollowing = true;
    this.following = this.followOthers();
  }

  private async followOthers(): Promise<void> {
    for (;;) {
      const shards = this.foreign();
      if (this.stopping || shards.size === 0) {
        this.isFollowing = false;
        return;
      }
      await this.parts.cursors.readOthers(this.parts.timing.cursorPollMillis);
      for (const shard of shards) this.release(shard);
    }
  }

  private foreign(): ReadonlySet<number> {
    const { intake } = this.parts;
    const shards = new Set<number>();
    for (const holder of this.holders) {
      for (const shard of intake.stateOf(holder)?.waiting.dependsOn() ?? [])
        if (!intake.stateOf(shard)) shards.add(shard);
    }
    return shards;
  }
}
