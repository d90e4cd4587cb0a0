/** The two directions of a link `from`->`to`: requests go forward, answers come back. */
export type Direction = 'from-to' | 'to-from';

/**
 * How a cut lane treats bytes.
 *
 * - `blackhole`: they are held, up to the bound of the buffer, and then the sender stalls, as if each packet were lost
 *   and sent again. After the heal they arrive, and the connection goes on.
 * - `drop`: they are taken and thrown away. After the heal a connection that lost any is reset, because going on would
 *   leave a hole in its stream.
 */
export type Cut = 'blackhole' | 'drop';

export interface LaneDelay {
  readonly oneWayMillis: number;
  /** Each chunk takes up to so much longer, at random; the order within a connection stays. */
  readonly jitterMillis?: number;
}

/**
 * One direction of a link: what every connection that crosses it meets. Connections share its bandwidth, and each has
 * the same delay.
 */
export class Lane {
  #delay: Required<LaneDelay> = { oneWayMillis: 0, jitterMillis: 0 };
  #bytesPerSecond: number | undefined;
  #sentUntil = 0;
  #cut: Cut | undefined;

  get delay(): Required<LaneDelay> {
    return this.#delay;
  }

  get cut(): Cut | undefined {
    return this.#cut;
  }

  get bytesPerSecond(): number | undefined {
    return this.#bytesPerSecond;
  }

  /** Counts for what is sent from now on; what is under way keeps its time of arrival. */
  setDelay({ oneWayMillis, jitterMillis = 0 }: LaneDelay): void {
    this.#delay = { oneWayMillis, jitterMillis };
  }

  setBandwidth(bytesPerSecond: number | undefined): void {
    this.#bytesPerSecond = bytesPerSecond;
    this.#sentUntil = 0;
  }

  setCut(cut: Cut | undefined): void {
    this.#cut = cut;
  }

  /** When a chunk that is sent at `nowMillis` arrives. Takes its share of the bandwidth. */
  arrival(nowMillis: number, bytes: number): number {
    const { oneWayMillis, jitterMillis } = this.#delay;
    const jitter = jitterMillis === 0 ? 0 : Math.random() * jitterMillis;
    if (this.#bytesPerSecond === undefined) return nowMillis + oneWayMillis + jitter;
    this.#sentUntil = Math.max(nowMillis, this.#sentUntil) + (bytes / this.#bytesPerSecond) * 1000;
    return this.#sentUntil + oneWayMillis + jitter;
  }
}
