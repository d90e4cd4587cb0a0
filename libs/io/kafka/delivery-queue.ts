import type { IncomingRecord } from '#flow/ports/transport.js';

export interface DeliveryOptions {
  readonly deliver: (records: readonly IncomingRecord[]) => Promise<void>;
  /** From here on `push` waits, counting what `deliver` has in its hands. */
  readonly bufferedBytesMax: number;
  /** The most that one `deliver` is given; a single larger record is given alone. */
  readonly deliverBytesMax: number;
  readonly redeliverMillis: number;
  readonly refused: (error: unknown) => void;
}

/** What a record costs beside its value. */
const recordBytes = 128;

/**
 * Between fetching and `deliver`: a buffer bounded in bytes (INV-15). While one batch is delivered the next one gathers,
 * so that batches grow with load, and nothing waits for a timer. A refused batch is delivered again, in order.
 */
export class DeliveryQueue {
  readonly #options: DeliveryOptions;
  #waiting: IncomingRecord[] = [];
  /** In the hands of `deliver`. */
  #delivering: readonly IncomingRecord[] = [];
  #bytes = 0;
  #roomSeekers: (() => void)[] = [];
  #pump: Promise<void> | undefined;
  #closed = false;
  /** Grows when everything in the queue is given up; a refused batch of an earlier time is not delivered again. */
  #generation = 0;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** What waits and what is being delivered. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether anything of the origin's shard waits or is being delivered. Looks at all that is here. */
  holds(origin: string, shard: number): boolean {
    const isOfIt = (record: IncomingRecord): boolean => record.shard === shard && record.origin === origin;
    return this.#delivering.some(isOfIt) || this.#waiting.some(isOfIt);
  }

  /** Resolves when there is room for more. */
  push(records: readonly IncomingRecord[]): Promise<void> {
    if (this.#closed || records.length === 0) return Promise.resolve();
    for (const record of records) {
      this.#waiting.push(record);
      this.#bytes += costOf(record);
    }
    this.#pump ??= this.#run();
    return this.room();
  }

  room(): Promise<void> {
    if (this.#closed || this.#bytes < this.#options.bufferedBytesMax) return Promise.resolve();
    return new Promise((resolve) => this.#roomSeekers.push(resolve));
  }

  /** Gives up what waits; what is being delivered is not delivered again. */
  clear(): void {
    this.#generation += 1;
    for (const record of this.#waiting) this.#bytes -= costOf(record);
    this.#waiting = [];
    this.#tellRoom();
  }

  /** Resolves when the delivery under way has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    this.clear();
    await this.#pump;
  }

  async #run(): Promise<void> {
    // All partitions of one fetch come in one after the other: let them make one batch.
    await new Promise((resolve) => void setImmediate(resolve));
    while (this.#waiting.length > 0 && !this.#closed) {
      const batch = this.#take();
      this.#delivering = batch;
      await this.#deliverUntilTaken(batch);
      this.#delivering = [];
      for (const record of batch) this.#bytes -= costOf(record);
      this.#tellRoom();
    }
    this.#pump = undefined;
  }

  async #deliverUntilTaken(batch: readonly IncomingRecord[]): Promise<void> {
    const generation = this.#generation;
    while (generation === this.#generation) {
      try {
        return await this.#options.deliver(batch);
      } catch (error) {
        this.#options.refused(error);
        await new Promise((resolve) => setTimeout(resolve, this.#options.redeliverMillis));
      }
    }
  }

  #take(): readonly IncomingRecord[] {
    let bytes = 0;
    let count = 0;
    for (const record of this.#waiting) {
      bytes += costOf(record);
      if (count > 0 && bytes > this.#options.deliverBytesMax) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  #tellRoom(): void {
    if (!this.#closed && this.#bytes >= this.#options.bufferedBytesMax) return;
    const seekers = this.#roomSeekers;
    this.#roomSeekers = [];
    for (const seeker of seekers) seeker();
  }
}

function costOf(record: IncomingRecord): number {
  return record.value.byteLength + (record.mac?.byteLength ?? 0) + recordBytes;
}
