import pg from 'pg';
import { InvariantViolation } from '#core/assert.js';
import { CommitRefused, CommitUnknown, LogUnavailable, ReadRefused } from '#flow/ports/event-log.js';

/** The database is not the one this process was configured for, or not the one it began with. Starting again does not help. */
export class DatabaseRefused extends Error {
  override readonly name = 'DatabaseRefused';
}

/** SQLSTATE classes that the rows themselves cause: data, keys, a row written twice, a value over a built-in limit. */
const classesOfBadRows: ReadonlySet<string> = new Set(['21', '22', '23', '54']);

/**
 * What became of a statement that failed after it was sent.
 *
 * Only an ERROR answered by the server says that nothing was written. A FATAL does not: a backend that is told to stop
 * can do so between the commit and its answer. A lost connection or a timeout on our side says nothing at all.
 */
export function failureOf(error: unknown): 'refused' | 'failed' | 'unknown' {
  if (!(error instanceof pg.DatabaseError) || error.severity !== 'ERROR') return 'unknown';
  return classesOfBadRows.has(error.code?.slice(0, 2) ?? '') ? 'refused' : 'failed';
}

/** The port's error for a commit that failed. */
export function commitError(error: unknown): Error {
  if (error instanceof LogUnavailable || isProgrammerError(error)) return error;
  const cause = { cause: error };
  switch (failureOf(error)) {
    case 'refused':
      return new CommitRefused(`Postgres refused the batch: ${sentence(error)}`, cause);
    case 'failed':
      return new LogUnavailable(`Postgres could not run the batch: ${sentence(error)}`, cause);
    case 'unknown':
      return new CommitUnknown(`it is unknown whether the batch committed: ${sentence(error)}`, cause);
  }
}

/** Also what a damaged row makes the server say (XX: internal error, data corrupted). */
const classesOfUnreadableRows: ReadonlySet<string> = new Set([...classesOfBadRows, 'XX']);

/** The port's error for a read of several rows, any of which may be to blame. */
export function readError(error: unknown): Error {
  const isOfRows =
    error instanceof pg.DatabaseError && classesOfUnreadableRows.has(error.code?.slice(0, 2) ?? '');
  if (!isOfRows || error.severity !== 'ERROR') return unavailable(error);
  return new ReadRefused(`Postgres refused the read: ${sentence(error)}`, { cause: error });
}

/** The port's error for everything but a commit. */
export function unavailable(error: unknown): Error {
  if (error instanceof LogUnavailable || error instanceof DatabaseRefused || isProgrammerError(error))
    return error;
  return new LogUnavailable(`Postgres is not available: ${sentence(error)}`, { cause: error });
}

/** A bug of ours is not an outage: it must not be tried again for ever. */
function isProgrammerError(error: unknown): error is Error {
  return error instanceof InvariantViolation || error instanceof TypeError || error instanceof RangeError;
}

/** One line, with the SQLSTATE and the constraint where there is one. */
export function sentence(error: unknown): string {
  if (error instanceof pg.DatabaseError) {
    const constraint = error.constraint === undefined ? '' : ` (${error.constraint})`;
    return `${error.message}${constraint} [${error.code ?? '?'}]`;
  }
  if (error instanceof AggregateError) return error.errors.map(sentence).join('; ');
  return error instanceof Error ? error.message : String(error);
}
