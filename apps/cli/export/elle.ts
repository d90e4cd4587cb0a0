import type { Json, JsonObject } from '#core/json.js';
import { fieldModels, placeOf, writtenValue } from '../judge/consistency/field-model.js';
import { partsOf, type OperationLine, type Part } from '../judge/history-line.js';
import { stableText } from '../judge/stable-json.js';
import type { Exported } from './exported.js';

type MicroOperation = readonly ['r' | 'w', string, Json];

interface ElleOperation {
  readonly type: 'invoke' | 'ok' | 'fail' | 'info';
  readonly f: 'txn';
  readonly value: readonly MicroOperation[];
  readonly process: number;
  /** Nanoseconds. */
  readonly time: bigint;
}

/**
 * Elle's operations for its `rw-register` model, as the JSON that `elle-cli --model rw-register` takes: one array of
 * `{"index", "type", "f":"txn", "value":[["w","x/1/f","v"],["r","x/1/f",null]], "process", "time"}`, an invocation and a
 * completion for each operation, in the order of time. `info` is an unknown outcome; the process has another number after
 * one. A compare-and-set is a read and a write in one; a denied one is a `fail`.
 */
export function toElle(operations: readonly OperationLine[]): Exported {
  const models = fieldModels(operations);
  const processes = new Processes(operations);
  const end = momentAfter(operations);
  const events: ElleOperation[] = [];
  let leftOut = 0;
  for (const line of operations.toSorted((a, b) => (BigInt(a.invoked) < BigInt(b.invoked) ? -1 : 1))) {
    const parts = partsOf(line).filter((part) => models.get(placeOf(part)) === 'register');
    if (parts.length === 0) {
      leftOut += 1;
      continue;
    }
    const process = processes.of(line);
    const asked = parts.flatMap((part) => microOperations(part, false));
    const told = line.outcome === 'ok' ? parts.flatMap((part) => microOperations(part, true)) : asked;
    const type = ({ ok: 'ok', fail: 'fail', unknown: 'info' } as const)[line.outcome];
    events.push({ type: 'invoke', f: 'txn', value: asked, process, time: BigInt(line.invoked) });
    // What nobody answered ends with the history.
    const time = line.completed === null ? end : BigInt(line.completed);
    events.push({ type, f: 'txn', value: told, process, time });
  }
  return { text: render(events), operations: operations.length - leftOut, leftOut };
}

function microOperations(part: Part, isTold: boolean): readonly MicroOperation[] {
  const { type, id, field, kind, input, output } = part;
  const key = `${type}/${id}/${field}`;
  if (kind === 'read') return [['r', key, isTold ? scalar(output) : null]];
  const write: MicroOperation = ['w', key, scalar(writtenValue(part))];
  if (kind !== 'cas') return [write];
  return [['r', key, isTold ? scalar((input as JsonObject)['expected'] ?? null) : null], write];
}

/** Elle compares values by identity: lists and objects go as their text. */
function scalar(value: Json): Json {
  return typeof value === 'object' && value !== null ? stableText(value) : value;
}

/** A moment after everything. */
function momentAfter(operations: readonly OperationLine[]): bigint {
  return operations.reduce((latest, { invoked, completed }) => {
    const at = BigInt(completed ?? invoked);
    return at >= latest ? at + 1n : latest;
  }, 0n);
}

/** A process that had an unknown outcome goes on under another number: Jepsen takes it for gone. */
class Processes {
  readonly #numbers = new Map<number, number>();
  #next: number;

  constructor(operations: readonly OperationLine[]) {
    this.#next = operations.reduce((most, { process }) => Math.max(most, process), 0) + 1;
  }

  of({ process, outcome }: OperationLine): number {
    const number = this.#numbers.get(process) ?? process;
    if (outcome === 'unknown') this.#numbers.set(process, this.#next++);
    return number;
  }
}

function render(events: readonly ElleOperation[]): string {
  const inOrder = events.toSorted((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  const lines = inOrder.map(({ type, f, value, process, time }, index) =>
    JSON.stringify({ index, type, f, value, process, time: Number(time) }),
  );
  return `[${lines.join(',\n')}]\n`;
}
