import { setTimeout as sleep } from 'node:timers/promises';
import { pauseAfter, readFailure } from './write-until-known.js';

/** How long a read is tried unless somebody says otherwise: longer than a region takes to come back. */
const patienceMillisDefault = 30_000;

/**
 * Calls again while the failure is one that passes. For reads, and for whatever else may be done twice.
 *
 * @throws RequestRefused, NoAnswer when it does not pass, or not in time
 */
export async function untilAnswered<T>(
  call: () => Promise<T>,
  patienceMillis = patienceMillisDefault,
): Promise<T> {
  const deadline = performance.now() + patienceMillis;
  for (let tries = 1; ; tries += 1) {
    try {
      return await call();
    } catch (error) {
      const failure = readFailure(error);
      if (!failure.retryable || performance.now() > deadline) throw failure.error;
      await sleep(pauseAfter(tries));
    }
  }
}
