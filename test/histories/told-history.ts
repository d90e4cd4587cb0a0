import type { Json } from '#core/json.js';
import type { FinalLine, OperationLine, Part } from '#cli/judge/history-line.js';

/** What a hand-made operation says beside what it did; the rest is as plain as can be. */
export interface Told extends Partial<Omit<OperationLine, 'kind' | 'input' | 'output'>> {
  /** Invoked and completed, in milliseconds; else the next two ticks of a clock that counts milliseconds. */
  readonly during?: readonly [number, number | null];
}

export interface TellHistory {
  readonly operations: OperationLine[];
  read(output: Json, told?: Told): OperationLine;
  write(input: Json, told?: Told): OperationLine;
  /** Any other kind, or one with both an input and an output. */
  tell(what: Pick<Part, 'kind' | 'input' | 'output'>, told?: Told): OperationLine;
  /** Several reads or writes in one. */
  together(
    parts: readonly (Pick<Part, 'kind' | 'field' | 'input' | 'output'> & Partial<Part>)[],
    told?: Told,
  ): OperationLine;
}

/** Tells a history by hand, one line per operation; each is of entity `x/1`, field `f`, and `ok`. */
export function tellHistory(): TellHistory {
  const operations: OperationLine[] = [];
  let clock = 0;
  const tell: TellHistory['tell'] = ({ kind, input, output }, { during, ...told } = {}) => {
    const [from, to] = during ?? [(clock += 1), (clock += 1)];
    clock = Math.max(clock, from, to ?? 0);
    const line: OperationLine = {
      ...{ run: 'told', process: 1, session: null, region: 'us', type: 'x', id: '1', field: 'f' },
      ...{ kind, input, output, outcome: to === null ? 'unknown' : 'ok' },
      ...{ invoked: nanoseconds(from), completed: to === null ? null : nanoseconds(to) },
      ...{ consistency: 'eventual', acks: 'local', maxWaitMillis: null, stalenessMillis: null },
      ...{ mutationId: kind === 'read' ? null : `m${operations.length}`, dot: null },
      ...told,
    };
    operations.push(line);
    return line;
  };
  return {
    operations,
    tell,
    read: (output, told) => tell({ kind: 'read', input: null, output }, told),
    write: (input, told) => tell({ kind: 'write', input, output: null }, told),
    together(parts, told = {}) {
      const { type = 'x', id = '1' } = told;
      const whole = parts.map((part) => ({ type, id, ...part }));
      return tell({ kind: 'txn', input: null, output: null }, { ...told, field: null, parts: whole });
    },
  };
}

export function tellFinal(region: string, value: Json, told: Partial<FinalLine> = {}): FinalLine {
  return { run: 'told', final: true, region, type: 'x', id: '1', field: 'f', value, seen: {}, ...told };
}

function nanoseconds(millis: number): string {
  return String(BigInt(Math.round(millis * 1e6)));
}
