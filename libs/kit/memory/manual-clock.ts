import type { Clock } from '#flow/ports/clock.js';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly action: () => void;
}

/**
 * A clock that stands still until a test moves it. Timers run in order of their time and, at one time, in the order in
 * which they were set; between two timers all promises that are ready run.
 */
export class ManualClock implements Clock {
  #now = 0;
  #order = 0;
  readonly #timers = new Set<Timer>();

  wallMillis(): number {
    return 1_700_000_000_000 + this.#now;
  }

  monotonicMillis(): number {
    return this.#now;
  }

  after(millis: number, action: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, millis), order: this.#order++, action };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Moves on by `millis`, running what falls due on the way. */
  async advance(millis: number): Promise<void> {
    const end = this.#now + millis;
    await promisesRun();
    for (let next = this.#next(); next !== undefined && next.at <= end; next = this.#next()) {
      this.#run(next);
      await promisesRun();
    }
    this.#now = end;
  }

  /** Moves on until the condition holds. @throws Error when it does not within `millisMax` of this clock */
  async until(condition: () => boolean, what: string, millisMax = 60_000): Promise<void> {
    const end = this.#now + millisMax;
    await promisesRun();
    while (!condition()) {
      const next = this.#next();
      if (next === undefined || next.at > end) throw new Error(`never happened: ${what}`);
      this.#run(next);
      await promisesRun();
    }
  }

  #run(timer: Timer): void {
    this.#timers.delete(timer);
    this.#now = Math.max(this.#now, timer.at);
    timer.action();
  }

  #next(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (!first || timer.at < first.at || (timer.at === first.at && timer.order < first.order))
        first = timer;
    }
    return first;
  }
}

/** Lets everything that waits for promises only run to its next wait: an immediate comes after all of them. */
function promisesRun(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
