import { formatDot } from '#core/causality/dot.js';
import { AtollError } from '#core/errors.js';
import { formatEpoch } from '#core/strong/epoch.js';
import { mayStand, type MemberChange, type Membership } from '#core/strong/membership.js';
import type { HandedOverAnswer, MembersChangedAnswer, StrongMembersAnswer } from '#io/http/admin-answers.js';
import type { Call } from '#io/http/call.js';
import type { HandoverRequest, MembersRequest } from '#io/http/requests.js';
import type { Answer } from './answer.js';
import type { ApiParts } from './api-parts.js';
import { audited } from './audit.js';

/** What operators ask about strong shards, and have them do. */
export function strongOperations({ service, region, audit }: ApiParts) {
  /** What a handover would begin with. @throws AtollError */
  const planHandover = async (shard: number, to: string): Promise<Answer<HandedOverAnswer>> => {
    const { membership, shards } = await service.strongMembers();
    if (!mayStand(membership, to))
      throw new AtollError('invalid_request', `'${to}' is no region that may be the home of a shard`);
    const found = shards.find((one) => one.shard === shard);
    if (found === undefined)
      throw new AtollError('invalid_request', `there is no shard ${shard}, or it has no owner`);
    return {
      body: { region, shard, applied: false, home: found.home ?? null, epoch: formatEpoch(found.decided) },
    };
  };

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

    changeMembers(call: Call, { dryRun, ...asked }: MembersRequest): Promise<Answer<MembersChangedAnswer>> {
      const { maxWaitMillis } = call;
      return audited(audit, call, { action: 'ChangeMembers', target: asked, dryRun }, async () => {
        const changed = await service.changeStrongMembers(changeOf(asked), { dryRun, maxWaitMillis });
        const { before, after, isApplied } = changed;
        return { body: { region, applied: isApplied, before: describe(before), after: describe(after) } };
      });
    },

    handover(
      call: Call,
      shard: number,
      { to, force, dryRun }: HandoverRequest,
    ): Promise<Answer<HandedOverAnswer>> {
      return audited(audit, call, { action: 'HandOver', target: { shard, to, force }, dryRun }, async () => {
        if (dryRun) return planHandover(shard, to);
        const { region: home, epoch } = await service.handover(shard, to, force);
        return { body: { region, shard, applied: true, home, epoch: formatEpoch(epoch) } };
      });
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
