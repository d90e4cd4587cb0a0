import { dotKey, regionOf, type Dot } from '#core/causality/dot.js';
import { includes } from '#core/causality/version-vector.js';
import { majorityOf, type Acks } from '#core/consistency/acks.js';
import type { Level } from '#core/consistency/level.js';
import type { EntityRef } from '#core/event/event.js';
import { entityKey } from '#core/event/shard-of.js';
import type { Ack } from '#flow/ports/peers.js';
import type { ReadOutcome, WriteOutcome } from '#flow/service.js';
import type { MemoryDatabase } from '../memory/memory-database.js';
import { BrokenInvariant } from './sim-checks.js';
import type { SimClock } from './sim-clock.js';

/** The world, as far as promises are judged by it. */
interface JudgedWorld {
  readonly clock: SimClock;
  readonly regions: readonly string[];
  readonly databases: ReadonlyMap<string, { readonly memory: MemoryDatabase }>;
  failure: Error | undefined;
}

interface Born {
  readonly dot: Dot;
  readonly shard: number;
  /** When it was durable at its origin. */
  readonly atMillis: number;
  /** When a client was told that a majority stores it. */
  quorumAtMillis: number;
}

/** What answers promised, judged by an onlooker who sees every database and the one true time (INV-9, INV-10). */
export class PromiseChecks {
  private readonly births = new Map<string, Born[]>();
  readonly tally = {
    confirmedWrites: 0,
    incompleteWrites: 0,
    stalenessTold: 0,
    staleReads: 0,
    boundedReads: 0,
    quorumReads: 0,
    refusedReads: 0,
  };

  constructor(private readonly world: JudgedWorld) {}

  /** An event was committed for the first time, which is at its origin. */
  born(entity: EntityRef, { shard, dot }: { readonly shard: number; readonly dot: Dot }): void {
    const key = entityKey(entity);
    const births = this.births.get(key) ?? [];
    births.push({ dot, shard, atMillis: this.world.clock.monotonicMillis(), quorumAtMillis: Infinity });
    this.births.set(key, births);
  }

  /** INV-2: nobody is told of what is not durable. */
  acked(region: string, { shard, actor, stored }: Ack): void {
    const durable = this.world.databases.get(region)?.memory.shard(shard).cursors.get(actor)?.stored ?? 0;
    const name = `${region} acknowledged ${actor}:${stored} of shard ${shard}`;
    this.check(durable >= stored, `INV-2: ${name}, and stores ${durable}`);
  }

  /** INV-9: what was told to be stored in other regions is, in each that was named, each named once. */
  wrote(
    region: string,
    entity: EntityRef,
    asked: { readonly outcome: WriteOutcome; readonly acks: Acks },
  ): void {
    const { dot, shard, confirmed } = asked.outcome;
    const origin = regionOf(dot.actor);
    const name = `${region} told that ${dotKey(dot)} of shard ${shard}`;
    for (const other of confirmed) {
      const stored = this.world.databases.get(other)?.memory.shard(shard).cursors.get(dot.actor)?.stored ?? 0;
      this.check(stored >= dot.seq, `INV-9: ${name} is stored in ${other}`);
    }
    this.check(
      new Set([origin, ...confirmed]).size === confirmed.length + 1,
      `INV-9: ${name} counts a region twice`,
    );
    const members = this.world.regions.length;
    const needed = { local: 0, '1': 1, majority: majorityOf(members) - 1, all: members - 1 }[asked.acks];
    this.check(
      confirmed.length >= needed,
      `INV-9: ${name} has acks=${asked.acks}, by ${confirmed.join()} alone`,
    );
    if (asked.acks !== 'local') this.tally.confirmedWrites += 1;
    if (confirmed.length + 1 < majorityOf(members)) return;
    const born = this.births
      .get(entityKey(entity))
      ?.find((one) => one.shard === shard && dotKey(one.dot) === dotKey(dot));
    if (born) born.quorumAtMillis = Math.min(born.quorumAtMillis, this.world.clock.monotonicMillis());
  }

  /** INV-10: what is missing is younger than was told, within the bound; and nothing of a majority is missing in a quorum read. */
  read(region: string, read: ReadOutcome, asked: { readonly level: Level; readonly atMillis: number }): void {
    const { level, atMillis } = asked;
    const { stalenessMillis, seen, entity } = read;
    const now = this.world.clock.monotonicMillis();
    if (level.kind === 'bounded') {
      this.tally.boundedReads += 1;
      const within = stalenessMillis !== null && stalenessMillis <= level.maxMillis;
      this.check(within, `INV-10: ${region} read ${entityKey(entity)} beyond ${level.maxMillis} ms`);
    }
    if (level.kind === 'quorum') this.tally.quorumReads += 1;
    if (stalenessMillis !== null) this.tally.stalenessTold += 1;
    for (const { dot, atMillis: bornAt, quorumAtMillis } of this.births.get(entityKey(entity)) ?? []) {
      if (includes(seen, dot)) continue;
      this.tally.staleReads += 1;
      const name = `INV-10: ${region} read ${entityKey(entity)} without ${dotKey(dot)}`;
      const age = now - bornAt;
      this.check(
        stalenessMillis === null || age <= stalenessMillis,
        `${name}, which is ${age.toFixed(1)} ms old, and told ${stalenessMillis}`,
      );
      this.check(
        level.kind !== 'quorum' || quorumAtMillis > atMillis,
        `${name}, which a majority stored before the quorum read began`,
      );
    }
  }

  private check(holds: boolean, sentence: string): void {
    if (!holds) this.world.failure ??= new BrokenInvariant(sentence);
  }
}
