import type { ServerWritableStream } from '@grpc/grpc-js';
import { feedBufferBytesMax } from '#io/http/limits.js';

/** A notice without its value: position, version and vectors, about. */
const noticeBytes = 1024;

/**
 * Writes a feed to one gRPC client. What its connection has not taken yet is counted in bytes: grpc-js alone would hold sixteen
 * notices, however large. Who takes nothing for too long is dropped: it resumes from the last position it saw.
 */
export class FeedWriter {
  private pendingBytes = 0;
  private resume: () => void = () => undefined;

  constructor(
    private readonly call: ServerWritableStream<unknown, unknown>,
    private readonly stallMillisMax: number,
  ) {}

  /** Resolves when the client has taken enough for more to follow, or is gone. */
  write(message: { readonly valueJson: string }): Promise<void> {
    const { call } = this;
    if (call.cancelled || call.destroyed) return Promise.resolve();
    const bytes = noticeBytes + message.valueJson.length;
    this.pendingBytes += bytes;
    call.write(message, () => {
      this.pendingBytes -= bytes;
      if (this.pendingBytes <= feedBufferBytesMax) this.resume();
    });
    return this.pendingBytes <= feedBufferBytesMax ? Promise.resolve() : this.taken();
  }

  private taken(): Promise<void> {
    const { call } = this;
    return new Promise((resolve) => {
      const settle = (): void => {
        clearTimeout(stalled);
        call.off('cancelled', settle).off('close', settle);
        this.resume = () => undefined;
        resolve();
      };
      const stalled = setTimeout(() => call.destroy(), this.stallMillisMax);
      this.resume = settle;
      call.once('cancelled', settle).once('close', settle);
    });
  }
}
