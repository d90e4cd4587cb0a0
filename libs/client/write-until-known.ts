import { setTimeout as sleep } from 'node:timers/promises';
import { NoAnswer, RequestRefused } from './errors.js';
import type { RegionClient } from './region-client.js';
import type { WriteResult } from './wire.js';

/** What is known of a command in the end. */
export type WriteEnd =
  | { readonly kind: 'ok'; readonly write: WriteResult; readonly tries: number }
  /** Refused for good, and no try of it can have been done. */
  | { readonly kind: 'fail'; readonly error: Error; readonly tries: number }
  /** Some try may have been done; nobody told. */
  | { readonly kind: 'unknown'; readonly error: Error; readonly tries: number };

export interface Patience {
  /** Tries go on until then, after the first. */
  readonly deadlineMillis: number;
  /** Failed tries in one region before the next one is asked. Default 3. */
  readonly triesPerRegion?: number;
  readonly signal?: AbortSignal;
}

/** These are said before anything is done; the other retryable codes may come after. */
const saidBefore: ReadonlySet<string> = new Set(['not_covered_yet', 'not_yet_stable', 'overloaded']);

const triesPerRegionDefault = 3;
const pauseMillisFirst = 20;
const pauseMillisMax = 1_000;

/**
 * Sends a command until its outcome is known: again to the same region, then to the others in turn. The command must
 * carry the same mutation id in every try; then it counts once however many of them arrive.
 *
 * @param regions at least one; the first is preferred
 */
export async function writeUntilKnown(
  regions: readonly RegionClient[],
  send: (region: RegionClient) => Promise<WriteResult>,
  { deadlineMillis, triesPerRegion = triesPerRegionDefault, signal }: Patience,
): Promise<WriteEnd> {
  const deadline = performance.now() + deadlineMillis;
  let mayBeDone = false;
  for (let tries = 1; ; tries += 1) {
    const region = regions[Math.floor((tries - 1) / triesPerRegion) % regions.length];
    if (region === undefined) throw new Error('a write needs a region to go to');
    try {
      return { kind: 'ok', write: await send(region), tries };
    } catch (error) {
      const failure = readFailure(error);
      mayBeDone ||= failure.mayBeDone;
      if (!failure.retryable) return { kind: mayBeDone ? 'unknown' : 'fail', error: failure.error, tries };
      const pause = pauseAfter(tries);
      if (signal?.aborted === true || performance.now() + pause > deadline) {
        return { kind: mayBeDone ? 'unknown' : 'fail', error: failure.error, tries };
      }
      await sleep(pause);
    }
  }
}

/** What a failed try says about the command. Errors that are not a region's or a connection's are thrown on. */
export function readFailure(error: unknown): {
  readonly error: Error;
  readonly retryable: boolean;
  readonly mayBeDone: boolean;
} {
  if (error instanceof NoAnswer) return { error, retryable: true, mayBeDone: error.sent };
  if (error instanceof RequestRefused) {
    return { error, retryable: error.retryable, mayBeDone: error.retryable && !saidBefore.has(error.code) };
  }
  throw error;
}

/** Doubling, with half of it at random so that many clients do not come back at once. */
export function pauseAfter(tries: number): number {
  const whole = Math.min(pauseMillisMax, pauseMillisFirst * 2 ** (tries - 1));
  return whole / 2 + (Math.random() * whole) / 2;
}
