import { dotKey, type Dot } from '#core/causality/dot.js';
import { majorityOf } from '#core/consistency/acks.js';
import type { Clock } from '../ports/clock.js';
import type { Staleness } from '../read/staleness.js';

export interface RightsKnowledgeParts {
  readonly clock: Clock;
  readonly staleness: Staleness;
  readonly region: string;
  readonly members: readonly string[];
}

/** Transfers that their giver called firm and that are not stable yet: others are found to be stable later. */
const firmMax = 10_000;

/** What a process knows besides the log when it decides about rights (ADR 0012). */
export class RightsKnowledge {
  private readonly firm = new Set<string>();

  constructor(private readonly parts: RightsKnowledgeParts) {}

  /**
   * Since when each other region is known here: when this process sent what the region echoed, if all that the region had
   * minted in the shard by then is folded here. By the own monotonic clock.
   */
  heard(shard: number): ReadonlyMap<string, number> {
    const { staleness, region, members } = this.parts;
    const heard = new Map<string, number>();
    for (const other of members) {
      const since = other === region ? undefined : staleness.sinceOf(shard, other, 'folded');
      if (since !== undefined) heard.set(other, since);
    }
    return heard;
  }

  /** Until when a lease lasts that was renewed by hearing of these, those named left out; -Infinity: too few were. */
  leaseUntil(
    heard: ReadonlyMap<string, number>,
    leaseMillis: number,
    without: readonly string[] = [],
  ): number {
    const since = [...heard].filter(([region]) => !without.includes(region)).map(([, at]) => at);
    const needed = majorityOf(this.parts.members.length) - 1;
    const last = needed === 0 ? Infinity : since.sort((a, b) => b - a)[needed - 1];
    return (last ?? -Infinity) + leaseMillis;
  }

  hearsMajority(shard: number, leaseMillis: number, without: readonly string[]): boolean {
    return this.parts.clock.monotonicMillis() < this.leaseUntil(this.heard(shard), leaseMillis, without);
  }

  /** The giver said so within its lease, after a majority had stored it: no reclaim leaves it out any more. */
  noteFirm(shard: number, dot: Dot): void {
    this.firm.add(firmKey(shard, dot));
    const [oldest] = this.firm;
    if (this.firm.size > firmMax && oldest !== undefined) this.firm.delete(oldest);
  }

  isFirm(shard: number, dot: Dot): boolean {
    return this.firm.size > 0 && this.firm.has(firmKey(shard, dot));
  }
}

function firmKey(shard: number, dot: Dot): string {
  return `${shard} ${dotKey(dot)}`;
}
