import type { Json, JsonObject } from '#core/json.js';
import { fieldModels, placeOf, writtenValue } from '../judge/consistency/field-model.js';
import { partsOf, type OperationLine, type Part } from '../judge/history-line.js';
import { stableText } from '../judge/stable-json.js';

/** What an outside checker takes for a session. */
export type SessionRule =
  /** Operations that carry one token chain; each operation without a token is a session of its own. */
  | 'token'
  /** All operations of one sequential client, whatever it sent. */
  | 'process';

/** A read or write of one register. */
export interface RegisterStep {
  readonly kind: 'read' | 'write';
  /** From 1. */
  readonly register: number;
  /** From 1, unique in the whole history; 0 is what a register holds before it was written. */
  readonly value: number;
}

export interface RegisterTransaction {
  readonly steps: readonly RegisterStep[];
  /** `false`: it was answered as failed, and must not be read. */
  readonly committed: boolean;
}

export interface RegisterSessions {
  /** In each session in the order of invocation. */
  readonly sessions: readonly (readonly RegisterTransaction[])[];
  readonly registers: number;
  /** Operations of the history that are about no register, or whose outcome nobody knows and nobody saw. */
  readonly leftOut: number;
}

/**
 * The registers of a history as numbered sessions of transactions, as checkers of transactional levels take them. Counters,
 * sets and other fields are left out. A compare-and-set that was done is a read and a write in one; one that was denied
 * says only what it did not see and is left out. A write of unknown outcome counts as done if somebody read it.
 */
export function registerSessions(operations: readonly OperationLine[], rule: SessionRule): RegisterSessions {
  const models = fieldModels(operations);
  const isRegister = (part: Part): boolean => models.get(placeOf(part)) === 'register';
  const numbers = new Numbers();
  const seen = valuesRead(operations, isRegister);
  const sessions = new Map<string, RegisterTransaction[]>();
  let leftOut = 0;
  const inOrder = operations.toSorted((a, b) => (BigInt(a.invoked) < BigInt(b.invoked) ? -1 : 1));
  for (const [at, line] of inOrder.entries()) {
    const parts = partsOf(line).filter(isRegister);
    const wasSeen = parts.some((part) => part.kind !== 'read' && seen.has(valueKey(part)));
    const isDone = line.outcome === 'ok' || (line.outcome === 'unknown' && wasSeen);
    // What nobody knows of and nobody saw takes no number either.
    const isToldOf = isDone || line.outcome === 'fail';
    const steps = isToldOf ? parts.flatMap((part) => stepsOf(part, numbers, isDone)) : [];
    if (steps.length === 0) {
      leftOut += 1;
      continue;
    }
    const name = sessionName(line, rule, at);
    const session = sessions.get(name) ?? [];
    session.push({ steps, committed: isDone });
    sessions.set(name, session);
  }
  return { sessions: [...sessions.values()], registers: numbers.registers(), leftOut };
}

/** Nothing is ordered after a write that nobody answered: it is a session of its own. */
function sessionName({ session, process, outcome }: OperationLine, rule: SessionRule, at: number): string {
  if (outcome !== 'ok') return `alone ${at}`;
  if (rule === 'process') return `process ${process}`;
  return session === null ? `alone ${at}` : `session ${session}`;
}

function valueKey(part: Part): string {
  return `${placeOf(part)}\n${stableText(writtenValue(part))}`;
}

function valuesRead(
  operations: readonly OperationLine[],
  isRegister: (part: Part) => boolean,
): ReadonlySet<string> {
  const reads = operations
    .filter(({ outcome }) => outcome === 'ok')
    .flatMap(partsOf)
    .filter((part) => part.kind === 'read' && isRegister(part));
  return new Set(reads.map((part) => `${placeOf(part)}\n${stableText(part.output)}`));
}

/** Of a failed operation only the writes are told: so that a checker finds whoever read one. */
function stepsOf(part: Part, numbers: Numbers, isDone: boolean): readonly RegisterStep[] {
  const register = numbers.register(placeOf(part));
  const step = (kind: 'read' | 'write', value: Json): RegisterStep => ({
    kind,
    register,
    value: numbers.value(placeOf(part), value),
  });
  if (part.kind === 'read') return isDone ? [step('read', part.output)] : [];
  const write = step('write', writtenValue(part));
  if (part.kind !== 'cas' || !isDone) return [write];
  return [step('read', (part.input as JsonObject)['expected'] ?? null), write];
}

/** Numbers registers and values in the order in which they come. */
class Numbers {
  readonly #registers = new Map<string, number>();
  readonly #values = new Map<string, number>();

  register(place: string): number {
    return numberOf(this.#registers, place);
  }

  value(place: string, value: Json): number {
    return value === null ? 0 : numberOf(this.#values, `${place}\n${stableText(value)}`);
  }

  registers(): number {
    return this.#registers.size;
  }
}

function numberOf(numbers: Map<string, number>, name: string): number {
  const number = numbers.get(name) ?? numbers.size + 1;
  numbers.set(name, number);
  return number;
}
