import type { ServerResponse } from 'node:http';

/**
 * Writes a feed to one client without holding more for it than the socket's buffer and one notice. Who takes nothing for
 * too long is dropped: it resumes from the last position it saw.
 */
export class BoundedWriter {
  private opened: () => void = () => undefined;
  private readonly isOpen: Promise<void>;
  private waiting = false;

  constructor(
    private readonly response: ServerResponse,
    private readonly stallMillisMax: number,
  ) {
    this.isOpen = new Promise((resolve) => (this.opened = resolve));
  }

  /** Sends the head; what was written before waits for it. */
  open(headers: Readonly<Record<string, string>>): void {
    this.response.writeHead(200, headers);
    this.response.flushHeaders();
    this.opened();
  }

  /** Resolves when the client has taken enough for more to follow, or is gone. */
  async write(text: string): Promise<void> {
    await this.isOpen;
    if (this.response.destroyed || this.response.writableEnded) return;
    if (this.response.write(text)) return;
    await this.drained();
  }

  /** For comments: nothing is queued up for a client that is behind anyway. */
  writeIfIdle(text: string): void {
    if (!this.waiting && !this.response.destroyed && !this.response.writableEnded) this.response.write(text);
  }

  private drained(): Promise<void> {
    this.waiting = true;
    return new Promise((resolve) => {
      const settle = (): void => {
        clearTimeout(stalled);
        this.response.off('drain', settle).off('close', settle);
        this.waiting = false;
        resolve();
      };
      const stalled = setTimeout(() => this.response.destroy(), this.stallMillisMax);
      this.response.once('drain', settle).once('close', settle);
    });
  }
}
