import { dotKey } from '#core/causality/dot.js';
import { decodeVector, includes, nothingSeen, type VersionVector } from '#core/causality/version-vector.js';
import type { EntityRef } from '#core/event/event.js';
import type { Json, JsonObject } from '#core/json.js';
import type { EntityTypes } from '#core/merge/entity-type.js';
import { firstMembership, isMajority, type Membership } from '#core/strong/membership.js';
import { isMembership, readMemberships } from '#core/strong/membership-record.js';
import { parseJson } from '#core/parse-json.js';
import type { ShardCommit } from '#flow/ports/event-log.js';
import type { MemoryDatabase } from '../memory/memory-database.js';
import { BrokenInvariant } from './sim-checks.js';
import { movedType } from './sim-types.js';

/** Looks at every commit: one writer per epoch, and nothing in any state that no majority has stored. */
export class StrongChecks {
  private readonly writers = new Map<string, string>();
  /** Strong events of the type that is moved: others of it are eventual. */
  private readonly movedDots = new Set<string>();
  /** All memberships that any database has shown to be decided. */
  known: readonly Membership[];

  constructor(
    private readonly types: EntityTypes,
    private readonly databases: () => readonly MemoryDatabase[],
    regions: readonly string[],
  ) {
    this.known = firstMembership(regions);
  }

  look(database: MemoryDatabase, part: ShardCommit): void {
    for (const { event } of part.events) {
      if (event.epoch === undefined) continue;
      if (event.entity.type === movedType) this.movedDots.add(`${part.shard} ${dotKey(event.dot)}`);
      const key = `${part.shard} ${event.epoch}`;
      const writer = this.writers.get(key) ?? event.dot.actor;
      this.writers.set(key, writer);
      if (writer !== event.dot.actor)
        throw new BrokenInvariant(`INV-11: epoch ${event.epoch} of shard ${part.shard} has two writers`);
    }
    for (const row of part.entities) {
      const isMoved = row.entity.type === movedType && this.movedDots.size > 0;
      if (this.types.get(row.entity.type)?.consistency !== 'strong' && !isMoved) continue;
      if (isMembership(row.entity)) this.learn(row);
      const { seen } = parseJson(row.state) as { readonly seen: Json };
      this.lookAtState(database, part.shard, row.entity, decodeVector(seen) ?? nothingSeen);
    }
  }

  /** No number is ever decided twice: the lists that databases show grow, and never differ. */
  private learn({ value }: ShardCommit['entities'][number]): void {
    const told = readMemberships(
      value ? (parseJson(Buffer.from(value).toString()) as JsonObject) : undefined,
    );
    for (const [at, membership] of (told ?? []).entries()) {
      const one = this.known[at];
      if (one !== undefined && JSON.stringify(one) !== JSON.stringify(membership))
        throw new BrokenInvariant(
          `INV-11: membership ${membership.number} is two: ${JSON.stringify([one, membership])}`,
        );
    }
    if (told && told.length > this.known.length) this.known = told;
  }

  private lookAtState(database: MemoryDatabase, shard: number, entity: EntityRef, seen: VersionVector): void {
    const all = this.databases();
    const table = database.shard(shard);
    for (const { actor, seq } of table.histories.get(`${entity.type}\n${entity.id}`) ?? []) {
      const dot = { actor, seq };
      if (!includes(seen, dot) || table.refused.has(dotKey(dot))) continue;
      if (entity.type === movedType && !this.movedDots.has(`${shard} ${dotKey(dot)}`)) continue;
      const stores = (region: string): boolean =>
        all.some(
          (one) =>
            one.identity.region === region && (one.shard(shard).cursors.get(actor)?.stored ?? 0) >= seq,
        );
      if (!this.known.some(({ members }) => isMajority(members, stores)))
        throw new BrokenInvariant(
          `INV-11: ${database.identity.region} shows ${dotKey(dot)} of shard ${shard}, which no majority stores`,
        );
    }
  }
}
