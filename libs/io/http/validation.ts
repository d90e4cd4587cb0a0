import type { z } from 'zod';
import { AtollError, type ErrorCode, type FieldError } from '#core/errors.js';
import { escapePointer } from './json-body.js';

/** Wrong places named in one answer. */
const fieldErrorsMax = 20;

/**
 * Reads a value by its schema; what is wrong is told place by place.
 *
 * @param root where the value lies, as a JSON pointer: '' for a body, `/query` for query parameters
 * @throws AtollError with the code of the first wrong place
 */
export function readBy<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  root = '',
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw refusalOf(result.error.issues, root);
}

/** Also for the pipe that validates controllers' parameters. */
export function refusalOf(issues: readonly z.core.$ZodIssue[], root = ''): AtollError {
  const fields = issues.flatMap((issue) => fieldErrorsOf(issue, root)).slice(0, fieldErrorsMax);
  const [first] = fields;
  const where = first === undefined || first.path === '' ? '' : `${first.path}: `;
  return new AtollError(
    first?.code ?? 'invalid_request',
    `${where}${first?.detail ?? 'The request is malformed.'}`,
    { fields },
  );
}

function fieldErrorsOf(issue: z.core.$ZodIssue, root: string): readonly FieldError[] {
  const path = root + issue.path.map((step) => `/${escapePointer(String(step))}`).join('');
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: `${path}/${escapePointer(key)}`,
      code: 'invalid_request',
      detail: `There is no '${key}' here.`,
    }));
  }
  return [{ path, code: codeOf(issue), detail: issue.message }];
}

function codeOf(issue: z.core.$ZodIssue): ErrorCode {
  if (issue.code === 'too_big')
    return issue.origin === 'number' || issue.origin === 'int' ? 'out_of_range' : 'too_large';
  return 'invalid_request';
}
