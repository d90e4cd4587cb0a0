import type { Json } from '../json.js';
import { storedArray, storedNumber } from './stored-form.js';

/** Clocks `from` up to, but without, `to`. */
export type ClockRange = readonly [from: number, to: number];

/** Ids of yjs items: per client, ranges of clocks in ascending order that neither overlap nor touch. */
export type IdRanges = ReadonlyMap<number, readonly ClockRange[]>;

export const noIds: IdRanges = new Map();

/** A range of ids of one client. */
export interface IdRange {
  readonly client: number;
  readonly clocks: ClockRange;
}

/** Ids from ranges in any order, which may overlap. */
export function idsFrom(ranges: readonly IdRange[]): IdRanges {
  const [first] = ranges;
  if (first === undefined) return noIds;
  if (ranges.length === 1 && first.clocks[0] < first.clocks[1])
    return new Map([[first.client, [first.clocks]]]);
  const byClient = new Map<number, ClockRange[]>();
  for (const { client, clocks } of ranges) {
    const ofClient = byClient.get(client);
    if (ofClient) ofClient.push(clocks);
    else byClient.set(client, [clocks]);
  }
  const ids = new Map<number, readonly ClockRange[]>();
  for (const [client, clocks] of byClient) {
    const ofClient = joined(clocks);
    if (ofClient.length > 0) ids.set(client, ofClient);
  }
  return ids;
}

export function unionOfIds(a: IdRanges, b: IdRanges): IdRanges {
  if (a.size === 0) return b;
  if (b.size === 0) return a;
  const union = new Map(a);
  for (const [client, ranges] of b) union.set(client, unionOfRanges(a.get(client) ?? [], ranges));
  return union;
}

/** Most often one range comes, right behind the last one: who types goes on where he was. */
function unionOfRanges(a: readonly ClockRange[], b: readonly ClockRange[]): readonly ClockRange[] {
  const last = a.at(-1);
  const [added] = b;
  if (last === undefined || added === undefined || b.length > 1 || added[0] < last[0])
    return joined([...a, ...b]);
  if (added[0] > last[1]) return [...a, added];
  return [...a.slice(0, -1), [last[0], Math.max(last[1], added[1])]];
}

/** The ids of `from` that are not in `less`. */
export function withoutIds(from: IdRanges, less: IdRanges): IdRanges {
  const left = new Map<number, readonly ClockRange[]>();
  for (const [client, ranges] of from) {
    const kept = cutOut(ranges, less.get(client) ?? []);
    if (kept.length > 0) left.set(client, kept);
  }
  return left;
}

function cutOut(ranges: readonly ClockRange[], holes: readonly ClockRange[]): readonly ClockRange[] {
  const left: ClockRange[] = [];
  let at = 0;
  for (const [from, to] of ranges) {
    let start = from;
    while (at < holes.length && (holes[at] as ClockRange)[1] <= start) at += 1;
    for (let next = at; next < holes.length && (holes[next] as ClockRange)[0] < to; next += 1) {
      const [holeFrom, holeTo] = holes[next] as ClockRange;
      if (holeFrom > start) left.push([start, holeFrom]);
      start = holeTo;
    }
    if (start < to) left.push([start, to]);
  }
  return left;
}

function joined(clocks: readonly ClockRange[]): readonly ClockRange[] {
  const ranges: ClockRange[] = [];
  for (const [from, to] of clocks.toSorted(([a], [b]) => a - b)) {
    if (from >= to) continue;
    const last = ranges.at(-1);
    if (last === undefined || last[1] < from) ranges.push([from, to]);
    else ranges[ranges.length - 1] = [last[0], Math.max(last[1], to)];
  }
  return ranges;
}

/** As a list of `[client, from, to]`, in ascending order. */
export function encodeIds(ids: IdRanges): Json {
  return [...ids.keys()]
    .sort((a, b) => a - b)
    .flatMap((client) => (ids.get(client) ?? []).map(([from, to]) => [client, from, to]));
}

export function decodeIds(json: Json): IdRanges {
  return idsFrom(
    storedArray(json).map((entry) => {
      const [client, from, to] = storedArray(entry);
      return { client: storedNumber(client), clocks: [storedNumber(from), storedNumber(to)] };
    }),
  );
}
