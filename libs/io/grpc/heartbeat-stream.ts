import type { ClientWritableStream } from '@grpc/grpc-js';
import type { HeartbeatMessage } from '../wire/heartbeat-codec.js';
import type { PeerEndpoint } from './peer-endpoint.js';

/** Heartbeats written and not yet taken by the connection; beyond it they are dropped, for a later one says more. */
const writtenMax = 2;
/** Between a stream that ended and the next attempt, in milliseconds; the heartbeats themselves are the timer. */
const reopenMillis = 250;

/**
 * The stream of heartbeats to one process of a peer region. Opened by the first heartbeat, and anew by the next one after
 * it ended. It never queues more than two, and never fails: what cannot be sent is dropped (INV-15).
 */
export class HeartbeatStream {
  readonly #endpoint: PeerEndpoint;
  #stream: ClientWritableStream<object> | undefined;
  #written = 0;
  #endedAt = -Infinity;
  #closed = false;

  constructor(endpoint: PeerEndpoint) {
    this.#endpoint = endpoint;
  }

  send(message: HeartbeatMessage): void {
    if (this.#closed) return;
    if (this.#stream === undefined && performance.now() - this.#endedAt >= reopenMillis) this.#open();
    if (this.#stream === undefined || this.#written >= writtenMax) return;
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
    const stream = this.#endpoint.openHeartbeats(() => {
      if (stream !== this.#stream) return;
      this.#stream = undefined;
      this.#endedAt = performance.now();
    });
    this.#stream = stream;
    this.#written = 0;
  }
}
