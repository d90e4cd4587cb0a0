import { AtollError } from '#core/errors.js';
import { CommitUnknown, LogUnavailable } from '../ports/event-log.js';
import { PeerUnavailable } from '../ports/peers.js';

/** A refusal, or something out of reach: a later turn tries again. Anything else is an error of ours. */
export function isOfTheWorld(error: unknown): error is Error {
  return [AtollError, PeerUnavailable, LogUnavailable, CommitUnknown].some((kind) => error instanceof kind);
}
