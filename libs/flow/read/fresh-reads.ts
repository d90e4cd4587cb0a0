import { join, type VersionVector } from '#core/causality/version-vector.js';
import { countedRegions, majorityOf } from '#core/consistency/acks.js';
import type { Level } from '#core/consistency/level.js';
import { AtollError } from '#core/errors.js';
import type { Timing } from '../limits.js';
import { sleep, type Clock } from '../ports/clock.js';
import type { EventLog } from '../ports/event-log.js';
import { PeerUnavailable, type Peers, type ShardCursors } from '../ports/peers.js';
import { TooStale } from '../service.js';
import { vectorOf, type RegionCursors } from './region-cursors.js';
import type { AgeBy, Staleness } from './staleness.js';

export type BoundedLevel = Extract<Level, { readonly kind: 'bounded' }>;

export interface FreshReadsParts {
  readonly log: EventLog;
  readonly peers: Peers;
  readonly clock: Clock;
  readonly timing: Timing;
  readonly members: readonly string[];
  readonly cursors: RegionCursors;
  readonly staleness: Staleness;
  /** A region told what it stores: what is missing here is fetched from it at once. */
  readonly shown: (region: string, shard: number, cursors: ShardCursors) => void;
  /** What this process owns may have another owner by now. */
  readonly doubt: () => void;
}

/** The cursors that an age goes by, and until when it may be waited for. */
interface Bound {
  readonly by: AgeBy;
  readonly deadlineMillis: number;
}

/** How long the memory of a shard may lag behind its database before its owner asks whether it still is the owner. */
const doubtMillis = 25;

/**
 * What must have happened before a bounded or a quorum read may look at a shard. Both begin with a reading of the own
 * database that started after the request arrived: a process that was the owner of the shard, and is not any more, sees
 * there what it has missed (PROTOCOL §1).
 */
export class FreshReads {
  constructor(private readonly parts: FreshReadsParts) {}

  /**
   * Resolves once a read that begins now is young enough: by what is stored, where nothing of the entity waits, else by what is
   * folded. @throws TooStale, AtollError not_covered_yet
   */
  async bounded(
    shard: number,
    level: BoundedLevel,
    { which, deadlineMillis }: { readonly which: () => Promise<AgeBy>; readonly deadlineMillis: number },
  ): Promise<void> {
    const { clock } = this.parts;
    await this.ownTruth(shard, deadlineMillis);
    for (;;) {
      const by = await which();
      const stale = this.staleRegions(shard, level.maxMillis, by);
      if (stale.length === 0) return;
      if (level.otherwise === 'redirect') throw await this.elsewhere(shard, level, { by, deadlineMillis });
      if (level.otherwise === 'refuse' || clock.monotonicMillis() >= deadlineMillis)
        throw this.staleBy(stale, shard, level, by);
      await Promise.all(stale.map((region) => this.refresh(region, shard, { by, deadlineMillis })));
    }
  }

  /** Why a bounded read of the shard would be refused now, by what is stored here as far as it was read; `undefined`: it would not. */
  tooStale(shard: number, level: BoundedLevel): TooStale | undefined {
    const stale = this.staleRegions(shard, level.maxMillis, 'stored');
    return stale.length === 0 ? undefined : this.staleBy(stale, shard, level, 'stored');
  }

  /**
   * Resolves with everything that a majority of regions, this one among them, stored of the shard at moments after the call,
   * once it is stored here too. @throws AtollError no_quorum, not_covered_yet
   */
  async quorum(shard: number, deadlineMillis: number): Promise<VersionVector> {
    const { cursors, shown } = this.parts;
    const [own, answers] = await Promise.all([
      this.ownTruth(shard, deadlineMillis),
      this.majority(shard, deadlineMillis),
    ]);
    let wanted = own;
    for (const [region, answer] of answers) {
      wanted = join(wanted, answer.stored);
      shown(region, shard, answer);
    }
    await cursors.cover(new Map([[shard, wanted]]), 'stored', deadlineMillis);
    return wanted;
  }

  /** What the own database held at a moment after the call, once whatever reads here go by has it too. */
  async ownTruth(shard: number, deadlineMillis: number): Promise<VersionVector> {
    const { cursors, clock, doubt } = this.parts;
    const { shards } = await cursors.reading();
    const stored = vectorOf(shards.get(shard) ?? [], 'stored');
    const wanted = new Map([[shard, stored]]);
    const doubtAtMillis = Math.min(deadlineMillis, clock.monotonicMillis() + doubtMillis);
    try {
      await cursors.cover(wanted, 'stored', doubtAtMillis);
    } catch (error) {
      if (!(error instanceof AtollError) || error.code !== 'not_covered_yet') throw error;
      doubt();
      await cursors.cover(wanted, 'stored', deadlineMillis);
    }
    return stored;
  }

