import type { Clock } from '../ports/clock.js';

/** Lets loops sleep until there is something to do. A wake while nobody waits is remembered once. */
export class Wake {
  private waiting: (() => void) | undefined;
  private woken = false;

  wake(): void {
    if (this.waiting) {
      const resume = this.waiting;
      this.waiting = undefined;
      resume();
    } else this.woken = true;
  }

  get isAwaited(): boolean {
    return this.waiting !== undefined;
  }

  /** Resolves at the next wake, or after `millis` where given. One waiter at a time. */
  wait(clock?: Clock, millis?: number): Promise<void> {
    if (this.woken) {
      this.woken = false;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const cancel = clock && millis !== undefined ? clock.after(millis, () => this.wake()) : undefined;
      this.waiting = () => {
        cancel?.();
        resolve();
      };
    });
  }
}

/** Everybody who waits for cursors to move: woken together, each looks for itself. */
export class CursorWatch {
  private readonly waiting = new Set<() => void>();

  constructor(private readonly clock: Clock) {}

  moved(): void {
    if (this.waiting.size === 0) return;
    const all = [...this.waiting];
    this.waiting.clear();
    for (const resume of all) resume();
  }

  /** Resolves when cursors moved, or after `millis`. */
  next(millis: number): Promise<void> {
    return new Promise((resolve) => {
      const resume = (): void => {
        cancel();
        this.waiting.delete(resume);
        resolve();
      };
      const cancel = this.clock.after(Math.max(0, millis), resume);
      this.waiting.add(resume);
    });
  }
}
