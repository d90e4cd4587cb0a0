import { AtollError } from '#core/errors.js';
import { changeMembers, formerMembers, latestOf, type MemberChange } from '#core/strong/membership.js';
import { noEpoch, sameEpoch } from '#core/strong/epoch.js';
import { membershipEntity, readMemberships, writeMemberships } from '#core/strong/membership-record.js';
import type { CursorWatch } from '../accept/wake.js';
import type { Clock } from '../ports/clock.js';
import { PeerUnavailable } from '../ports/peers.js';
import type { Telemetry } from '../ports/telemetry.js';
import type { Command, MembersChanged, StrongMembers } from '../service.js';
import type { KnownMemberships, ReadMemberships } from './known-memberships.js';
import type { ShardStanding } from './messages.js';
import type { StrongService } from './strong-service.js';

export interface MembersParts {
  readonly memberships: KnownMemberships;
  readonly service: Pick<StrongService, 'standing' | 'overrule' | 'read'>;
  readonly clock: Clock;
  readonly watch: CursorWatch;
  readonly telemetry: Telemetry;
  readonly shards: number;
  /** Whether any type is declared strong; one that is not may have been moved. */
  readonly hasStrongTypes: boolean;
  /** All configured regions. */
  readonly regions: readonly string[];
  readonly submit: (command: Command, maxWaitMillis: number) => Promise<unknown>;
}

/** Between two looks whether a change that was decided elsewhere is known here, in milliseconds. */
const lookAgainMillis = 50;

/** Shows and changes the members of strong shards (PROTOCOL §8). */
export class Members {
  constructor(private readonly parts: MembersParts) {}

  /** As far as it is known here. @throws LogUnavailable, CommitUnknown */
  async show(): Promise<StrongMembers> {
    const { memberships, shards } = this.parts;
    const { known } = await memberships.refresh();
    const looks = await Promise.all(Array.from({ length: shards }, (_, shard) => this.standing(shard)));
    const found = looks.flatMap((look, shard) => (look ? [{ shard, ...look }] : []));
    // What is not known of a shard may be in any membership yet.
    const opened = looks.map((look) => look?.decided.membership ?? 0);
    return { membership: latestOf(known), former: formerMembers(known, opened), shards: found };
  }

  /**
   * Adds or removes one region, through the strong log of the system shard. A region that is stated to be stopped is not
   * waited for: that both sides of a cut do so is the one thing that no rule helps against.
   *
   * @throws AtollError invalid_request, precondition_failed where nothing is strong, not_home, no_majority, deadline_exceeded (it may still be done: ask again)
   */
  async change(
    change: MemberChange,
    { dryRun, maxWaitMillis }: { readonly dryRun: boolean; readonly maxWaitMillis: number },
  ): Promise<MembersChanged> {
    const { memberships, clock, watch, regions, service, telemetry } = this.parts;
    if (!regions.includes(change.region))
      throw new AtollError('invalid_request', `'${change.region}' is no configured region`);
    await this.assertDecided();
    const deadlineMillis = clock.monotonicMillis() + maxWaitMillis;
    for (;;) {
      const { known, seen } = await this.newest(change, deadlineMillis);
      const before = latestOf(known);
      const wanted = changeMembers(known, change);
      if (wanted.kind === 'refused') throw new AtollError('invalid_request', wanted.why);
      const after = wanted.kind === 'same' ? before : wanted.next;
      if (wanted.kind === 'same' || dryRun) return { before, after, isApplied: false };
      telemetry.log('warn', 'the members of strong shards are to be changed', { ...change });
      if (change.kind === 'remove' && change.isStopped)
        await service.overrule(memberships.systemShard, change.region);
      const [first, ...later] = known;
      const operations = [writeMemberships([first, ...later, after])];
      const command: Command = { entity: membershipEntity, kind: 'update', operations, ifMatch: seen };
      const left = deadlineMillis - clock.monotonicMillis();
      try {
        await this.parts.submit(command, Math.max(1, left));
        await this.untilKnown(after.number, deadlineMillis);
        return { before, after, isApplied: true };
      } catch (error) {
        // Another change came first.
        const isOvertaken = error instanceof AtollError && error.code === 'precondition_failed';
        if (!isOvertaken || left <= 0) throw error;
        await watch.next(Math.min(left, lookAgainMillis));
      }
    }
  }

  /** Where no type was ever strong nobody stands as a home, and no record can be decided. @throws AtollError */
  private async assertDecided(): Promise<void> {
    if (this.parts.hasStrongTypes) return;
    const standing = await this.standing(this.parts.memberships.systemShard);
    if (!standing || !sameEpoch(standing.promised, noEpoch)) return;
    throw new AtollError(
      'precondition_failed',
      'no entity type is strong, so there are no strong shards to decide in: declare a type strong, or move one to strong, first',
    );
  }

  /** As their home has them: this region may lag behind. Who overrules a majority goes by what is known here. */
  private async newest(change: MemberChange, deadlineMillis: number): Promise<ReadMemberships> {
    const { memberships, service } = this.parts;
    const local = await memberships.refresh();
    if (change.kind === 'remove' && change.isStopped) return local;
    const { value, seen } = await service.read(memberships.systemShard, membershipEntity, deadlineMillis);
    return { known: readMemberships(value) ?? local.known, seen };
  }

  /** Decided it is; who asks next shall find it here, if that is soon. */
  private async untilKnown(number: number, deadlineMillis: number): Promise<void> {
    const { memberships, clock, watch } = this.parts;
    while ((await memberships.refresh(), memberships.latest.number < number)) {
      const left = deadlineMillis - clock.monotonicMillis();
      if (left <= 0) return;
      await watch.next(Math.min(left, lookAgainMillis));
    }
  }

  private async standing(shard: number): Promise<ShardStanding | undefined> {
    try {
      return await this.parts.service.standing(shard);
    } catch (error) {
      if (error instanceof AtollError || error instanceof PeerUnavailable) return undefined;
      throw error;
    }
  }
}
