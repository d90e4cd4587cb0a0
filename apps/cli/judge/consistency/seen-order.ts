import type { OperationLine } from '../history-line.js';
import type { Anomaly, Rule } from './anomaly.js';
import { joinInto, lastUpTo, SessionClocks, type Stamp } from './session-clocks.js';
import { dotOf, entityOf, nameLine, timelineOf, type EventDot } from './timeline.js';

type Vector = Readonly<Record<string, number>>;

/** What a session knows of one entity, per actor, and from what. */
type Known = Map<string, { seq: number; by: 'read' | 'write' }>;

/**
 * Judges the session guarantees by dots and version vectors: what an answer has seen covers all that its session had
 * read and written of the entity before.
 */
export function judgeSessionsBySeen(operations: readonly OperationLine[]): readonly Anomaly[] {
  const anomalies: Anomaly[] = [];
  const known = new Map<string, Known>();
  for (const { line, ends } of timelineOf(operations)) {
    if (!ends || line.session === null) continue;
    const key = `${line.session}\n${entityOf(line)}`;
    const own: Known = known.get(key) ?? new Map();
    known.set(key, own);
    const dot = dotOf(line);
    if (line.seen !== undefined) {
      for (const [actor, { seq, by }] of own) {
        if ((line.seen[actor] ?? 0) >= seq) continue;
        const what = `${nameLine(line)} has seen ${line.seen[actor] ?? 0} of ${actor}, its session knew ${seq}`;
        anomalies.push({ rule: ruleOf(by, dot !== undefined), what });
      }
    }
    if (dot !== undefined) learn(own, dot, 'write');
    else for (const [actor, seq] of Object.entries(line.seen ?? {})) learn(own, { actor, seq }, 'read');
  }
  return anomalies;
}

function learn(known: Known, { actor, seq }: EventDot, by: 'read' | 'write'): void {
  if (seq > (known.get(actor)?.seq ?? 0)) known.set(actor, { seq, by });
}

function ruleOf(knownBy: 'read' | 'write', isWrite: boolean): Rule {
  if (knownBy === 'write') return isWrite ? 'monotonic-writes' : 'read-your-writes';
  return isWrite ? 'writes-follow-reads' : 'monotonic-reads';
}

/**
 * For third parties, on one entity: whoever has seen a write has seen all that the write had seen. It holds at every
 * level; for sessions it is what makes monotonic writes and writes-follow-reads hold for everybody.
 */
export function judgeContexts(operations: readonly OperationLine[]): readonly Anomaly[] {
  const anomalies: Anomaly[] = [];
  for (const lines of Map.groupBy(operations, entityOf).values()) {
    const written = new Map<string, { index: number; seen: Record<string, number>; line: OperationLine }[]>();
    for (const line of lines) {
      const dot = line.outcome === 'ok' ? dotOf(line) : undefined;
      if (dot === undefined || line.seen === undefined) continue;
      const same = written.get(dot.actor) ?? [];
      same.push({ index: dot.seq, seen: { ...line.seen }, line });
      written.set(dot.actor, same);
    }
    for (const same of written.values()) {
      same.sort((a, b) => a.index - b.index);
      for (const [at, entry] of same.entries()) raise(entry.seen, same[at - 1]?.seen ?? {});
    }
    for (const line of lines) {
      if (line.outcome !== 'ok' || line.seen === undefined) continue;
      for (const [actor, seq] of Object.entries(line.seen)) {
        const last = lastUpTo(written.get(actor) ?? [], seq);
        if (last === undefined || covers(line.seen, last.seen)) continue;
        const what = `${nameLine(line)} has seen ${actor}:${last.index} and not all that it had seen`;
        anomalies.push({ rule: 'writes-follow-reads', what: `${what}: ${nameLine(last.line)}` });
      }
    }
  }
  return anomalies;
}

function covers(seen: Vector, wanted: Vector): boolean {
  return Object.entries(wanted).every(([actor, seq]) => (seen[actor] ?? 0) >= seq);
}

function raise(vector: Record<string, number>, other: Vector): void {
  for (const [actor, seq] of Object.entries(other)) {
    if (seq > (vector[actor] ?? 0)) vector[actor] = seq;
  }
}

/** A write that is placed in the happened-before order. */
interface CausalWrite {
  readonly line: OperationLine;
  readonly stamp: Stamp;
  readonly index: number;
  readonly seq: number;
  /** Highest seqs of the session's writes to the entity up to this one. */
  readonly upTo: Vector;
}

/**
 * Judges causal consistency across entities by dots and version vectors. Happened-before: the order within a session,
 * and from a write to an answer that has seen its dot. Every answer must have seen all writes of its entity before it.
 */
export function judgeCausalBySeen(operations: readonly OperationLine[]): readonly Anomaly[] {
  return new CausalOrder(operations).judge();
}

class CausalOrder {
  readonly #clocks: SessionClocks;
  /** By entity and actor, ascending by seq as far as they have begun. */
  readonly #byActor = new Map<string, CausalWrite[]>();
  /** By entity, then by session number, in session order. */
  readonly #bySession = new Map<string, Map<number, CausalWrite[]>>();
  readonly #anomalies: Anomaly[] = [];

  constructor(operations: readonly OperationLine[]) {
    this.#clocks = new SessionClocks(operations);
  }

  judge(): readonly Anomaly[] {
    this.#clocks.follow(
      (line, stamp) => this.#place(line, stamp),
      (line, stamp) => {
        if (line.seen === undefined) return;
        // Also what is before the writes that the answer shows: they are folded after it.
        this.#learn(line, line.seen, stamp);
        if (line.session !== null) this.#check(line, line.seen, stamp);
      },
    );
    return this.#anomalies;
  }

  #place(line: OperationLine, stamp: Stamp): void {
    const dot = dotOf(line);
    if (dot === undefined || line.outcome !== 'ok') return;
    const entity = entityOf(line);
    const sessions = this.#bySession.get(entity) ?? new Map<number, CausalWrite[]>();
    const own = sessions.get(stamp.session) ?? [];
    const upTo: Record<string, number> = { ...own.at(-1)?.upTo };
    raise(upTo, { [dot.actor]: dot.seq });
    const write = { line, stamp, index: stamp.index, seq: dot.seq, upTo };
    const key = `${entity}\n${dot.actor}`;
    const same = this.#byActor.get(key) ?? [];
    const at = same.findLastIndex(({ seq }) => seq < dot.seq) + 1;
    same.splice(at, 0, write);
    this.#byActor.set(key, same);
    if (stamp.session < 0) return;
    own.push(write);
    sessions.set(stamp.session, own);
    this.#bySession.set(entity, sessions);
  }

  #learn(line: OperationLine, seen: Vector, { clock }: Stamp): void {
    for (const [actor, upTo] of Object.entries(seen)) {
      for (const { seq, stamp, line: other } of this.#byActor.get(`${entityOf(line)}\n${actor}`) ?? []) {
        if (seq > upTo) break;
        if (other === line) continue;
        const known = stamp.session >= 0 && (clock[stamp.session] ?? 0) >= stamp.index;
        if (!known) joinInto(clock, stamp.clock);
      }
    }
  }

  #check(line: OperationLine, seen: Vector, { clock }: Stamp): void {
    for (const [session, writes] of this.#bySession.get(entityOf(line)) ?? []) {
      const last = lastUpTo(writes, clock[session] ?? 0);
      if (last === undefined || covers(seen, last.upTo)) continue;
      const what = `${nameLine(line)} has not seen what is before it: ${nameLine(last.line)}`;
      this.#anomalies.push({ rule: 'causal', what });
    }
  }
}
