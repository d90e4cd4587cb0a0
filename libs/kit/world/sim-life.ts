import type { Clock } from '#flow/ports/clock.js';
import type { SimClock } from './sim-clock.js';

/** A process may die or stand still between any two awaits: all it waits for passes through here. */
export class SimLife implements Clock {
  private alive = true;
  private paused = false;
  private held: (() => void)[] = [];
  private setAheadMillis = 0;

  constructor(
    private readonly clock: SimClock,
    private readonly skewMillis: number,
    /** What its monotonic clock showed when the world began: no two processes agree on it. */
    private readonly originMillis: number,
    /** How fast its clocks run, by the world's. */
    private readonly rate = 1,
  ) {}

  wallMillis(): number {
    return this.clock.wallMillis() + this.skewMillis + this.setAheadMillis;
  }

  /** Somebody sets the wall clock of the machine: so far ahead of the world's, below 0 behind it. */
  setWall(aheadMillis: number): void {
    this.setAheadMillis = aheadMillis;
  }

  monotonicMillis(): number {
    return this.clock.monotonicMillis() * this.rate + this.originMillis;
  }

  after(millis: number, action: () => void): () => void {
    let cancelled = false;
    const cancel = this.clock.after(millis / this.rate, () => {
      this.pass(() => {
        if (!cancelled) action();
      });
    });
    return () => {
      cancelled = true;
      cancel();
    };
  }

  /** Runs the step if the process lives, later if it stands still, never if it is dead. */
  pass(step: () => void): void {
    if (!this.alive) return;
    if (this.paused) this.held.push(step);
    else step();
  }

  /** The same promise as the process meets it. */
  through<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => this.pass(() => resolve(value)),
        (error: unknown) =>
          this.pass(() => reject(error instanceof Error ? error : new Error(String(error)))),
      );
    });
  }

  get isAlive(): boolean {
    return this.alive;
  }

  get isPaused(): boolean {
    return this.paused;
  }

  die(): void {
    this.alive = false;
    this.held = [];
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    for (const step of this.held.splice(0)) this.clock.after(0, () => this.pass(step));
  }
}
