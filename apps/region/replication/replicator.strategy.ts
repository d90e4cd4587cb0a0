import { Server, type CustomTransportStrategy } from '@nestjs/microservices';

/** What the strategy gives a life to: the stations that move events between regions. */
export interface Replicator {
  start(): Promise<void>;
  /** Ends in order: nothing new is taken, what is under way is finished. */
  stop(): Promise<void>;
  /** Whether it can do its work at the moment; not whether other regions can be reached. */
  isHealthy(): boolean;
}

export type ReplicatorStatus = 'starting' | 'running' | 'stopped';

/**
 * The replicator as a Nest transport, so that it starts with `startAllMicroservices()` and ends with the application.
 *
 * It routes no messages to controllers. Nest's own Kafka server is made for request and reply: one message at a time,
 * skipping what no handler knows, its offsets kept by a consumer group. None of that may happen to an event (INV-3), so
 * the replicator reads by itself, and only its life is Nest's.
 *
 *     app.connectMicroservice({ strategy: new ReplicatorStrategy(replicator) });
 */
export class ReplicatorStrategy
  extends Server<Record<string, never>, ReplicatorStatus>
  implements CustomTransportStrategy
{
  override readonly transportId = Symbol('atoll.replicator');
  readonly #replicator: Replicator;
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(replicator: Replicator) {
    super();
    this.#replicator = replicator;
  }

  /** Nest's signature: the callback gets the error when the replicator does not start. */
  override listen(callback: (error?: unknown) => void): void {
    this._status$.next('starting');
    this.#starting ??= this.#replicator.start();
    this.#starting.then(
      () => {
        this._status$.next('running');
        callback();
      },
      (error: unknown) => {
        this._status$.next('stopped');
        callback(error);
      },
    );
  }

  /** Waits for a start that is under way; called again, it waits for the same end. */
  override close(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const started = await this.#starting?.then(
      () => true,
      () => false, // whoever listened was told
    );
    if (started === true) await this.#replicator.stop();
    this._status$.next('stopped');
  }

  /** For readiness: running, and able to work. */
  isHealthy(): boolean {
    return this.#starting !== undefined && this.#stopping === undefined && this.#replicator.isHealthy();
  }

  override on(): never {
    throw new Error('the replicator has no events of its own: its status is an observable');
  }

  override unwrap<T>(): T {
    return this.#replicator as T;
  }
}
