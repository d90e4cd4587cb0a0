import { NoAnswer, RequestRefused } from '#client/errors.js';
import { DevStackError } from '#io/devstack/errors.js';
import { InputError } from '../load/input-file.js';

/** What a command's end says to a script. */
export const exitCodes = {
  ok: 0,
  failedCheck: 1,
  usage: 2,
  unreachable: 3,
  refused: 4,
  notConverged: 5,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Ends a command with a sentence and a code. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';

  constructor(
    readonly exitCode: ExitCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export function usage(message: string): CommandFailed {
  return new CommandFailed(exitCodes.usage, message);
}

/** The code that an error ends a command with. An error nobody foresaw is a failed check. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommandFailed) return error.exitCode;
  if (error instanceof InputError) return exitCodes.usage;
  if (error instanceof NoAnswer) return exitCodes.unreachable;
  if (error instanceof RequestRefused) return exitCodeOfProblem(error.code);
  if (error instanceof DevStackError) return exitCodeOfStack(error);
  return exitCodes.failedCheck;
}

function exitCodeOfProblem(code: string): ExitCode {
  switch (code) {
    case 'unavailable':
    case 'deadline_exceeded':
    case 'overloaded':
    case 'owner_moved':
    case 'not_home':
    case 'no_majority':
    case 'no_quorum':
    case 'rights_lapsed':
      return exitCodes.unreachable;
    case 'not_covered_yet':
    case 'not_yet_stable':
    case 'too_stale':
    case 'acks_incomplete':
      return exitCodes.notConverged;
    case 'internal':
      return exitCodes.failedCheck;
    case 'invalid_request':
    case 'unknown_type':
    case 'unknown_field':
    case 'unknown_operation':
    case 'invalid_value':
    case 'out_of_range':
    case 'invalid_session':
    case 'invalid_mutation_id':
    case 'too_large':
    case 'too_deep':
    case 'route_not_found':
      return exitCodes.usage;
    default:
      return exitCodes.refused;
  }
}

function exitCodeOfStack(error: DevStackError): ExitCode {
  switch (error.code) {
    case 'bad_option':
      return exitCodes.usage;
    case 'not_found':
      return exitCodes.unreachable;
    case 'port_in_use':
    case 'directory_unusable':
    case 'java_missing':
    case 'java_too_old':
    case 'maven_missing':
    case 'postgres_missing':
      return exitCodes.refused;
    default:
      return exitCodes.failedCheck;
  }
}
