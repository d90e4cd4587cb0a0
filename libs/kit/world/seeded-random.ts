/**
 * A small pseudo-random generator: one seed, one sequence, on every machine.
 *
 * Source: Tommy Ettinger's mulberry32, public domain; 32 bits of state are plenty for drawing faults.
 */
export class SeededRandom {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** Uniform in [0, 1). */
  fraction(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = this.state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** Whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.fraction() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.fraction() * items.length)];
    if (item === undefined) throw new RangeError('there is nothing to pick from');
    return item;
  }

  /** A generator of its own, so that one part's draws do not shift another's. */
  branch(label: string): SeededRandom {
    let hash = this.state ^ 0x811c9dc5;
    for (let index = 0; index < label.length; index += 1)
      hash = Math.imul(hash ^ label.charCodeAt(index), 0x01000193);
    return new SeededRandom(hash);
  }
}
