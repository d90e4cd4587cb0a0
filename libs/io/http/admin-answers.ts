import { z } from 'zod';

/** What operators are answered under /v1/admin. */

const cursors = z.record(z.string(), z.strictObject({ stored: z.number().int(), folded: z.number().int() }));

export const topology = z
  .strictObject({
    region: z.string(),
    actor: z.string(),
    process: z.string(),
    members: z.array(z.string()),
    shards: z.number().int(),
    owned: z.array(z.number().int()),
    ready: z.boolean(),
    isolated: z.boolean(),
    clock: z
      .strictObject({
        isTrusted: z.boolean(),
        disagreements: z.array(z.strictObject({ witness: z.string(), aheadMillis: z.number() })),
      })
      .meta({
        description:
          "The process's wall clock: while it is not trusted, no writes are taken. Against whom it is off (`postgres`, or a region), and by how many milliseconds at least; below 0: behind.",
      }),
    pending: z.number().int(),
    parked: z.number().int(),
    types: z.array(
      z.strictObject({
        name: z.string(),
        schemaVersion: z.number().int(),
        onDelete: z.string(),
        consistency: z.string(),
        policyHash: z.string(),
        fields: z.array(z.strictObject({ name: z.string(), policy: z.string(), version: z.number().int() })),
      }),
    ),
  })
  .meta({ id: 'Topology' });
export type TopologyAnswer = z.output<typeof topology>;

export const links = z
  .strictObject({
    region: z.string(),
    links: z.array(
      z.strictObject({
        region: z.string(),
        lastHeartbeatMillisAgo: z.number().nullable(),
        behindHere: z
          .number()
          .int()
          .meta({ description: 'Events stored there and not here, by the last heartbeats' }),
        behindThere: z.number().int(),
        publishBacklog: z.number().int(),
        refusedTypes: z.array(z.string()),
      }),
    ),
  })
  .meta({ id: 'Links' });

export const shards = z
  .strictObject({
    region: z.string(),
    shards: z.array(
      z.strictObject({
        shard: z.number().int(),
        owner: z.string().meta({ description: "Process; '' when nobody has ever owned it" }),
        address: z.string(),
        ownerEpoch: z.number().int(),
        leaseRemainingMillis: z.number(),
        home: z.string().nullable().meta({
          description:
            'Region that strong operations go to; null while nobody is known, or another process owns it',
        }),
        epoch: z.string().meta({ description: "Of that home; '' for none" }),
        cursors: cursors.meta({ description: 'Per actor' }),
      }),
    ),
  })
  .meta({ id: 'Shards' });

export const quarantine = z
  .strictObject({
    region: z.string(),
    events: z.array(
      z.strictObject({
        dot: z.string(),
        type: z.string(),
        id: z.string(),
        state: z.enum(['pending', 'parked']),
        waitsFor: z.string().nullable(),
        reason: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: 'Quarantine' });

export const refused = z
  .strictObject({
    region: z.string(),
    events: z.array(
      z.strictObject({
        dot: z.string(),
        type: z.string(),
        id: z.string(),
        epoch: z.string(),
        mutationId: z.string(),
      }),
    ),
  })
  .meta({ id: 'Refused' });

export const handedOver = z
  .strictObject({
    region: z.string(),
    shard: z.number().int(),
    applied: z.boolean().meta({ description: 'false: a dry run, and home and epoch are as they are' }),
    home: z.string().nullable().meta({ description: 'null: nobody is known' }),
    epoch: z.string(),
  })
  .meta({ id: 'HandedOver' });
export type HandedOverAnswer = z.output<typeof handedOver>;

const membership = z.strictObject({
  number: z.number().int(),
  members: z.array(z.strictObject({ region: z.string(), witness: z.boolean() })),
});

export const strongMembers = z
  .strictObject({
    region: z.string(),
    ...membership.shape,
    former: z
      .array(z.strictObject({ region: z.string(), until: z.number().int(), retired: z.boolean() }))
      .meta({ description: 'Regions that were members: one that is not retired must go on promising' }),
    shards: z.array(
      z.strictObject({
        shard: z.number().int(),
        home: z.string().nullable(),
        promised: z.string().meta({ description: "Epoch, `membership.counter`; '' for none" }),
        decided: z.string().meta({ description: 'The newest epoch that is known here to serve' }),
      }),
    ),
  })
  .meta({ id: 'StrongMembers' });
export type StrongMembersAnswer = z.output<typeof strongMembers>;

export const membersChanged = z
  .strictObject({ region: z.string(), applied: z.boolean(), before: membership, after: membership })
  .meta({ id: 'MembersChanged' });
export type MembersChangedAnswer = z.output<typeof membersChanged>;

const consistency = z.enum(['eventual', 'strong']);

const shardMode = z.strictObject({
  shard: z.number().int(),
  mode: z
    .enum(['eventual', 'strong', 'closing', 'unknown'])
    .meta({ description: '`closing`: on its way to strong; `unknown`: its owner did not answer' }),
  phase: z.number().int().meta({ description: 'How often it was moved there, or a move of it aborted' }),
  closed: z.array(z.string()).meta({ description: 'Regions that have closed the phase; all are waited for' }),
  failure: z.string().nullable().meta({ description: 'Code: why the move could not be begun there in time' }),
});

export const typeStanding = z
  .strictObject({
    region: z.string(),
    types: z.array(z.strictObject({ type: z.string(), declared: consistency, shards: z.array(shardMode) })),
  })
  .meta({ id: 'TypeStanding' });
export type TypeStandingAnswer = z.output<typeof typeStanding>;

export const typeMoved = z
  .strictObject({
    region: z.string(),
    type: z.string(),
    goal: consistency.meta({ description: 'What it is to be in all shards' }),
    applied: z.boolean(),
    done: z
      .boolean()
      .meta({ description: 'Whether it is so in all shards; what is begun goes on by itself' }),
    shards: z.array(shardMode),
  })
  .meta({ id: 'TypeMoved' });
export type TypeMovedAnswer = z.output<typeof typeMoved>;

export const rightsRun = z
  .strictObject({
    region: z.string(),
    applied: z.boolean().meta({ description: 'false: a dry run' }),
    found: z
      .number()
      .int()
      .meta({ description: 'Counters with such rights; a request works on the first 200' }),
    counters: z.array(
      z.strictObject({
        type: z.string(),
        id: z.string(),
        actor: z.string(),
        spend: z.number().int(),
        increment: z.number().int(),
        done: z.boolean().meta({ description: 'Whether it was over when this was answered' }),
      }),
    ),
  })
  .meta({ id: 'RightsRun' });

const quantiles = z.strictObject({
  count: z.number().int(),
  p50: z.number().nullable(),
  p99: z.number().nullable(),
  p999: z.number().nullable(),
});

export const slo = z
  .strictObject({
    region: z.string(),
    process: z.string(),
    ready: z.boolean(),
    isolated: z.boolean(),
    pending: z.number().int(),
    parked: z.number().int(),
    lagMillis: z.array(quantiles.extend({ from: z.string(), to: z.string() })).meta({
      description:
        'Per link, since this process started; upper bounds of histogram buckets, null beyond the last',
    }),
    stalenessMillis: z.array(quantiles.extend({ from: z.string() })).meta({
      description:
        'How old a read could be by what comes from a region, of the stalest shard; sampled at each heartbeat',
    }),
    commitMillis: quantiles.nullable(),
    acksMillis: quantiles.nullable().meta({ description: 'From the commit of a write to enough acks' }),
  })
  .meta({ id: 'Slo' });
export type SloAnswer = z.output<typeof slo>;
