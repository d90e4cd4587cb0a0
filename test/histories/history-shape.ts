import { statSync } from 'node:fs';
import { partsOf, type History, type OperationLine } from '#cli/judge/history-line.js';

/** How large a history is, for whoever has to judge it. */
export interface HistoryShape {
  /** Operations that were answered, a conditional one also with no; or whose outcome nobody knows. */
  readonly done: number;
  readonly ok: number;
  readonly fail: number;
  readonly unknown: number;
  readonly clients: number;
  readonly faults: number;
  /** Regions that told final values. */
  readonly finals: readonly string[];
  readonly keys: number;
  /** Of the key with the most of them. */
  readonly operationsPerKeyMax: number;
  readonly unknownsPerKeyMax: number;
  readonly megabytes: number;
}

export function shapeOf(
  { operations, faults, finals }: History,
  { path, clients }: { readonly path: string; readonly clients: number },
): HistoryShape {
  const count = (outcome: OperationLine['outcome']): number =>
    operations.filter((line) => line.outcome === outcome).length;
  const touched = operations.flatMap((line) =>
    [...new Set(partsOf(line).map(({ type, id }) => `${type}/${id}`))].map((key) => ({ key, line })),
  );
  const perKey = [...Map.groupBy(touched, ({ key }) => key).values()].map((of) => of.map(({ line }) => line));
  const most = (isMeant: (line: OperationLine) => boolean): number =>
    Math.max(0, ...perKey.map((lines) => lines.filter(isMeant).length));
  return {
    done: operations.filter(({ outcome, output }) => outcome !== 'fail' || output === false).length,
    ...{ ok: count('ok'), fail: count('fail'), unknown: count('unknown'), clients },
    ...{ faults: faults.length, finals: [...new Set(finals.map(({ region }) => region))].toSorted() },
    keys: perKey.length,
    operationsPerKeyMax: most(() => true),
    unknownsPerKeyMax: most(({ outcome }) => outcome === 'unknown'),
    megabytes: Math.round(statSync(path).size / 1e5) / 10,
  };
}
