import type { ClientWritableStream } from '@grpc/grpc-js';
import type { PeerEndpoint, StreamMethod } from './peer-endpoint.js';

/** Between a stream that ended and the next attempt, in milliseconds; what is told is itself the timer. */
const reopenMillis = 250;

export interface TellStreamOptions {
  readonly endpoint: PeerEndpoint;
  readonly method: StreamMethod;
  /** Messages written and not yet taken by the connection; beyond it they are dropped (INV-15). */
  readonly writtenMax: number;
}

/**
 * A stream of messages to one process of a peer region that need no answer. Opened by the first message, and anew by the
 * next one after it ended. It never fails: what cannot be sent is dropped.
 */
export class TellStream {
  readonly #options: TellStreamOptions;
  #stream: ClientWritableStream<object> | undefined;
  #written = 0;
  #endedAt = -Infinity;
  #closed = false;

  constructor(options: TellStreamOptions) {
    this.#options = options;
  }

  send(message: object): void {
    if (this.#closed) return;
    if (this.#stream === undefined && performance.now() - this.#endedAt >= reopenMillis) this.#open();
    if (this.#stream === undefined || this.#written >= this.#options.writtenMax) return;
    this.#written += 1;
    const stream = this.#stream;
    stream.write(message, () => {
      if (stream === this.#stream) this.#written -= 1;
    });
  }

  close(): void {
    this.#closed = true;
    this.#stream?.cancel();
  }

  #open(): void {
    const { endpoint, method } = this.#options;
    const stream = endpoint.openStream(method, () => {
      if (stream !== this.#stream) return;
      this.#stream = undefined;
      this.#endedAt = performance.now();
    });
    this.#stream = stream;
    this.#written = 0;
  }
}
