import type { OperationLine } from '../history-line.js';
import { timelineOf } from './timeline.js';

/** Where an operation stands in the happened-before order: its session's count, and what it knows of each session. */
export interface Stamp {
  /** `-1`: in no session, or of unknown outcome: nothing is after it by session order. */
  readonly session: number;
  /** From 1, of the operations of the session. */
  readonly index: number;
  /** Per session, how many of its operations are before this one; itself is among them. */
  readonly clock: Int32Array;
}

/** Vector clocks over the sessions of a history. Sessions, not processes: only what carries a token is ordered by promise. */
export class SessionClocks {
  readonly sessions: readonly string[];
  readonly #numbers: ReadonlyMap<string, number>;
  readonly #clocks: Int32Array[];
  readonly #counts: Int32Array;

  constructor(private readonly operations: readonly OperationLine[]) {
    this.sessions = [...new Set(operations.flatMap(({ session }) => session ?? []))];
    this.#numbers = new Map(this.sessions.map((name, index) => [name, index]));
    this.#clocks = this.sessions.map(() => new Int32Array(this.sessions.length));
    this.#counts = new Int32Array(this.sessions.length);
  }

  /** Goes through the history moment by moment. What `ended` adds to an operation's clock, its session goes on from. */
  follow(
    began: (line: OperationLine, stamp: Stamp) => void,
    ended: (line: OperationLine, stamp: Stamp) => void,
  ): void {
    const stamps = new Map<OperationLine, Stamp>();
    for (const { line, ends } of timelineOf(this.operations)) {
      if (!ends) {
        const stamp = this.#begin(line);
        stamps.set(line, stamp);
        began(line, stamp);
        continue;
      }
      const stamp = stamps.get(line) as Stamp;
      ended(line, stamp);
      this.#end(stamp);
    }
  }

  /** An operation begins: it is after all that its session has been answered. */
  #begin(line: OperationLine): Stamp {
    const number = this.#numberOf(line);
    const before = this.#clocks[number];
    if (before === undefined) return { session: -1, index: 0, clock: new Int32Array(this.sessions.length) };
    const clock = Int32Array.from(before);
    if (line.outcome !== 'ok') return { session: -1, index: 0, clock };
    const index = (this.#counts[number] ?? 0) + 1;
    this.#counts[number] = index;
    clock[number] = index;
    return { session: number, index, clock };
  }

  /** Its answer arrived: what it learned meanwhile is in its clock. The session goes on from there. */
  #end({ session, clock }: Stamp): void {
    const own = this.#clocks[session];
    if (own !== undefined) joinInto(own, clock);
  }

  #numberOf({ session }: OperationLine): number {
    return session === null ? -1 : (this.#numbers.get(session) ?? -1);
  }
}

/** Whether a is before b, or is b. */
export function isBeforeOrSame(a: Stamp, b: Stamp): boolean {
  return a.session >= 0 && (b.clock[a.session] ?? 0) >= a.index;
}

export function joinInto(clock: Int32Array, other: Int32Array): void {
  for (const [at, count] of other.entries()) if (count > (clock[at] ?? 0)) clock[at] = count;
}

/** The last of the entries whose index is at most `index`; they ascend. */
export function lastUpTo<T extends { readonly index: number }>(
  entries: readonly T[],
  index: number,
): T | undefined {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((entries[middle]?.index ?? 0) <= index) low = middle + 1;
    else high = middle;
  }
  return entries[low - 1];
}
