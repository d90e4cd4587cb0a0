import type { Actor } from './dot.js';

/**
 * Wall time that respects causality: stamped once at the origin and carried with the value (§4 of the design).
 *
 * Source: Kulkarni et al., "Logical Physical Clocks", 2014. `wallMillis` is milliseconds since 1970, `counter`
 * counts events within one millisecond, and the actor makes the order total.
 */
export interface HybridTimestamp {
  readonly wallMillis: number;
  readonly counter: number;
  readonly actor: Actor;
}

/** What a hybrid clock remembers between two stamps. */
export interface HybridClock {
  readonly wallMillis: number;
  readonly counter: number;
}

/**
 * The greatest counter within one millisecond. A clock that a peer's event has taken to it goes on in the next millisecond, so
 * that whatever it stamps can still be read (INV-14).
 */
export const hybridCounterMax = 2 ** 31 - 1;

export const hybridClockStart: HybridClock = { wallMillis: 0, counter: 0 };

/** How far an event's timestamp may lie beyond a receiver's wall clock (INV-13). */
export const driftMillisMax = 60_000;

/** A total order: wall time, then counter, then actor. */
export function compareTimes(a: HybridTimestamp, b: HybridTimestamp): number {
  if (a.wallMillis !== b.wallMillis) return a.wallMillis - b.wallMillis;
  if (a.counter !== b.counter) return a.counter - b.counter;
  return a.actor === b.actor ? 0 : a.actor < b.actor ? -1 : 1;
}

/** The clock after one more local event at wall time `nowMillis`: beyond all it has stamped or heard of. */
export function tick(clock: HybridClock, nowMillis: number): HybridClock {
  if (nowMillis > clock.wallMillis) return { wallMillis: nowMillis, counter: 0 };
  if (clock.counter >= hybridCounterMax) return { wallMillis: clock.wallMillis + 1, counter: 0 };
  return { wallMillis: clock.wallMillis, counter: clock.counter + 1 };
}

/** The clock after hearing of a timestamp. A time beyond the drift bound never moves it (INV-13). */
export function hear(clock: HybridClock, heard: HybridClock, nowMillis: number): HybridClock {
  if (isBeyondDrift(heard, nowMillis)) return clock;
  if (heard.wallMillis > clock.wallMillis) return { wallMillis: heard.wallMillis, counter: heard.counter };
  if (heard.wallMillis < clock.wallMillis || heard.counter <= clock.counter) return clock;
  return { wallMillis: clock.wallMillis, counter: heard.counter };
}

export function isBeyondDrift(time: HybridClock, nowMillis: number): boolean {
  return time.wallMillis > nowMillis + driftMillisMax;
}
