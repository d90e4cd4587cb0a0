import type { Timing } from '../limits.js';
import type { Clock } from '../ports/clock.js';
import { CommitUnknown, LogUnavailable, type EventLog } from '../ports/event-log.js';
import { topicOf, type IncomingRecord } from '../ports/transport.js';

/**
 * Where in the local cluster's topics this process has read to. Only a hint for the next start: the cursors in the
 * database are the truth, and what a hint passes by is fetched (INV-3).
 */
export class Positions {
  private readonly offsets = new Map<string, { topic: string; partition: number; offset: string }>();
  private savedAtMillis = 0;
  private saving = false;

  constructor(
    private readonly parts: { readonly log: EventLog; readonly clock: Clock; readonly timing: Timing },
  ) {}

  /** Records were handed on; what they carry may not be durable yet, which is why a hint is saved late. */
  passed(records: readonly IncomingRecord[]): void {
    for (const { origin, shard, offset } of records) {
      const topic = topicOf(origin);
      this.offsets.set(`${topic} ${shard}`, { topic, partition: shard, offset });
    }
    const now = this.parts.clock.monotonicMillis();
    if (this.saving || now - this.savedAtMillis < this.parts.timing.marksSaveMillis) return;
    this.savedAtMillis = now;
    this.saving = true;
    void this.save().finally(() => (this.saving = false));
  }

  async save(): Promise<void> {
    if (this.offsets.size === 0) return;
    try {
      await this.parts.log.savePositions([...this.offsets.values()]);
    } catch (error) {
      if (!(error instanceof LogUnavailable) && !(error instanceof CommitUnknown)) throw error;
    }
  }
}
