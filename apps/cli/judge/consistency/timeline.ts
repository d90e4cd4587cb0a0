import { parseDot } from '#core/causality/dot.js';
import { isWrite, type OperationLine } from '../history-line.js';

/** A moment of a history: an operation begins, or its answer arrives. */
export interface Moment {
  readonly line: OperationLine;
  readonly at: bigint;
  readonly ends: boolean;
}

/**
 * What happened, in the order of the shared clock. Operations that failed take no part; one of unknown outcome begins
 * and never ends. Where two moments are equal, what ends is taken to end first.
 */
export function timelineOf(operations: readonly OperationLine[]): readonly Moment[] {
  const moments: Moment[] = [];
  for (const line of operations) {
    if (line.outcome === 'fail') continue;
    moments.push({ line, at: BigInt(line.invoked), ends: false });
    if (line.outcome === 'ok' && line.completed !== null) {
      // An operation takes time, also where the clock is too coarse to tell.
      const [from, to] = [BigInt(line.invoked), BigInt(line.completed)];
      moments.push({ line, at: to > from ? to : from + 1n, ends: true });
    }
  }
  return moments.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : Number(b.ends) - Number(a.ends)));
}

/** A write's event in a version vector. */
export interface EventDot {
  readonly actor: string;
  readonly seq: number;
}

/** `undefined`: the write got no dot, or is none. */
export function dotOf(line: OperationLine): EventDot | undefined {
  if (line.dot === null || !isWrite(line)) return undefined;
  return parseDot(line.dot)?.dot;
}

export function entityOf({ type, id }: Pick<OperationLine, 'type' | 'id'>): string {
  return `${type}\n${id}`;
}

/** One operation for people. */
export function nameLine(line: OperationLine): string {
  const what =
    line.kind === 'read' ? 'read' : isWrite(line) ? `${line.kind} ${line.dot ?? ''}`.trim() : 'read';
  const who = line.session === null ? `process ${line.process}` : `session ${line.session}`;
  return `${who}: ${what} of ${line.type}/${line.id} in ${line.region}, invoked ${line.invoked}`;
}

export const millisOf = (nanoseconds: bigint): number => Number(nanoseconds) / 1e6;
