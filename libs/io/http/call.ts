import { parseAcks, type Acks } from '#core/consistency/acks.js';
import { eventual, parseLevel, session as sessionLevel, type Level } from '#core/consistency/level.js';
import { AtollError } from '#core/errors.js';
import type { VersionVector } from '#core/causality/version-vector.js';
import { mutationIdLengthMax } from '#core/event/mutation-id.js';
import { parseETag } from '#io/wire/etag.js';
import type { Caller } from './bearer-tokens.js';
import { maxWaitMillisDefault, maxWaitMillisMax, refusalAheadMillis, sessionLengthMax } from './limits.js';

/** How one request asked to be served: what its headers, or its gRPC metadata, say. */
export interface Call {
  readonly requestId: string;
  /** Absent where anybody may ask. */
  readonly caller?: Caller | undefined;
  readonly level: Level;
  /** Absent: what the type takes for enough. */
  readonly acks: Acks | undefined;
  readonly session?: string;
  /** What the caller allows, less what making a refusal takes. */
  readonly maxWaitMillis: number;
  readonly mutationId?: string;
  readonly ifMatch?: VersionVector;
  /** W3C traceparent. */
  readonly trace?: string;
}

export interface CallSource {
  readonly requestId: string;
  readonly caller?: Caller | undefined;
  /** A header, or metadata key, by its lower case name. */
  readonly header: (name: string) => string | undefined;
  /** The names of all that were sent, in lower case. */
  readonly names: Iterable<string>;
  /** What is left of the transport's own deadline, where it has one (gRPC). */
  readonly remainingMillis?: number;
}

/**
 * Reads the headers that every operation knows. What is asked for and cannot be given is refused, never ignored (INV-10).
 *
 * @throws AtollError invalid_request, level_not_available, invalid_session, invalid_mutation_id
 */
export function readCall({ requestId, caller, header, names, remainingMillis }: CallSource): Call {
  checkNames(names);
  const session = readSession(header('atoll-session'));
  checkUnsupported(header);
  const allowed = readMaxWait(header('atoll-max-wait'));
  const wait = endingAhead(allowed, refusalAheadMillis);
  return {
    requestId,
    caller,
    level: readLevel(header('atoll-consistency'), session),
    acks: readAcks(header('atoll-acks')),
    session,
    maxWaitMillis: remainingMillis === undefined ? wait : Math.max(0, Math.min(wait, remainingMillis)),
    mutationId: readMutationId(header('idempotency-key')),
    ifMatch: readIfMatch(header('if-match')),
    trace: readTrace(header('traceparent')),
  };
}

/** Those that calls may carry, and those of answers, for whoever passes on what it got. */
const ownHeaders: ReadonlySet<string> = new Set([
  ...['atoll-session', 'atoll-consistency', 'atoll-acks', 'atoll-max-wait'],
  ...['atoll-region', 'atoll-request-id', 'atoll-staleness-ms'],
]);

/** A promise that was asked for under a misspelt name would be broken in silence. */
function checkNames(names: Iterable<string>): void {
  for (const name of names)
    if (name.startsWith('atoll-') && !ownHeaders.has(name))
      throw new AtollError(
        'invalid_request',
        `There is no header '${name}': calls take Atoll-Session, Atoll-Consistency, Atoll-Acks and Atoll-Max-Wait.`,
      );
}

function readSession(text: string | undefined): string | undefined {
  if (text === undefined || text.length <= sessionLengthMax) return text;
  throw new AtollError('invalid_session', `A session token has at most ${sessionLengthMax} characters.`);
}

function readLevel(text: string | undefined, session: string | undefined): Level {
  if (text === undefined) return session === undefined ? eventual : sessionLevel;
  const level = parseLevel(text);
  if (level !== undefined) return level;
  throw new AtollError(
    'invalid_request',
    "Atoll-Consistency must be 'eventual', 'session', 'causal', 'bounded;max=<n>ms' (with ';else=fetch', 'redirect' or 'refuse'), 'quorum' or 'strong'.",
  );
}

function readAcks(text: string | undefined): Acks | undefined {
  const acks = text === undefined ? undefined : parseAcks(text);
  if (text === undefined || acks !== undefined) return acks;
  throw new AtollError('invalid_request', "Atoll-Acks must be 'local', '1', 'majority' or 'all'.");
}

/**
 * Refuses what an operation cannot give. A session is for all of them; what more a call asks for is refused where it
 * would be ignored (INV-10). @throws AtollError level_not_available, acks_not_available
 */
export function refuseUntaken(call: Call, takes: { readonly level: boolean; readonly acks: boolean }): void {
  const { kind } = call.level;
  // The levels of reads mean nothing to a write, but for causal: what it depends on travels with it.
  const isTaken = kind === 'causal' ? takes.level || takes.acks : takes.level && !takes.acks;
  if (!isTaken && kind !== 'eventual' && kind !== 'session') {
    const detail = `This operation does not read at level '${kind}'.`;
    throw new AtollError('level_not_available', detail);
  }
  if (!takes.acks && (call.acks ?? 'local') !== 'local')
    throw new AtollError(
      'acks_not_available',
      `This operation stores nothing that '${call.acks}' could be for.`,
    );
}

function checkUnsupported(header: CallSource['header']): void {
  if (header('if-none-match') === undefined && header('if-unmodified-since') === undefined) return;
  throw new AtollError(
    'invalid_request',
    'If-None-Match and If-Unmodified-Since are not served; use If-Match with an ETag.',
  );
}

/** A wait that ends so much earlier, or a tenth of it where that is less: an answer has to be made, and has to get there. */
export function endingAhead(millis: number, aheadMillis: number): number {
  return millis - Math.min(aheadMillis, millis / 10);
}

function readMaxWait(text: string | undefined): number {
  if (text === undefined) return maxWaitMillisDefault;
  const millis = Number(text);
  if (/^\d{1,9}$/.test(text) && millis <= maxWaitMillisMax) return millis;
  throw new AtollError(
    'invalid_request',
    `Atoll-Max-Wait must be milliseconds from 0 to ${maxWaitMillisMax}.`,
  );
}

/** Its syntax only: how old it may be is for the accept station. @throws AtollError invalid_mutation_id */
export function readMutationId(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (text.length > mutationIdLengthMax || !/^[\x21-\x7e]+$/.test(text)) {
    throw new AtollError(
      'invalid_mutation_id',
      `A mutation id has 1 to ${mutationIdLengthMax} printable ASCII characters and no spaces.`,
    );
  }
  return text;
}

function readIfMatch(text: string | undefined): VersionVector | undefined {
  if (text === undefined) return undefined;
  const version = parseETag(text);
  if (version !== undefined) return version;
  throw new AtollError(
    'invalid_request',
    'If-Match must be one ETag, exactly as a read or a write answered it.',
  );
}

/** A malformed traceparent is ignored, as its specification demands. */
function readTrace(text: string | undefined): string | undefined {
  return text !== undefined && /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(text) ? text : undefined;
}
