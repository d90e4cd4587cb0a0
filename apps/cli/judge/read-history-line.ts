import { z } from 'zod';
import { parseJson } from '#core/parse-json.js';
import type { HistoryLine } from './history-line.js';

const operationKinds = [
  'read',
  'write',
  'cas',
  'add',
  'remove',
  'increment',
  'spend',
  'transfer',
  'txn',
] as const;
const faultKinds = [
  'cut',
  'heal',
  'delay',
  'kill',
  'start',
  'pause',
  'resume',
  'handover',
  'restore',
] as const;

const text = z.string();
const nanoseconds = z.string().regex(/^\d{1,30}$/, 'is not a time: nanoseconds as a decimal string');
/** Any JSON, but there. */
const present = z.unknown().refine((value) => value !== undefined, 'is missing');
const seen = z.record(z.string(), z.number());

const part = z.looseObject({
  kind: z.enum(operationKinds),
  type: text,
  id: text,
  field: text,
  input: present,
  output: present,
});

const asked = {
  run: text,
  process: z.int(),
  session: text.nullable(),
  region: text,
  outcome: z.enum(['ok', 'fail', 'unknown']),
  error: text.optional(),
  invoked: nanoseconds,
  completed: nanoseconds.nullable(),
  seen: seen.optional(),
  epoch: text.optional(),
  // What an outside recorder may well leave out, and no conversion looks at.
  consistency: text.optional(),
  acks: text.optional(),
  maxWaitMillis: z.number().nullish(),
  stalenessMillis: z.number().nullish(),
  mutationId: text.nullish(),
  dot: text.nullish(),
};

const operation = z.looseObject({ ...asked, ...part.shape, field: text.nullable() });

/** Its parts say what it was about. */
const transaction = z.looseObject({ ...asked, kind: z.literal('txn'), parts: z.array(part) });

const fault = z.looseObject({
  run: text,
  fault: z.enum(faultKinds),
  target: text,
  at: nanoseconds,
  detail: text,
});

const final = z.looseObject({
  run: text,
  final: z.literal(true),
  region: text,
  type: text,
  id: text,
  field: text,
  value: present,
  seen,
});

/**
 * Reads one line of a history file (docs/reference/histories.md). Further keys stay.
 *
 * @throws SyntaxError that says which key is wrong
 */
export function readHistoryLine(line: string): HistoryLine {
  const json = parseJson(line);
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new SyntaxError('this is not a JSON object');
  const read = formOf(json).safeParse(json);
  if (read.success) return json as HistoryLine;
  const [issue] = read.error.issues;
  throw new SyntaxError(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is wrong'}`);
}

function formOf(json: object): z.ZodType {
  if ('fault' in json) return fault;
  if ('final' in json) return final;
  return 'parts' in json ? transaction : operation;
}
