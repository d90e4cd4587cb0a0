import { z } from 'zod';
import { entityIdLengthMax, typeNameLengthMax } from '#core/event/event-codec.js';
import { groupSizeMax } from '#core/event/event.js';
import { mutationIdLengthMax } from '#core/event/mutation-id.js';
import { isWellFormed } from '#core/event/text-limits.js';
import { versionLengthMax } from '../wire/etag.js';
import {
  batchChangesMax,
  getManyIdsMax,
  offsetMax,
  operationsMax,
  pageSizeDefault,
  pageSizeMax,
  sessionLengthMax,
  tokenLengthMax,
} from './limits.js';

/**
 * What clients may send, by key. Objects are strict: a key that nobody knows (a timestamp, say) is refused with its
 * path instead of being ignored. What an operation may hold beyond `field` and `op` is for its policy to say.
 */

const wellFormed = (text: string): boolean => isWellFormed(text);
const badText = 'The text holds U+0000 or a lone surrogate.';

/** A text of at most so many UTF-16 code units. zod counts code points, of which twice as many units would pass. */
function text(lengthMax: number) {
  return z
    .string()
    .max(lengthMax)
    .check(({ value, issues }) => {
      const isLetThrough = value.length <= 2 * lengthMax && [...value].length <= lengthMax;
      if (value.length <= lengthMax || !isLetThrough) return;
      issues.push({ code: 'too_big', origin: 'string', maximum: lengthMax, inclusive: true, input: value });
    });
}

export const typeName = text(typeNameLengthMax).min(1).refine(wellFormed, badText).meta({ example: 'cart' });
export const entityId = text(entityIdLengthMax).min(1).refine(wellFormed, badText).meta({ example: '42' });

export const conflictId = text(256).min(1).refine(wellFormed, badText);
export const writeId = text(mutationIdLengthMax).min(1).refine(wellFormed, badText);

const version = z
  .string()
  .min(1)
  .max(versionLengthMax)
  .meta({ description: 'The ETag of a read or write, with or without its quotes', example: 'ZXV-MSAz' });

export const operation = z.looseObject({ field: text(256).min(1), op: text(64).min(1) }).meta({
  id: 'Operation',
  description:
    "One operation on one field: `{ field, op, … }`, as the field's policy knows it. Registers: `set` value. Counters: `increment` by. Sets: `add`, `remove` element. Flag: `enable`, `disable`. Max, min: `raise`, `lower` value. Ordered status: `advance` to. Map: `at` key then `{ op, … }`, `remove` key. Text: `splice` index, delete, insert; `update` update (base64).",
  example: { field: 'lines', op: 'at', key: 'sku-1', then: { op: 'increment', by: 2 } },
});

const operations = z.array(operation).min(1).max(operationsMax);

export const changeRequest = z.strictObject({ operations, observed: version.optional() }).meta({
  id: 'ChangeRequest',
  description:
    'One atomic change. `observed`: what the client had read; a field with siblings demands it. Of a strong type it is compared at the home, and refused when anything has changed since.',
});
export type ChangeRequest = z.output<typeof changeRequest>;

export const patchRequest = z
  .record(text(256), z.unknown())
  .refine((fields) => Object.keys(fields).length > 0, 'Name at least one field.')
  .refine((fields) => Object.keys(fields).length <= operationsMax, 'Too many fields.')
  .meta({
    id: 'PatchRequest',
    description: '`{ field: value, … }` for register fields; absent fields are left alone',
    example: { name: 'Ada' },
  });

export const batchChange = z
  .strictObject({
    type: typeName,
    id: entityId,
    kind: z.enum(['update', 'delete']).default('update'),
    operations: z.array(operation).max(operationsMax).default([]),
    observed: version.optional(),
    ifMatch: version.optional().meta({ description: 'As the header If-Match' }),
    mutationId: z
      .string()
      .max(mutationIdLengthMax)
      .optional()
      .meta({ description: 'As the header Idempotency-Key' }),
    session: z.string().max(sessionLengthMax).optional().meta({ description: 'As the header Atoll-Session' }),
  })
  .meta({ id: 'BatchChange' });
export type BatchChange = z.output<typeof batchChange>;

export const batchRequest = z
  .strictObject({ changes: z.array(batchChange).min(1).max(batchChangesMax) })
  .meta({ id: 'BatchRequest', description: 'Not atomic: each change has an outcome of its own' });

const transactionChange = batchChange
  .omit({ mutationId: true, session: true })
  .meta({ id: 'TransactionChange', description: 'What an atomic change does to one entity' });
export type TransactionChange = z.output<typeof transactionChange>;

export const transactionRequest = z
  .strictObject({ changes: z.array(transactionChange).min(1).max(groupSizeMax) })
  .meta({
    id: 'TransactionRequest',
    description:
      'All changes or none: entities of strong types that share a declared partition key, each named once. Every `ifMatch` must hold',
  });

