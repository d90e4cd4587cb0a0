import { isWrite, type OperationLine } from '../history-line.js';
import type { Anomaly } from './anomaly.js';
import { dotOf, entityOf, millisOf, nameLine } from './timeline.js';

/** An acknowledged write by the moment of its acknowledgement. */
interface Acknowledged {
  readonly line: OperationLine;
  readonly seq: number;
  readonly at: bigint;
}

type ByActor = ReadonlyMap<string, readonly Acknowledged[]>;

function acknowledgedByEntity(
  operations: readonly OperationLine[],
  isMeant: (line: OperationLine) => boolean = () => true,
): ReadonlyMap<string, ByActor> {
  const found = new Map<string, Map<string, Acknowledged[]>>();
  for (const line of operations) {
    const dot = line.outcome === 'ok' ? dotOf(line) : undefined;
    if (dot === undefined || line.completed === null || !isMeant(line)) continue;
    const entity = entityOf(line);
    const byActor = found.get(entity) ?? new Map<string, Acknowledged[]>();
    const same = byActor.get(dot.actor) ?? [];
    same.push({ line, seq: dot.seq, at: BigInt(line.completed) });
    byActor.set(dot.actor, same);
    found.set(entity, byActor);
  }
  return found;
}

/**
 * The write that an answer lacks and that was acknowledged the longest time before the question was asked: at least so
 * old is what was answered. Sound on any clocks of the service, for both moments are the clients'.
 */
function oldestMissing(line: OperationLine, writes: ByActor): Acknowledged | undefined {
  const asked = BigInt(line.invoked);
  let oldest: Acknowledged | undefined;
  for (const [actor, same] of writes) {
    const seen = line.seen?.[actor] ?? 0;
    for (const write of same) {
      if (write.seq > seen && write.at < asked && (oldest === undefined || write.at < oldest.at))
        oldest = write;
    }
  }
  return oldest;
}

/**
 * Judges what answers say about their age: the reported staleness is never below the true one, and a bounded read is no
 * older than its bound. What is missing by `seen` and was acknowledged before the read began is the least true age.
 */
export function judgeStaleness(operations: readonly OperationLine[]): readonly Anomaly[] {
  const writes = acknowledgedByEntity(operations);
  const anomalies: Anomaly[] = [];
  for (const line of operations) {
    if (line.outcome !== 'ok' || isWrite(line) || line.seen === undefined) continue;
    const bound = boundOf(line.consistency);
    if (line.stalenessMillis === null && bound === undefined) continue;
    const missing = oldestMissing(line, writes.get(entityOf(line)) ?? new Map());
    if (missing === undefined) continue;
    const age = millisOf(BigInt(line.invoked) - missing.at);
    const lacks = `${nameLine(line)} is at least ${age.toFixed(3)} ms old: it lacks ${nameLine(missing.line)}`;
    if (line.stalenessMillis !== null && age > line.stalenessMillis)
      anomalies.push({ rule: 'staleness', what: `${lacks}; it said ${line.stalenessMillis} ms` });
    if (bound !== undefined && age > bound)
      anomalies.push({ rule: 'bounded', what: `${lacks}; allowed were ${bound} ms` });
  }
  return anomalies;
}

/** Milliseconds of `bounded;max=2000ms;else=fetch`. */
export function boundOf(consistency: string): number | undefined {
  const found = /^bounded;max=(\d+)ms/.exec(consistency)?.[1];
  return found === undefined ? undefined : Number(found);
}

/**
 * Judges quorum reads: none misses a write that a majority had acknowledged before the read began. `1` other region is
 * a majority where there are up to three.
 */
export function judgeQuorum(operations: readonly OperationLine[], regions: number): readonly Anomaly[] {
  const atQuorum = ({ acks }: OperationLine): boolean =>
    acks === 'majority' || acks === 'all' || (acks === '1' && regions <= 3);
  const writes = acknowledgedByEntity(operations, atQuorum);
  const anomalies: Anomaly[] = [];
  for (const line of operations) {
    if (line.outcome !== 'ok' || isWrite(line) || line.consistency !== 'quorum') continue;
    const missing = oldestMissing(line, writes.get(entityOf(line)) ?? new Map());
    if (missing === undefined) continue;
    const what = `${nameLine(line)} lacks what a majority had: ${nameLine(missing.line)}`;
    anomalies.push({ rule: 'quorum', what });
  }
  return anomalies;
}
