import type { Clock } from '#flow/ports/clock.js';

/** The longest delay a Node timer takes; a longer one would fire at once. */
const timerMillisMax = 2 ** 31 - 1;

/** This machine's clocks. Timers keep the process alive: whoever stops, cancels its own. */
export const systemClock: Clock = {
  wallMillis: () => Date.now(),
  monotonicMillis: () => performance.now(),
  after(millis, action) {
    if (millis <= 0) {
      // A timer would wait for a millisecond.
      const immediate = setImmediate(action);
      return () => clearImmediate(immediate);
    }
    const timer = setTimeout(action, Math.min(millis, timerMillisMax));
    return () => clearTimeout(timer);
  },
};
