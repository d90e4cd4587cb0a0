import { formatDot } from '#core/causality/dot.js';
import { formatEpoch } from '#core/strong/epoch.js';
import type { MemberChange, Membership } from '#core/strong/membership.js';
import type { MembersChangedAnswer, StrongMembersAnswer } from '#io/http/admin-answers.js';
import type { MembersRequest } from '#io/http/requests.js';
import type { Answer } from './answer.js';
import type { ApiParts } from './api-parts.js';

/** What operators ask about strong shards, and have them do. */
export function strongOperations({ service, region }: ApiParts) {
  return {
    async refused(limit: number) {
      const rows = await service.refused(limit);
      const events = rows.map(({ dot, shard, entity, epoch, mutationId }) => ({
        dot: formatDot(dot, shard),
        ...entity,
        epoch,
        mutationId,
      }));
      return { body: { region, events } };
    },

    async members(): Promise<Answer<StrongMembersAnswer>> {
      const { membership, former, shards } = await service.strongMembers();
      return {
        body: {
          region,
          ...describe(membership),
          former: former.map(({ isRetired, ...rest }) => ({ ...rest, retired: isRetired })),
          shards: shards.map(({ shard, home, promised, decided }) => ({
            shard,
            home: home ?? null,
            promised: formatEpoch(promised),
            decided: formatEpoch(decided),
          })),
        },
      };
    },

    async changeMembers(
      { dryRun, ...asked }: MembersRequest,
      maxWaitMillis: number,
    ): Promise<Answer<MembersChangedAnswer>> {
      const changed = await service.changeStrongMembers(changeOf(asked), { dryRun, maxWaitMillis });
      const { before, after, isApplied } = changed;
      return { body: { region, applied: isApplied, before: describe(before), after: describe(after) } };
    },

    async handover(shard: number, to: string, force: boolean) {
      const { region: home, epoch } = await service.handover(shard, to, force);
      return { body: { region, shard, home, epoch: formatEpoch(epoch) } };
    },
  };
}

function changeOf({ change, region, witness, stopped }: Omit<MembersRequest, 'dryRun'>): MemberChange {
  return change === 'add'
    ? { kind: 'add', region, isWitness: witness === true }
    : { kind: 'remove', region, isStopped: stopped === true };
}

function describe({ number, members, witnesses }: Membership): MembersChangedAnswer['before'] {
  return { number, members: members.map((region) => ({ region, witness: witnesses.includes(region) })) };
}
