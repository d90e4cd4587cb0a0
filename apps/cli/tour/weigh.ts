import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { RegionClient } from '#client/region-client.js';
import type { Conflict, ListedEntity } from '#client/wire.js';
import { concurrencyOf, type Concurrency } from '../judge/concurrency.js';
import { conflictKey, conflictsByDefinition } from '../judge/conflict-oracle.js';
import type { FieldRules } from '../judge/field-rules.js';
import type { Journal } from '../judge/journal.js';
import { judge, valueKey } from '../judge/judge.js';
import type { Verdict } from '../judge/verdict.js';
import {
  journalFinals,
  judgedEvents,
  loggedEvents,
  readAll,
  readConflicts,
  readHistories,
  shownEverywhere,
  touchedBy,
  type LoggedHistory,
} from '../load/evidence.js';

/** What one region shows at the end. */
export interface RegionEvidence {
  readonly region: string;
  readonly entities: readonly ListedEntity[];
  readonly histories: readonly LoggedHistory[];
  readonly conflicts: readonly Conflict[];
}

/** Reads, in every region, the touched entities, their whole histories and all conflicts. */
export async function gatherEvidence(
  regions: readonly RegionClient[],
  journal: Journal,
): Promise<readonly RegionEvidence[]> {
  const touched = touchedBy(journal.operations);
  return Promise.all(
    regions.map(async (client) => ({
      region: client.region,
      entities: await readAll(client, touched),
      histories: await readHistories(client, touched),
      conflicts: await readConflicts(client),
    })),
  );
}

/** Judges lost and doubled writes by the journal, and writes the final values into it. */
export function weighWrites(
  evidence: readonly RegionEvidence[],
  journal: Journal,
  before: ReadonlyMap<string, number>,
): Verdict {
  const finals = evidence.flatMap(({ region, entities }) => journalFinals(region, entities, journal));
  return judge({
    operations: journal.operations,
    regions: evidence.map(({ region }) => region),
    logs: evidence.flatMap(({ region, histories }) => loggedEvents(region, histories)),
    finals,
    before,
    isOpaque: (type, field) => type === 'note' && field === 'body',
  });
}

export interface WeighedConflicts {
  readonly recorded: number;
  readonly equalsOracle: boolean;
  readonly sameInAllRegions: boolean;
}

/** Compares each region's conflicts with those that the definition finds in the events of the first region. */
export function weighConflicts(evidence: readonly RegionEvidence[], rules: FieldRules): WeighedConflicts {
  const [first] = evidence;
  const touched = new Set(first?.histories.map(({ entity }) => `${entity.type}\n${entity.id}`));
  const expected = new Set(
    (first?.histories ?? []).flatMap((history) => [
      ...conflictsByDefinition(judgedEvents(history), rules).keys(),
    ]),
  );
  const recorded = evidence.map(({ conflicts }) =>
    conflicts
      .filter(({ type, entityId }) => touched.has(`${type}\n${entityId}`))
      .map((conflict) => ({ id: conflict.id, key: keyOf(conflict) })),
  );
  const idsOf = (index: number): readonly string[] => (recorded[index] ?? []).map(({ id }) => id).toSorted();
  return {
    recorded: recorded[0]?.length ?? 0,
    equalsOracle: recorded.every(
      (own) => own.length === expected.size && own.every(({ key }) => expected.has(key)),
    ),
    sameInAllRegions: recorded.every((_, index) => isDeepStrictEqual(idsOf(index), idsOf(0))),
  };
}

function keyOf({ type, entityId, field, low, high }: Conflict): string {
  return conflictKey({ type, id: entityId, field, low: low.dot, high: high.dot });
}

/** Whether every region reads the same of every entity, and holds the same events. */
export function isConverged(evidence: readonly RegionEvidence[]): boolean {
  const shown = evidence.map(({ entities }) =>
    entities.map(({ type, id, value, seen, quarantined }) => {
      const fields = Object.entries(value ?? {}).map(([field, one]) => [field, shownEverywhere(one)]);
      return { type, id, exists: value !== null, fields, seen, quarantined };
    }),
  );
  const nothingWaits = evidence.every(({ histories }) =>
    histories.every(({ entries }) =>
      entries.every(({ merged }) => merged !== 'pending' && merged !== 'parked'),
    ),
  );
  return nothingWaits && shown.every((own) => isDeepStrictEqual(own, shown[0]));
}

/** How many commands of the replay hit their entity concurrently with another region; no other commands count. */
export function weighConcurrency(
  evidence: readonly RegionEvidence[],
  isOfReplay: (mutationId: string) => boolean,
): Concurrency {
  const counts = (evidence[0]?.histories ?? []).map((history) =>
    concurrencyOf(judgedEvents(history).filter(({ mutationId }) => isOfReplay(mutationId))),
  );
  return {
    commands: counts.reduce((sum, { commands }) => sum + commands, 0),
    concurrent: counts.reduce((sum, { concurrent }) => sum + concurrent, 0),
  };
}

export function countAliases(evidence: readonly RegionEvidence[]): number {
  const [first] = evidence;
  return (first?.histories ?? []).reduce(
    (sum, { entries }) => sum + entries.filter(({ merged }) => merged === 'alias').length,
    0,
  );
}

/** What a region sold of each product since the run began. */
export function soldIn(
  { entities }: RegionEvidence,
  products: Iterable<string>,
  before: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const sold = new Map(
    entities
      .filter(({ type }) => type === 'product')
      .map(({ id, value }) => [id, Number(value?.['sold'] ?? 0)]),
  );
  return new Map(
    [...products].map((id) => [id, (sold.get(id) ?? 0) - (before.get(valueKey('product', id, 'sold')) ?? 0)]),
  );
}

export function sha256Hex(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
