import type { Json } from '#core/json.js';

/**
 * Lines of a client history: what clients asked and were told, in a form that any checker can judge.
 * One JSON object per line; times are nanoseconds of one monotonic clock, as decimal strings.
 */
export type HistoryLine = OperationLine | FaultLine | FinalLine;

export type OperationKind =
  'read' | 'write' | 'cas' | 'add' | 'remove' | 'increment' | 'spend' | 'transfer' | 'txn';

/** What one operation was about. A map entry is field `lines/sku-1`, its key percent-encoded; a delete is a write of `null` to `*`. */
export interface Part {
  readonly kind: OperationKind;
  readonly type: string;
  readonly id: string;
  readonly field: string;
  readonly input: Json;
  readonly output: Json;
}

/** `ok`: it took effect. `fail`: it did not. `unknown`: nobody told. */
export type Outcome = 'ok' | 'fail' | 'unknown';

export interface OperationLine extends Omit<Part, 'kind' | 'field'> {
  readonly run: string;
  /** One sequential client: it never has two operations open. */
  readonly process: number;
  readonly session: string | null;
  readonly region: string;
  readonly kind: OperationKind;
  /** `null` for a transaction, whose parts say it. */
  readonly field: string | null;
  readonly parts?: readonly Part[];
  readonly outcome: Outcome;
  readonly error?: string;
  readonly invoked: string;
  readonly completed: string | null;
  readonly consistency: string;
  readonly acks: string;
  readonly maxWaitMillis: number | null;
  readonly stalenessMillis: number | null;
  readonly mutationId: string | null;
  /** `actor:shard:seq` of the event a write became. */
  readonly dot: string | null;
  /** The entity's version vector as it was answered. */
  readonly seen?: Readonly<Record<string, number>>;
  /** Of the home that answered a strong operation. */
  readonly epoch?: string;
}

export type FaultKind =
  'cut' | 'heal' | 'delay' | 'kill' | 'start' | 'pause' | 'resume' | 'handover' | 'restore';

export interface FaultLine {
  readonly run: string;
  readonly fault: FaultKind;
  readonly target: string;
  readonly at: string;
  readonly detail: string;
}

/** What a field read as at the end of the run in one region. */
export interface FinalLine {
  readonly run: string;
  readonly final: true;
  readonly region: string;
  readonly type: string;
  readonly id: string;
  readonly field: string;
  readonly value: Json;
  readonly seen: Readonly<Record<string, number>>;
}

export function isOperation(line: HistoryLine): line is OperationLine {
  return !('fault' in line) && !('final' in line);
}

function isFault(line: HistoryLine): line is FaultLine {
  return 'fault' in line;
}

export function isFinal(line: HistoryLine): line is FinalLine {
  return 'final' in line;
}

/** The parts of an operation: itself, or those of a transaction. */
export function partsOf(line: OperationLine): readonly Part[] {
  if (line.parts !== undefined) return line.parts;
  return [{ ...line, field: line.field ?? '*' }];
}

/** Whether it may change something. */
export function isWrite(line: OperationLine): boolean {
  return partsOf(line).some(({ kind }) => kind !== 'read');
}

/** The field of one entry of a map: `lines/sku%201`. */
export function entryField(field: string, key: string): string {
  return `${field}/${encodeURIComponent(key)}`;
}

/** The lines of a history, by what they are. */
export interface History {
  readonly operations: readonly OperationLine[];
  readonly faults: readonly FaultLine[];
  readonly finals: readonly FinalLine[];
}

export function historyOf(lines: readonly HistoryLine[]): History {
  return {
    operations: lines.filter(isOperation),
    faults: lines.filter(isFault),
    finals: lines.filter(isFinal),
  };
}
