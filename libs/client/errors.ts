import type { ErrorCode, FieldError } from '#core/errors.js';

/** A region answered with a problem: the request had no effect, unless a retry of it has. */
export class RequestRefused extends Error {
  override readonly name = 'RequestRefused';

  constructor(readonly problem: Problem) {
    super(`${problem.code}: ${problem.detail}`);
  }

  get code(): ErrorCode {
    return this.problem.code;
  }

  get retryable(): boolean {
    return this.problem.retryable;
  }
}

/** An RFC 9457 problem as a region answers it. */
export interface Problem {
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly retryable: boolean;
  readonly requestId?: string;
  readonly region?: string;
  readonly errors?: readonly FieldError[];
}

/** No region's answer arrived. A write may or may not have been done, unless nothing was sent. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';

  constructor(
    message: string,
    /** Whether the request may have reached the region; `false`: it surely did not. */
    readonly sent: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
