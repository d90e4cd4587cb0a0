import { z } from 'zod';
import { errorCatalogue } from '../wire/error-catalogue.js';

/** What the service answers, by key; the OpenAPI description and the types of clients come from here. */

const vector = z
  .record(z.string(), z.number().int())
  .meta({ id: 'VersionVector', description: 'Highest seq per actor', example: { 'eu~3k2': 7 } });
const dot = z.string().meta({ description: 'actor:shard:seq', example: 'eu~3k2:7:42' });
const region = z.string().meta({ description: 'The region that answers', example: 'us' });
const session = z.string().meta({ description: 'The session token to send with the next request' });
const version = z.string().meta({ description: "The entity's version: the ETag without its quotes" });
const epoch = z
  .string()
  .optional()
  .meta({ description: 'Of the home that answered, where the operation was strong', example: '1.4' });
const json = z.unknown().meta({ description: 'Any JSON' });
const type = z.string();
const id = z.string();

export const entity = z
  .strictObject({
    type,
    id,
    value: z.record(z.string(), json),
    version,
    seen: vector,
    conflicts: z.array(z.string()).meta({ description: 'Ids of conflicts that a person must decide' }),
    quarantined: z.boolean().meta({ description: 'An event of the entity is stored but cannot be folded' }),
    stalenessMs: z.number().int().nullable().meta({
      description: 'What is missing in it is younger than this, in milliseconds; null: nobody can tell',
    }),
    epoch,
    region,
    session,
  })
  .meta({ id: 'Entity' });
export type EntityAnswer = z.output<typeof entity>;

const listed = entity
  .omit({ region: true, session: true })
  .extend({
    value: z.record(z.string(), json).nullable().meta({ description: 'null: never written, or deleted' }),
  })
  .meta({ id: 'ListedEntity' });
export type ListedEntity = z.output<typeof listed>;

export const entities = z
  .strictObject({
    entities: z.array(listed),
    next: z.string().nullable().meta({ description: '`after` of the next page; null: this was the last' }),
    region,
    session: session.nullable(),
  })
  .meta({ id: 'Entities' });
export type EntitiesAnswer = z.output<typeof entities>;

export const write = z
  .strictObject({
    type,
    id,
    mutationId: z.string(),
    dot,
    version,
    seen: vector,
    replayed: z
      .boolean()
      .meta({ description: 'The command had been stored before; this is what became of it' }),
    confirmed: z.array(z.string()).meta({
      description: 'Regions besides its origin that are known to store it durably, where `Atoll-Acks` asked',
    }),
    epoch,
    region,
    session,
  })
  .meta({ id: 'Write' });
export type WriteAnswer = z.output<typeof write>;

export const transaction = z
  .strictObject({
    mutationId: z.string(),
    changes: z
      .array(z.strictObject({ type, id, dot, version, seen: vector }))
      .meta({ description: 'What each entity became, in the order of the request' }),
    replayed: z.boolean().meta({ description: 'It had been stored before; this is what became of it' }),
    confirmed: z.array(z.string()).meta({
      description: 'Regions besides its origin that are known to store it durably, where `Atoll-Acks` asked',
    }),
    epoch,
    region,
    session,
  })
  .meta({ id: 'Transaction', description: 'An atomic change of several entities took effect' });
export type TransactionAnswer = z.output<typeof transaction>;

const fieldError = z.strictObject({
  path: z.string().meta({ description: 'JSON pointer into the body', example: '/operations/3/value/name' }),
  code: z.string(),
  detail: z.string(),
});

export const problem = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    code: z.enum(Object.keys(errorCatalogue) as [string, ...string[]]),
    detail: z.string(),
    retryable: z.boolean(),
    requestId: z.string(),
    region,
    errors: z.array(fieldError),
  })
  .meta({
    id: 'Problem',
    description: 'RFC 9457. Decide by `code`; docs/reference/errors.md says what each means.',
  });

export const batch = z
  .strictObject({
    outcomes: z.array(
      z.union([
        z.strictObject({ ok: z.literal(true), write: write }),
        z.strictObject({ ok: z.literal(false), error: problem }),
      ]),
    ),
    region,
    session: session.nullable(),
  })
  .meta({ id: 'Batch', description: 'One outcome per change, in their order' });

export const history = z
  .strictObject({
    type,
    id,
    entries: z.array(
      z
        .strictObject({
          dot,
          origin: z.string(),
          kind: z.enum(['update', 'delete']),
          changes: z.array(
            z.strictObject({ field: z.string(), policyVersion: z.number().int(), change: json }),
          ),
          context: vector,
          observed: vector.nullable(),
          time: z.strictObject({ wallMillis: z.number().int(), counter: z.number().int() }),
          schemaVersion: z.number().int(),
          mutationId: z.string(),
          resolves: z.array(z.string()),
          hash: z.string(),
          prev: z.string(),
          bytes: z.number().int(),
          trace: z.string().nullable(),
          merged: z
            .enum(['folded', 'pending', 'parked', 'alias', 'refused'])
            .meta({ description: 'How it was merged here; `refused`: a new home left it out, for ever' }),
          reason: z.string().nullable(),
        })
        .meta({ id: 'HistoryEntry' }),
    ),
    next: z.number().int().nullable().meta({ description: '`offset` of the next page' }),
    region,
  })
  .meta({ id: 'History', description: 'Events of the entity, newest first' });
export type HistoryAnswer = z.output<typeof history>;

const side = z.strictObject({ dot, change: json });

export const conflict = z
  .strictObject({
    id: z.string(),
    type,
    entityId: z.string(),
    field: z.string().meta({ description: '`*`: the whole entity (a delete)' }),
    policy: z.string(),
    low: side,
    high: side,
    resolvedBy: dot.nullable(),
    detectedMillis: z
      .number()
      .int()
      .meta({ description: 'When the region that answers found it, by its wall clock' }),
  })
  .meta({ id: 'Conflict', description: 'Two concurrent changes that do not commute' });
export type ConflictAnswer = z.output<typeof conflict>;

export const conflicts = z
  .strictObject({
    conflicts: z.array(conflict),
    next: z.string().nullable().meta({ description: '`after` of the next page; null: this was the last' }),
    region,
  })
  .meta({ id: 'Conflicts', description: 'Newest first, by when the region that answers found them' });

const writeState = z.enum([
  'stored',
  'pending',
  'parked',
  'merged',
  'superseded',
  'alias',
  'refused',
  'converged',
]);

export const writeStatus = z
  .strictObject({
    mutationId: z.string(),
    state: writeState,
    type,
    id,
    copies: z.array(z.strictObject({ dot, region: z.string(), state: writeState })),
    region,
  })
  .meta({ id: 'WriteStatus' });

export const barrier = z.strictObject({ token: z.string(), region }).meta({ id: 'Barrier' });
export const barrierState = z
  .strictObject({
    reached: z.boolean(),
    missing: z.array(dot).meta({ description: 'Not visible here yet: per shard, at most one per actor' }),
    region,
  })
  .meta({ id: 'BarrierState' });

export const notice = z
  .strictObject({
    position: z.string().meta({ description: 'Resumes after this notice, in any region' }),
    type,
    id,
    value: z.record(z.string(), json).nullable().meta({ description: 'null after a delete' }),
    version,
    seen: vector,
    cause: z.enum(['local', 'merged', 'resolved', 'deleted']),
    dot,
    time: z.strictObject({ wallMillis: z.number().int(), counter: z.number().int() }),
  })
  .meta({ id: 'Notice' });
export type NoticeAnswer = z.output<typeof notice>;
