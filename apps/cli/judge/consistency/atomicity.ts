import { partsOf, type OperationLine, type Part } from '../history-line.js';
import { stableText } from '../stable-json.js';
import type { Anomaly } from './anomaly.js';
import { placeOf, writtenValue, type FieldModel } from './field-model.js';
import { nameLine } from './timeline.js';

/**
 * Judges that a change is seen whole: registers that are always written together, by changes of several operations, are
 * read together as one change left them.
 */
export function judgeAtomicity(
  operations: readonly OperationLine[],
  models: ReadonlyMap<string, FieldModel>,
): readonly Anomaly[] {
  const writers = new Map<string, OperationLine>();
  const company = new Map<string, string>();
  const apart = new Set<string>();
  for (const line of operations) {
    const written = partsOf(line).filter(({ kind }) => kind === 'write' || kind === 'cas');
    const places = written.map(placeOf).toSorted().join('\n\n');
    for (const part of written) {
      const place = placeOf(part);
      writers.set(`${place}\n${stableText(writtenValue(part))}`, line);
      if ((company.get(place) ?? places) !== places || written.length < 2) apart.add(place);
      company.set(place, places);
    }
  }
  const isTogether = (part: Part): boolean =>
    part.kind === 'read' && models.get(placeOf(part)) === 'register' && !apart.has(placeOf(part));
  return operations.flatMap((line): readonly Anomaly[] => {
    if (line.outcome !== 'ok') return [];
    const shown = Map.groupBy(partsOf(line).filter(isTogether), (part) => company.get(placeOf(part)) ?? '');
    return [...shown.values()].flatMap((parts) => {
      const from = new Set(parts.map((part) => writers.get(`${placeOf(part)}\n${stableText(part.output)}`)));
      if (from.size <= 1) return [];
      const values = parts.map(({ field, output }) => `${field} ${stableText(output)}`).join(', ');
      return [
        { rule: 'atomic-changes', what: `${nameLine(line)} shows parts of different changes: ${values}` },
      ];
    });
  });
}