  private staleBy(regions: readonly string[], shard: number, level: BoundedLevel, by: AgeBy): TooStale {
    const { staleness } = this.parts;
    const detail = `what comes from ${regions.join(', ')} may be older than ${level.maxMillis} ms`;
    const stalenessMillis = staleness.age(staleness.since(shard, by));
    return new TooStale('too_stale', detail, { stalenessMillis, regions: [] });
  }

  /** Regions of which something older than that may be missing. */
  private staleRegions(shard: number, maxMillis: number, by: AgeBy): readonly string[] {
    const { staleness, clock, members } = this.parts;
    const oldest = clock.monotonicMillis() - maxMillis;
    return members.filter((region) => (staleness.sinceOf(shard, region, by) ?? -Infinity) < oldest);
  }

  /** Asks a region once what it has minted, fetches what is missing, and answers when it is here, or at the deadline. */
  private async refresh(region: string, shard: number, { by, deadlineMillis }: Bound): Promise<void> {
    const { clock, cursors, log, peers, staleness, timing, shown } = this.parts;
    const left = (): number => deadlineMillis - clock.monotonicMillis();
    const sinceMillis = clock.monotonicMillis();
    if (region === log.identity.region) {
      await cursors.reading();
      return cursors.moved(shard, Math.max(0, Math.min(left(), timing.retryMillis)));
    }
    try {
      const answer = await peers.cursors(region, shard, Math.max(1, left()));
      const { actor, lastSeq } = answer;
      staleness.told(region, shard, { actor, lastSeq, sinceMillis });
      shown(region, shard, answer);
      while (cursors.seqOf(shard, actor, by) < lastSeq && left() > 0) await cursors.moved(shard, left());
    } catch (error) {
      if (!(error instanceof PeerUnavailable)) throw error;
      await sleep(clock, Math.max(0, Math.min(left(), timing.retryMillis)));
    }
  }

  /** The error that names the first region to say that it is fresh enough. */
  private async elsewhere(
    shard: number,
    level: BoundedLevel,
    { by, deadlineMillis }: Bound,
  ): Promise<TooStale> {
    const { peers, staleness, clock } = this.parts;
    const left = Math.max(1, deadlineMillis - clock.monotonicMillis());
    const asking = peers.regions.map(async (region) => {
      const { stalenessMillis } = await peers.cursors(region, shard, left);
      if (stalenessMillis !== null && stalenessMillis <= level.maxMillis) return region;
      throw new PeerUnavailable(`${region} is too stale too`);
    });
    const fresh = await Promise.any(asking).catch(() => undefined);
    const stalenessMillis = staleness.age(staleness.since(shard, by));
    if (fresh === undefined) {
      const detail = `no region told in time that it is fresh within ${level.maxMillis} ms`;
      return new TooStale('too_stale', detail, { stalenessMillis, regions: [] });
    }
    return new TooStale('read_elsewhere', `read it in ${fresh}`, { stalenessMillis, regions: [fresh] });
  }

  /** What enough peers told to be a majority with this region. @throws AtollError no_quorum, however late the own database is */
  private async majority(shard: number, deadlineMillis: number): Promise<ReadonlyMap<string, ShardCursors>> {
    const { members, log } = this.parts;
    const needed = majorityOf(members.length) - 1;
    const answers = await this.ask(shard, needed, deadlineMillis);
    const counted = countedRegions(answers.keys(), { members, besides: log.identity.region });
    if (counted.length >= needed) return answers;
    const heard = [log.identity.region, ...counted].join(', ');
    const detail = `only ${heard} of ${members.length} regions told in time what they store`;
    throw new AtollError('no_quorum', detail);
  }

  /** The first answers of `needed` peers, each region once; fewer when the deadline passes. Who fails is asked again. */
  private async ask(
    shard: number,
    needed: number,
    deadlineMillis: number,
  ): Promise<ReadonlyMap<string, ShardCursors>> {
    const { peers, clock, timing } = this.parts;
    const answers = new Map<string, ShardCursors>();
    if (needed === 0) return answers;
    let over = false;
    await new Promise<void>((resolve, reject) => {
      const finish = (): void => {
        over = true;
        cancel();
        resolve();
      };
      const cancel = clock.after(Math.max(0, deadlineMillis - clock.monotonicMillis()), finish);
      const askOne = async (region: string): Promise<void> => {
        while (!over) {
          const left = Math.max(1, deadlineMillis - clock.monotonicMillis());
          try {
            const answer = await peers.cursors(region, shard, left);
            if (over) return;
            answers.set(region, answer);
            if (answers.size >= needed) finish();
            return;
          } catch (error) {
            if (!(error instanceof PeerUnavailable)) throw error;
            await sleep(clock, Math.min(left, timing.retryMillis));
          }
        }
      };
      for (const region of peers.regions) askOne(region).catch(reject);
    });
    return answers;
  }
}
