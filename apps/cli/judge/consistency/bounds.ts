import { partsOf, type FinalLine, type OperationLine, type Part } from '../history-line.js';
import type { Anomaly } from './anomaly.js';
import { namePlace, placeOf, type FieldModel } from './field-model.js';
import { nameLine } from './timeline.js';

/** Inclusive; absent: none. */
export interface Bounds {
  readonly min?: number;
  readonly max?: number;
}

/** A step of a counter: what surely had happened by a moment, or what may have. */
interface Step {
  readonly at: bigint;
  readonly by: number;
  readonly what: string;
}

/**
 * Judges the counters of a history as bounded ones: no read shows a value out of bounds, at no moment were more acknowledged spends than there
 * can have been to spend, and the final value is the sum of what was acknowledged (give or take what is unknown).
 */
export function judgeBounds(
  operations: readonly OperationLine[],
  finals: readonly FinalLine[],
  models: ReadonlyMap<string, FieldModel>,
  bounds: Bounds,
): readonly Anomaly[] {
  const anomalies: Anomaly[] = [];
  const byPlace = new Map<string, Change[]>();
  for (const line of operations) {
    for (const part of partsOf(line)) {
      const place = placeOf(part);
      const model = models.get(place);
      if (model !== 'bounded-counter' && model !== 'counter') continue;
      if (part.kind === 'read' && line.outcome === 'ok')
        anomalies.push(...outOfBounds(part.output, bounds, `${nameLine(line)} shows`));
      if (part.kind === 'read') continue;
      const changes = byPlace.get(place);
      if (changes === undefined) byPlace.set(place, [{ line, part }]);
      else changes.push({ line, part });
    }
  }
  for (const [place, changes] of byPlace) {
    const where = namePlace(place);
    if (bounds.min !== undefined) anomalies.push(...overdrawn(changes, bounds.min, where, ({ by }) => by));
    // A maximum is the minimum of the mirrored counter.
    if (bounds.max !== undefined) anomalies.push(...overdrawn(changes, -bounds.max, where, ({ by }) => -by));
    for (const final of finals.filter((one) => placeOf(one) === place)) {
      const shown = `${final.region} reads in the end in ${where}`;
      anomalies.push(...outOfBounds(final.value, bounds, shown), ...wrongSum(changes, final, shown));
    }
  }
  return anomalies;
}

/** A bounded counter is read as its value, or as `{ value, rightsHere }`. */
export function countOf(output: unknown): number {
  if (typeof output === 'object' && output !== null) return countOf((output as { value?: unknown }).value);
  return Number(output ?? 0);
}

function outOfBounds(output: unknown, { min, max }: Bounds, shown: string): readonly Anomaly[] {
  const value = countOf(output);
  if (value >= (min ?? -Infinity) && value <= (max ?? Infinity)) return [];
  return [{ rule: 'bounds', what: `${shown} ${value}, out of ${min ?? '-∞'} to ${max ?? '∞'}` }];
}

interface Change {
  readonly line: OperationLine;
  readonly part: Part;
}

function signedAmount({ kind, input }: Part): number {
  if (kind === 'transfer') return 0;
  return kind === 'spend' ? -Number(input) : Number(input);
}

/**
 * What takes counts from its acknowledgement on; what gives, from the moment it was asked for, whatever became of it. A
 * total below the minimum then is below it in every possible order.
 */
function overdrawn(
  changes: readonly Change[],
  min: number,
  where: string,
  amountOf: (step: { readonly by: number }) => number,
): readonly Anomaly[] {
  const steps = changes.flatMap(({ line, part }): readonly Step[] => {
    const by = amountOf({ by: signedAmount(part) });
    if (by === 0 || line.outcome === 'fail') return [];
    if (by > 0) return [{ at: BigInt(line.invoked), by, what: nameLine(line) }];
    if (line.outcome !== 'ok' || line.completed === null) return [];
    return [{ at: BigInt(line.completed), by, what: nameLine(line) }];
  });
  let total = 0;
  for (const { at, by, what } of steps.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : b.by - a.by))) {
    total += by;
    if (total < min)
      return [{ rule: 'bounds', what: `${where} is overdrawn at ${at} by ${min - total}: ${what}` }];
  }
  return [];
}

function wrongSum(changes: readonly Change[], final: FinalLine, shown: string): readonly Anomaly[] {
  let [least, most] = [0, 0];
  for (const { line, part } of changes) {
    const by = signedAmount(part);
    if (line.outcome === 'fail') continue;
    if (line.outcome === 'ok' || by < 0) least += by;
    if (line.outcome === 'ok' || by > 0) most += by;
  }
  const value = countOf(final.value);
  if (value >= least && value <= most) return [];
  const range = least === most ? String(least) : `${least} to ${most}`;
  return [{ rule: 'bounds', what: `${shown} ${value}, the acknowledged changes make ${range}` }];
}
