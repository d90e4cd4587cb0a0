import type { Clock } from '#flow/ports/clock.js';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly action: () => void;
  cancelled: boolean;
}

const turnsAtOnce = 64;

/** Simulated time: it moves from one timer to the next, and stands still while promises run. */
export class SimClock implements Clock {
  private now = 0;
  private order = 0;
  private readonly heap: Timer[] = [];
  private turnsAhead = 0;
  private onTurn: (() => void) | undefined;

  wallMillis(): number {
    return 1_750_000_000_000 + Math.floor(this.now);
  }

  monotonicMillis(): number {
    return this.now;
  }

  after(millis: number, action: () => void): () => void {
    const timer = { at: this.now + Math.max(0, millis), order: this.order, action, cancelled: false };
    this.order += 1;
    this.push(timer);
    return () => void (timer.cancelled = true);
  }

  /** Runs timers until the condition holds, looked at after every step; `false` when `millisMax` pass first. */
  async runUntil(condition: () => boolean, millisMax: number): Promise<boolean> {
    const end = this.now + millisMax;
    await this.promisesRun();
    while (!condition()) {
      const next = this.pop();
      if (!next || next.at > end) {
        if (next) this.push(next);
        this.now = end;
        return false;
      }
      this.now = Math.max(this.now, next.at);
      next.action();
      await this.promisesRun();
    }
    return true;
  }

  /**
   * Lets everything that waits for promises only run to its next wait: an immediate comes after all of them. Immediates are
   * asked for many at a time: a turn of the event loop, with its look at the system, runs them all, and promises in between.
   */
  private promisesRun(): Promise<void> {
    if (this.turnsAhead === 0) {
      this.turnsAhead = turnsAtOnce;
      for (let turn = 0; turn < turnsAtOnce; turn += 1) setImmediate(() => this.takeTurn());
    }
    return new Promise((resolve) => void (this.onTurn = resolve));
  }

  private takeTurn(): void {
    this.turnsAhead -= 1;
    const { onTurn } = this;
    this.onTurn = undefined;
    onTurn?.();
  }

  private push(timer: Timer): void {
    this.heap.push(timer);
    let child = this.heap.length - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!this.isBefore(child, parent)) return;
      this.swap(child, parent);
      child = parent;
    }
  }

  private pop(): Timer | undefined {
    for (;;) {
      const first = this.heap[0];
      const last = this.heap.pop();
      if (!first || !last) return undefined;
      if (first !== last) {
        this.heap[0] = last;
        this.sink();
      }
      if (!first.cancelled) return first;
    }
  }

  private sink(): void {
    for (let parent = 0; ;) {
      const left = 2 * parent + 1;
      let least = parent;
      if (left < this.heap.length && this.isBefore(left, least)) least = left;
      if (left + 1 < this.heap.length && this.isBefore(left + 1, least)) least = left + 1;
      if (least === parent) return;
      this.swap(parent, least);
      parent = least;
    }
  }

  private isBefore(a: number, b: number): boolean {
    const first = this.heap[a];
    const second = this.heap[b];
    if (!first || !second) return false;
    return first.at < second.at || (first.at === second.at && first.order < second.order);
  }

  private swap(a: number, b: number): void {
    const first = this.heap[a];
    const second = this.heap[b];
    if (!first || !second) return;
    this.heap[a] = second;
    this.heap[b] = first;
  }
}
