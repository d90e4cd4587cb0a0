import type { Dot } from '#core/causality/dot.js';
import { majorityOf } from '#core/consistency/acks.js';
import { AtollError } from '#core/errors.js';
import type { EntityRef } from '#core/event/event.js';
import { entityKey } from '#core/event/shard-of.js';
import type { EntityState } from '#core/merge/entity-state.js';
import type { EntityTypes } from '#core/merge/entity-type.js';
import type { Confirmations } from '../accept/confirmations.js';
import type { EntityCache } from '../accept/entity-cache.js';
import type { CursorWatch } from '../accept/wake.js';
import type { Clock } from '../ports/clock.js';
import type { RegionIdentity } from '../ports/event-log.js';
import type { Command } from '../service.js';
import { isLeftOutIn, leaseOf, votersIn } from './closings-here.js';
import type { RightsKnowledge } from './rights-knowledge.js';
import { rightsFields } from './rights-types.js';

export interface LeasedWritesParts {
  readonly identity: RegionIdentity;
  readonly members: readonly string[];
  readonly types: EntityTypes;
  readonly clock: Clock;
  readonly cache: EntityCache;
  readonly watch: CursorWatch;
  readonly confirmations: Confirmations;
  readonly knowledge: RightsKnowledge;
  /** Committed state of an entity that is not in memory. @throws LogUnavailable */
  readonly read: (entity: EntityRef) => Promise<EntityState>;
}

/** How often it is looked again whether a lease has come back. */
const lookMillis = 50;

/**
 * Answers a change of a counter that has a rights lease only once nobody can leave it out any more: a majority stores it,
 * and then the lease is still held. Whoever takes the rights over asks a majority what it stores after every lease of
 * this region is over, and so meets it (ADR 0012).
 */
export class LeasedWrites {
  private readonly fields: ReadonlyMap<string, readonly string[]>;

  constructor(private readonly parts: LeasedWritesParts) {
    this.fields = rightsFields(parts.types);
  }

  /** Whether the command uses rights under a lease. */
  concerns({ entity, operations }: Command): boolean {
    const fields = this.fields.get(entity.type);
    if (fields === undefined || leaseOf(this.parts.types.get(entity.type)) === undefined) return false;
    return operations.some(({ field, op }) => fields.includes(field) && !withoutRights.has(op));
  }

  /** Counters under a lease change alone: their part of a change can be left out, and a change is atomic. */
  mixes(command: Command): boolean {
    const fields = this.fields.get(command.entity.type) ?? [];
    return this.concerns(command) && command.operations.some(({ field }) => !fields.includes(field));
  }

  /** @throws AtollError rights_reclaimed, or rights_lapsed when nobody knows at the deadline whether it will count */
  async confirm(
    shard: number,
    { entity }: Command,
    { dot, replayed }: { readonly dot: Dot; readonly replayed: boolean },
    deadlineMillis: number,
  ): Promise<void> {
    const { confirmations, clock, watch, types, knowledge, members } = this.parts;
    const type = types.get(entity.type);
    const leaseMillis = leaseOf(type);
    if (type === undefined || leaseMillis === undefined) return;
    const needed = majorityOf(members.length) - 1;
    const event = { shard, dot, replayed };
    const { confirmed } = await confirmations.wait(event, { needed, deadlineMillis });
    if (confirmed.length < needed) throw mayBeLeftOut('no majority of the regions is known to store it');
    for (;;) {
      // In this order: what is known of the regions is not newer than the state that it is held against.
      const heard = knowledge.heard(shard);
      const state = await this.stateOf(entity);
      if (isLeftOutIn(type, state, dot)) throw wasLeftOut();
      const without = votersIn(type, state, this.parts.identity.actor);
      const now = clock.monotonicMillis();
      if (now < knowledge.leaseUntil(heard, leaseMillis, without)) return;
      if (now >= deadlineMillis) throw mayBeLeftOut('the rights lease is over');
      await watch.next(Math.min(deadlineMillis - now, lookMillis));
    }
  }

  private async stateOf(entity: EntityRef): Promise<EntityState> {
    return this.parts.cache.get(entityKey(entity))?.state ?? (await this.parts.read(entity));
  }
}

const withoutRights: ReadonlySet<string> = new Set(['stand', 'vote', 'yield']);

export function wasLeftOut(): AtollError {
  return new AtollError('rights_reclaimed', 'another region took the rights over; the change has no effect');
}

function mayBeLeftOut(why: string): AtollError {
  return new AtollError(
    'rights_lapsed',
    `the change is stored here and may be left out, for ${why}: retry it with the same mutation id`,
  );
}
