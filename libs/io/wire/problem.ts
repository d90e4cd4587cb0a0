import { AtollError, type ErrorCode, type FieldError } from '#core/errors.js';
import type { Json } from '#core/json.js';
import { errorCatalogue } from './error-catalogue.js';

/** RFC 9457, with our members. The same over HTTP, inside a batch's outcomes, and (as rich status) over gRPC. */
export interface Problem {
  /** Names the code's section of the reference page. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly retryable: boolean;
  readonly requestId: string;
  readonly region: string;
  readonly errors: readonly FieldError[];
  /** What a code adds: `not_found` brings `seen`, `version` and `session`. */
  readonly [member: string]: Json | readonly FieldError[];
}

export const problemMediaType = 'application/problem+json';

/** An error whose answer says more than its code's. */
export class AtollErrorWithMembers extends AtollError {
  readonly members: Readonly<Record<string, Json>>;

  constructor(code: ErrorCode, detail: string, members: Readonly<Record<string, Json>>) {
    super(code, detail);
    this.members = members;
  }
}

export function problemOf(
  error: AtollError,
  where: { readonly requestId: string; readonly region: string },
): Problem {
  const { title, httpStatus } = errorCatalogue[error.code];
  return {
    type: `urn:atoll:error:${error.code}`,
    title,
    status: httpStatus,
    code: error.code,
    detail: error.message,
    retryable: error.retryable,
    requestId: where.requestId,
    region: where.region,
    errors: error.fields,
    ...(error instanceof AtollErrorWithMembers ? error.members : {}),
  };
}
