import type { RegionClient } from '#client/region-client.js';
import { untilAnswered } from '#client/until-answered.js';
import type {
  Conflict,
  ConflictPage,
  ConflictQuery,
  EntityRef,
  HistoryEntry,
  HistoryPage,
  Json,
  JsonObject,
  ListedEntity,
} from '#client/wire.js';
import { isWrite, partsOf, type OperationLine } from '../judge/history-line.js';
import type { Journal } from '../judge/journal.js';
import type { JudgedEvent } from '../judge/judged-event.js';
import type { FinalValue, LoggedEvent } from '../judge/verdict.js';

/** Ids by type. */
export type Touched = ReadonlyMap<string, ReadonlySet<string>>;

/** Everything that the operations wrote to or tried to. */
export function touchedBy(operations: readonly OperationLine[]): Touched {
  const touched = new Map<string, Set<string>>();
  for (const line of operations) {
    if (!isWrite(line)) continue;
    for (const { type, id } of partsOf(line)) {
      const ids = touched.get(type);
      if (ids) ids.add(id);
      else touched.set(type, new Set([id]));
    }
  }
  return touched;
}

const idsPerRead = 500;
const historyPage = 1_000;
const readsAtOnce = 12;

/** The touched entities as one region reads them. */
export async function readAll(client: RegionClient, touched: Touched): Promise<readonly ListedEntity[]> {
  const chunks = [...touched].flatMap(([type, ids]) =>
    chunksOf([...ids], idsPerRead).map((part) => ({ type, part })),
  );
  const pages = await atOnce(chunks, 2, ({ type, part }) => untilAnswered(() => client.readMany(type, part)));
  return pages.flatMap(({ entities }) => entities);
}

/** Reads in one region all that the journal's operations wrote to, and writes it into the journal as final values. */
export async function recordFinals(client: RegionClient, journal: Journal): Promise<void> {
  const entities = await readAll(client, touchedBy(journal.operations));
  journalFinals(client.region, entities, journal);
}

/** Writes what one region reads at the end into the journal, and returns it. */
export function journalFinals(
  region: string,
  entities: readonly ListedEntity[],
  journal: Journal,
): readonly FinalValue[] {
  const seen = new Map(entities.map((entity) => [`${entity.type}\n${entity.id}`, entity.seen]));
  const finals = finalValues(region, entities, journal.operations);
  for (const final of finals) journal.final({ ...final, seen: seen.get(`${final.type}\n${final.id}`) ?? {} });
  return finals;
}

export interface LoggedHistory {
  readonly entity: EntityRef;
  readonly entries: readonly HistoryEntry[];
}

/** The history of every touched entity as one region holds it. */
export async function readHistories(
  client: RegionClient,
  touched: Touched,
): Promise<readonly LoggedHistory[]> {
  const entities = [...touched].flatMap(([type, ids]) => [...ids].map((id) => ({ type, id })));
  return atOnce(entities, readsAtOnce, async (entity) => {
    const entries: HistoryEntry[] = [];
    for (let offset: number | null = 0; offset !== null;) {
      const at: number = offset;
      const page: HistoryPage = await untilAnswered(() =>
        client.history(entity, { limit: historyPage, offset: at }),
      );
      entries.push(...page.entries);
      offset = page.next;
    }
    return { entity, entries };
  });
}

/** Every conflict that a region has recorded. */
export async function readConflicts(client: RegionClient): Promise<readonly Conflict[]> {
  const conflicts: Conflict[] = [];
  for (let after: string | undefined = ''; after !== undefined;) {
    const query: ConflictQuery = { limit: historyPage, ...(after === '' ? {} : { after }) };
    const page: ConflictPage = await untilAnswered(() => client.conflicts(query));
    conflicts.push(...page.conflicts);
    after = page.next ?? undefined;
  }
  return conflicts;
}

export function loggedEvents(region: string, histories: readonly LoggedHistory[]): readonly LoggedEvent[] {
  return histories.flatMap(({ entries }) =>
    effective(entries).map(({ dot, mutationId, merged }) => ({
      ...{ region, dot, mutationId, alias: merged === 'alias' },
    })),
  );
}

/** Without those that a new home left out: they are in the log, and in no state. */
function effective(entries: readonly HistoryEntry[]): readonly HistoryEntry[] {
  return entries.filter(({ merged }) => merged !== 'refused');
}

export function judgedEvents({ entity, entries }: LoggedHistory): readonly JudgedEvent[] {
  return effective(entries).map((entry) => {
    const [actor = '', , seq = ''] = entry.dot.split(':');
    const { dot, kind, changes, context, observed, mutationId } = entry;
    return {
      ...{ ...entity, actor, seq: Number(seq), dot, kind, changes, context, mutationId },
      ...(observed === null ? {} : { observed }),
    };
  });
}

/** What each field that the operations named reads as; a map entry is `lines/key`. */
export function finalValues(
  region: string,
  entities: readonly ListedEntity[],
  operations: readonly OperationLine[],
): readonly FinalValue[] {
  const fields = new Map<string, Set<string>>();
  for (const line of operations) {
    if (!isWrite(line)) continue;
    for (const { type, id, field } of partsOf(line)) {
      const key = `${type}\n${id}`;
      const named = fields.get(key);
      if (named) named.add(field);
      else fields.set(key, new Set([field]));
    }
  }
  return entities.flatMap(({ type, id, value }) =>
    [...(fields.get(`${type}\n${id}`) ?? [])]
      .filter((field) => field !== '*')
      .map((field) => ({ region, type, id, field, value: shownEverywhere(valueAt(value, field)) })),
  );
}

/** Of a bounded counter its value alone: the rights of each region are its own. */
export function shownEverywhere(value: Json): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const { rightsHere, value: count = null } = value as JsonObject;
  return rightsHere === undefined ? value : count;
}

function valueAt(value: JsonObject | null, field: string): Json {
  let at: Json = value;
  for (const [depth, step] of field.split('/').entries()) {
    if (typeof at !== 'object' || at === null || Array.isArray(at)) return null;
    const key = depth === 0 ? step : decodeURIComponent(step);
    at = Object.hasOwn(at, key) ? ((at as JsonObject)[key] ?? null) : null;
  }
  return at;
}

function chunksOf<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

/** Maps items with at most `width` of them under way. The results are in the order of the items. */
export async function atOnce<T, R>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next;
      next += 1;
      results[index] = await work(items[index] as T);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker));
  return results;
}
