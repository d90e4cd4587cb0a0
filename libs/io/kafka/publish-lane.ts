import { assert } from '#core/assert.js';
import { TransportUnavailable, type OutgoingRecord } from '#flow/ports/transport.js';
import { within } from './deadline.js';
import type { Sender } from './driver.js';
import { messageOf } from './message-of.js';
import { requestsOf } from './requests.js';
import { limits } from './settings.js';

export interface LaneOptions {
  readonly cluster: string;
  readonly topic: string;
  readonly millisMax: number;
  /** Makes sure that the topic is there; shared by all lanes of the cluster. */
  readonly prepare: () => Promise<void>;
  readonly openSender: () => Sender;
}

/**
 * One slot of one cluster: at most one request under way, over a connection of its own that is made when it is first
 * needed and after every failure. A failed request may still arrive; whoever publishes sends it again, and receivers
 * order by seq.
 */
export class PublishLane {
  readonly #options: LaneOptions;
  #sender: Sender | undefined;
  #busy = false;
  #attempt = 0;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /** @throws TransportUnavailable after `millisMax` at the latest */
  async publish(records: readonly OutgoingRecord[]): Promise<void> {
    const { cluster, millisMax } = this.#options;
    assert(!this.#busy, `one request per slot is under way at a time: ${cluster}`);
    const tooLarge = records.find((record) => record.value.byteLength > limits.recordBytesMax);
    if (tooLarge !== undefined) {
      throw new TransportUnavailable(`a record of ${tooLarge.value.byteLength} bytes is over the limit`);
    }
    this.#busy = true;
    try {
      await within(millisMax, `publishing to ${cluster}`, this.#send(records, ++this.#attempt));
    } catch (cause) {
      // The connection may be in any state, and may be stuck: the next request gets a new one.
      this.#attempt += 1;
      this.#discardSender();
      throw new TransportUnavailable(`cluster ${cluster}: ${messageOf(cause)}`, { cause });
    } finally {
      this.#busy = false;
    }
  }

  async #send(records: readonly OutgoingRecord[], attempt: number): Promise<void> {
    await this.#options.prepare();
    for (const request of requestsOf(records)) {
      if (attempt !== this.#attempt) return; // given up meanwhile: the lane belongs to a later request
      this.#sender ??= this.#options.openSender();
      await this.#sender.send(this.#options.topic, request);
    }
  }

  #discardSender(): void {
    const sender = this.#sender;
    this.#sender = undefined;
    sender?.close().catch(() => undefined);
  }

  async close(): Promise<void> {
    const sender = this.#sender;
    this.#sender = undefined;
    if (sender === undefined) return;
    await within(limits.closeMillisMax, 'closing a producer', sender.close()).catch(() => undefined);
  }
}
