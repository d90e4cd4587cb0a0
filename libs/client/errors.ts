import type { IncompleteWrite, Problem } from './wire.js';

/** A region answered with a problem: what was asked has not been done, unless an earlier try of it was. */
export class RequestRefused extends Error {
  override readonly name = 'RequestRefused';

  constructor(readonly problem: Problem) {
    super(`${problem.code}: ${problem.detail}`);
  }

  get code(): string {
    return this.problem.code;
  }

  get retryable(): boolean {
    return this.problem.retryable;
  }
}

/** A change of a strong type was computed from what nobody vouches for. Nothing was sent. */
export class UnvalidatedInput extends Error {
  override readonly name = 'UnvalidatedInput';
  readonly code = 'unvalidated_input';
  readonly retryable = false;
}

/** No answer arrived. A write may or may not have been done, unless nothing was sent. */
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

/** What a write came to that was refused with `acks_incomplete`: it is stored, here and in `confirmed`; else `undefined`. */
export function incompleteWrite(error: unknown): IncompleteWrite | undefined {
  if (!(error instanceof RequestRefused) || error.code !== 'acks_incomplete') return undefined;
  return error.problem as Problem & IncompleteWrite;
}