export const getManyRequest = z
  .strictObject({ ids: z.array(entityId).min(1).max(getManyIdsMax) })
  .meta({ id: 'GetManyRequest' });

export const resolveRequest = z.strictObject({ operations, observed: version.optional() }).meta({
  id: 'ResolveRequest',
  description: "The change that a person decided on. Without `observed`: the conflict's own siblings.",
});

/** Numbers come as text in a path or a query. */
function wholeNumber(min: number, max: number): z.ZodType<number, unknown> {
  const digits = z
    .string()
    .regex(/^\d{1,9}$/)
    .transform(Number);
  return z
    .union([digits, z.number()], { error: `It must be a whole number from ${min} to ${max}.` })
    .pipe(z.number().int().min(min).max(max))
    .meta({ type: 'integer', minimum: min, maximum: max });
}

function count(min: number, max: number, fallback: number): z.ZodType<number, unknown> {
  return wholeNumber(min, max)
    .default(fallback)
    .meta({ type: 'integer', minimum: min, maximum: max, default: fallback });
}

const limit = count(1, pageSizeMax, pageSizeDefault);
const flag = z
  .union([z.enum(['true', 'false']).transform((text) => text === 'true'), z.boolean()])
  .default(false)
  .meta({ type: 'boolean', default: false });

export const listQuery = z.strictObject({
  after: entityId.optional().meta({ description: 'The last id of the page before' }),
  limit,
});
export const historyQuery = z.strictObject({ limit, offset: count(0, offsetMax, 0) });
export const conflictsQuery = z
  .strictObject({
    type: typeName.optional(),
    id: entityId.optional().meta({ description: 'Of the entity; needs `type`' }),
    unresolved: flag,
    after: conflictId
      .optional()
      .meta({ description: '`next` of the page before: conflicts are listed from the newest on' }),
    limit,
  })
  .refine(({ type, id }) => id === undefined || type !== undefined, {
    message: 'id needs type.',
    path: ['id'],
  });
export const changesQuery = z.strictObject({
  type: typeName.optional(),
  after: z
    .string()
    .min(1)
    .max(tokenLengthMax)
    .optional()
    .meta({ description: 'A position: the `id` of a notice, from any region. Without it: from now on' }),
});
export const quarantineQuery = z.strictObject({ limit });
export const shardNumber = wholeNumber(0, 1_023);
/** What operators may have done is shown first, and done when they say so. */
const dryRun = z.boolean().default(true).meta({ description: 'Without false, nothing is changed' });
export const handoverRequest = z
  .strictObject({
    to: z.string().min(1).max(64).meta({ description: 'The region that becomes the home' }),
    force: z
      .boolean()
      .default(false)
      .meta({ description: 'Without asking the home first: for a home that does not answer' }),
    dryRun,
  })
  .meta({ id: 'HandoverRequest' });
export type HandoverRequest = z.output<typeof handoverRequest>;
export const membersRequest = z
  .strictObject({
    change: z.enum(['add', 'remove']),
    region: z.string().min(1).max(64),
    witness: z
      .boolean()
      .optional()
      .meta({ description: 'Added as a member that stores and promises, and is never the home of a shard' }),
    stopped: z.boolean().optional().meta({
      description:
        'Removed without its word: states that its processes are stopped for good, or destroyed. Only of two members',
    }),
    dryRun,
  })
  .refine(({ change, witness }) => change === 'add' || witness === undefined, {
    path: ['witness'],
    error: 'Only who is added can be a witness.',
  })
  .refine(({ change, stopped }) => change === 'remove' || stopped === undefined, {
    path: ['stopped'],
    error: 'Only who is removed can be stated to be stopped.',
  })
  .meta({ id: 'MembersRequest' });
export type MembersRequest = z.output<typeof membersRequest>;
export const moveTypeRequest = z
  .strictObject({
    to: z.enum(['strong', 'eventual']),
    abort: z.boolean().default(false).meta({ description: 'Takes such a move back that is not over' }),
    dryRun,
  })
  .meta({ id: 'MoveTypeRequest' });
export type MoveTypeRequest = z.output<typeof moveTypeRequest>;
export const drainRightsRequest = z
  .strictObject({
    to: z.string().min(1).max(64).meta({ description: 'The region that gets the rights' }),
    dryRun,
  })
  .meta({ id: 'DrainRightsRequest' });
export const reclaimRightsRequest = z
  .strictObject({
    from: z
      .string()
      .min(1)
      .max(64)
      .meta({ description: 'The region whose rights come to the one that is asked' }),
    databaseIsDestroyed: z.literal(true).meta({
      description: 'Your statement. What that region still acknowledges afterwards has no effect anywhere',
    }),
    dryRun,
  })
  .meta({ id: 'ReclaimRightsRequest' });
export const noQuery = z.strictObject({});
