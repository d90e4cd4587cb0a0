/** What becomes of one message on its way from one region to another. */
export type Passage =
  | { readonly kind: 'arrives'; readonly afterMillis: number }
  /** Swallowed without a word: the sender learns of it from its own timeout only. */
  | { readonly kind: 'lost' }
  /** Nobody listens there: the sender learns it after `afterMillis`. */
  | { readonly kind: 'refused'; readonly afterMillis: number };

/**
 * The network between regions (and within one: `from` equals `to`). Asked once per message and direction, so a world
 * that draws delays, losses and cuts from its seed implements this one function.
 */
export interface Links {
  passage(from: string, to: string): Passage;
}

/** Links with one fixed delay each, that can be cut and healed per direction. */
export class FixedLinks implements Links {
  readonly #cut = new Set<string>();
  readonly #delays = new Map<string, number>();
  readonly #delayMillis: number;

  constructor(delayMillis = 0) {
    this.#delayMillis = delayMillis;
  }

  passage(from: string, to: string): Passage {
    if (this.#cut.has(`${from}>${to}`)) return { kind: 'lost' };
    const own = from === to ? 0 : this.#delayMillis;
    return { kind: 'arrives', afterMillis: this.#delays.get(`${from}>${to}`) ?? own };
  }

  delay(from: string, to: string, millis: number): void {
    this.#delays.set(`${from}>${to}`, millis);
  }

  /** One way only; cut both to part two regions. */
  cut(from: string, to: string): void {
    this.#cut.add(`${from}>${to}`);
  }

  heal(from: string, to: string): void {
    this.#cut.delete(`${from}>${to}`);
  }

  /** Cuts a region off from others, both ways. */
  isolate(region: string, others: readonly string[]): void {
    for (const other of others) {
      this.cut(region, other);
      this.cut(other, region);
    }
  }

  /** Undoes `isolate`. */
  rejoin(region: string, others: readonly string[]): void {
    for (const other of others) {
      this.heal(region, other);
      this.heal(other, region);
    }
  }

  healAll(): void {
    this.#cut.clear();
  }
}
