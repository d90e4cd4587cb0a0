/** What commands that waited no longer show: that the queue is drained faster than it fills. In milliseconds. */
const shortWaitMillis = 250;

/**
 * A queue that filled up while little could be done, as at a checkpoint of the database, is drained within this; one that is
 * not has more work than it can do.
 */
const patienceMillis = 3_000;

/** While nothing is taken, nothing is known: a database that stands still is no overload. */
const takesMin = 8;

/** The rate is counted in parts of this length, as many of them as make up a second. */
const partMillis = 100;
const parts = 10;

/** A queue that stands no more may be twice as long each second, until nothing is left of its bound. */
const relaxMillis = 1_000;
const relaxTimesMax = 64;

/**
 * Tells a queue that stands, because more comes than can be done, from one that filled up for a moment, by how long those
 * had waited that leave it. Of a standing queue it says how long it may be: what one second takes from it, so that nobody
 * waits much longer than that. Afterwards the bound goes up step by step: what comes is still too much, as a rule.
 *
 * Source: after the rule that CoDel drops by, which looks at the shortest wait of one queue, Nichols and Jacobson, "Controlling Queue Delay", 2012, doi:10.1145/2208917.2209336.
 */
export class StandingQueue {
  private longSinceMillis: number | undefined;
  private takes = 0;
  private stoodAtMillis = -Infinity;
  private stoodLength = 0;
  private readonly taken: number[] = Array.from({ length: parts }, () => 0);
  private part = 0;

  /** @param lengthMin a queue of no more is never too long */
  constructor(private readonly lengthMin: number) {}

  /** So many left the queue together, and had waited so long in the mean. Of many queues, one is nearly empty at any time. */
  took(count: number, waitedMillis: number, nowMillis: number): void {
    this.advance(nowMillis);
    this.taken[this.part % parts] = (this.taken[this.part % parts] ?? 0) + count;
    if (waitedMillis < shortWaitMillis) {
      this.longSinceMillis = undefined;
      this.takes = 0;
      return;
    }
    this.longSinceMillis ??= nowMillis;
    this.takes += 1;
    if (this.takes < takesMin || nowMillis - this.longSinceMillis < patienceMillis) return;
    this.stoodAtMillis = nowMillis;
    this.stoodLength = this.lastSecond();
  }

  /** How many may wait now, for all that is known of the time they would wait; `Infinity` while the queue does not stand. */
  lengthMax(nowMillis: number): number {
    const times = 2 ** Math.floor((nowMillis - this.stoodAtMillis) / relaxMillis);
    if (times > relaxTimesMax) return Infinity;
    this.advance(nowMillis);
    return Math.max(this.lengthMin, this.stoodLength, this.lastSecond()) * times;
  }

  private lastSecond(): number {
    return this.taken.reduce((sum, count) => sum + count, 0);
  }

  private advance(nowMillis: number): void {
    const part = Math.floor(nowMillis / partMillis);
    if (part - this.part >= parts) this.taken.fill(0);
    else for (let at = this.part + 1; at <= part; at += 1) this.taken[at % parts] = 0;
    this.part = Math.max(this.part, part);
  }
}
