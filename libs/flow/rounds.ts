import { Wake } from './accept/wake.js';
import type { Clock } from './ports/clock.js';

/** Does something again and again, so long after it was done last, until it is stopped. */
export class Rounds {
  private readonly wake = new Wake();
  private running: Promise<void> | undefined;
  private stopping = false;

  constructor(
    private readonly clock: Clock,
    private readonly pauseMillis: number,
    private readonly round: () => Promise<void> | void,
  ) {}

  start(): void {
    this.running = this.run();
  }

  /** Waits for the round under way. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.wake.wake();
    await this.running;
  }

  get isStopping(): boolean {
    return this.stopping;
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      await this.wake.wait(this.clock, this.pauseMillis);
      if (!this.stopping) await this.round();
    }
  }
}
