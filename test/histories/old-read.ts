import { fieldModels, placeOf, writtenValue } from '#cli/judge/consistency/field-model.js';
import { partsOf, type OperationLine } from '#cli/judge/history-line.js';
import type { Json } from '#core/json.js';

/**
 * The same history, but for one read, which shows what was there before its own session wrote. Whoever judges sessions has to notice.
 * Of all reads that can be changed so, the one in the middle is.
 *
 * @throws Error where there is none: then the history proves little
 */
export function withOldRead(operations: readonly OperationLine[]): readonly OperationLine[] {
  const oldReads = [...oldReadsOf(operations)];
  const middle = oldReads[Math.floor(oldReads.length / 2)];
  if (middle === undefined) throw new Error('no session reads what it had written');
  return operations.map((line) => (line === middle.line ? { ...line, output: middle.old } : line));
}

interface OldRead {
  readonly line: OperationLine;
  readonly old: Json;
}

/**
 * Reads that show the last write of their own session to a register, and what the session had known to be there before; and
 * reads of counters that their session had counted something in: at first they were at 0.
 */
function* oldReadsOf(operations: readonly OperationLine[]): Iterable<OldRead> {
  const models = fieldModels(operations);
  const sessions = Map.groupBy(operations, ({ session }) => session);
  sessions.delete(null);
  for (const lines of sessions.values()) {
    const known = new Map<string, Json>();
    const writes = new Map<string, { readonly value: Json; readonly over: Json }>();
    for (const line of lines.toSorted((a, b) => Number(BigInt(a.invoked) - BigInt(b.invoked)))) {
      const [part] = partsOf(line);
      if (part === undefined || line.parts !== undefined || line.outcome !== 'ok') continue;
      const place = placeOf(part);
      const write = writes.get(place);
      const model = models.get(place);
      if (part.kind !== 'read')
        writes.set(place, { value: writtenValue(part), over: known.get(place) ?? null });
      else if (model === 'counter' && write !== undefined) yield { line, old: '0' };
      // Where it shows another's value, the old one may be concurrent with that to a judge who sees values only.
      else if (model === 'register' && write !== undefined && part.output === write.value)
        yield { line, old: write.over };
      known.set(place, part.kind === 'read' ? part.output : writtenValue(part));
    }
  }
}
