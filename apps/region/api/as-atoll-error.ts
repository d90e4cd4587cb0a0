import { AtollError } from '#core/errors.js';
import { InvariantViolation } from '#core/assert.js';
import { LogUnavailable } from '#flow/ports/event-log.js';
import { PeerUnavailable } from '#flow/ports/peers.js';

/** Told of errors that a client sees only as `internal`. */
export type Report = (error: unknown) => void;

/**
 * What a client is told of anything that was thrown. Operating errors of ports that reach the rim mean that the region
 * cannot serve at the moment; all else is a fault of ours, whose text stays in the log.
 */
export function asAtollError(thrown: unknown, report: Report): AtollError {
  if (thrown instanceof AtollError) return thrown;
  if (thrown instanceof LogUnavailable)
    return new AtollError('unavailable', 'The database of this region is out of reach.');
  if (thrown instanceof PeerUnavailable)
    return new AtollError('unavailable', 'The process that owns the shard is out of reach.');
  report(thrown);
  const detail =
    thrown instanceof InvariantViolation ? 'An invariant does not hold.' : 'The log has the details.';
  return new AtollError('internal', detail);
}
