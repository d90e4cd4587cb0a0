/**
 * Work that many wait for at once. What a caller gets was begun after it asked, and is shared by all who asked before it
 * began: however many wait, one run is under way and at most one comes after it.
 */
export class SharedRun<T> {
  private running: Promise<T> | undefined;
  private following: Promise<T> | undefined;

  constructor(private readonly work: () => Promise<T>) {}

  next(): Promise<T> {
    if (this.following) return this.following;
    if (!this.running) return this.begin();
    this.following = this.running.then(
      () => this.begin(),
      () => this.begin(),
    );
    return this.following;
  }

  private begin(): Promise<T> {
    this.following = undefined;
    const running = this.work().finally(() => {
      if (this.running === running) this.running = undefined;
    });
    this.running = running;
    return running;
  }
}
