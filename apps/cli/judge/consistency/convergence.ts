import type { FinalLine, OperationLine } from '../history-line.js';
import { stableText } from '../stable-json.js';
import type { Anomaly } from './anomaly.js';
import { namePlace, placeOf } from './field-model.js';
import { dotOf, entityOf, nameLine } from './timeline.js';

/**
 * Judges the end of a run: all regions read the same of every field, with the same `seen`, and what they have seen
 * covers every acknowledged write.
 */
export function judgeConvergence(
  operations: readonly OperationLine[],
  finals: readonly FinalLine[],
): readonly Anomaly[] {
  const anomalies: Anomaly[] = [];
  for (const [place, same] of Map.groupBy(finals, placeOf)) {
    const shown = new Set(same.map(({ value }) => stableText(value)));
    const seen = new Set(same.map((final) => stableText(final.seen)));
    if (shown.size > 1)
      anomalies.push({ rule: 'converged', what: `${namePlace(place)} differs: ${[...shown].join(' | ')}` });
    else if (seen.size > 1)
      anomalies.push({
        rule: 'converged',
        what: `${namePlace(place)} was seen differently: ${[...seen].join(' | ')}`,
      });
  }
  const byEntity = Map.groupBy(finals, entityOf);
  for (const line of operations) {
    const dot = line.outcome === 'ok' ? dotOf(line) : undefined;
    if (dot === undefined) continue;
    const lacking = byEntity.get(entityOf(line))?.find(({ seen }) => (seen[dot.actor] ?? 0) < dot.seq);
    if (lacking !== undefined)
      anomalies.push({ rule: 'converged', what: `${lacking.region} lacks in the end ${nameLine(line)}` });
  }
  return anomalies;
}
