import { compareDots, regionOf, sameDot, type Dot } from '#core/causality/dot.js';
import { compareTimes } from '#core/causality/hybrid-timestamp.js';
import { includes, type VersionVector } from '#core/causality/version-vector.js';
import type { EntityRef, Event } from '#core/event/event.js';
import type { Json, JsonObject } from '#core/json.js';
import type { EntityType } from '#core/merge/entity-type.js';

/**
 * What the protocol means (§§4, 5, 11), said over the whole set of events and without regard to cost. Nothing here is
 * shared with the code that folds.
 */
export interface Act {
  readonly survivor: Event;
  readonly copies: readonly Event[];
}

/** The commands behind a set of events. */
export function actsOf(events: readonly Event[]): readonly Act[] {
  const names = new Set(events.map(nameOf));
  return [...names].map((name) => {
    const copies = events.filter((event) => nameOf(event) === name);
    const [survivor] = copies.toSorted(
      (a, b) => Number(bornElsewhere(a)) - Number(bornElsewhere(b)) || compareDots(a.dot, b.dot),
    );
    return { survivor: survivor as Event, copies };
  });
}

function nameOf(event: Event): string {
  return JSON.stringify([event.mutation.id, event.group?.index ?? null]);
}

/** "Not minted in the birth region": a bare key has none. */
function bornElsewhere(event: Event): boolean {
  const [birthRegion, rest] = event.mutation.id.split('.');
  return rest === undefined || birthRegion !== regionOf(event.dot.actor);
}

/** Whoever has any copy in its context has the command in it. */
export function has(vector: VersionVector, act: Act): boolean {
  return act.copies.some(({ dot }) => includes(vector, dot));
}

/** x is before y if each copy of y has some copy of x in its context. */
export function before(x: Act, y: Act): boolean {
  return y.copies.every(({ context }) => has(context, x));
}

export function concurrent(x: Act, y: Act): boolean {
  return x !== y && !before(x, y) && !before(y, x);
}

/** One change of one command to one field. */
export interface Deed<Change = unknown> {
  readonly act: Act;
  readonly index: number;
  readonly change: Change;
  /** Whether no delete took what it contributes. */
  readonly effective: boolean;
}

/** The other change comes after this one: it had it before it, in each copy; or in one command it is the later. */
export function isAfter(later: Deed, earlier: Deed): boolean {
  return later.act === earlier.act ? later.index > earlier.index : before(earlier.act, later.act);
}

/** The survivor had it in its context. */
export function saw(deed: Deed, other: Deed): boolean {
  return deed.act === other.act ? deed.index > other.index : has(deed.act.survivor.context, other.act);
}

/** Each copy had observed it. */
export function observed(write: Deed, other: Deed): boolean {
  if (write.act === other.act) return write.index > other.index;
  return write.act.copies.every((copy) => has(copy.observed ?? copy.context, other.act));
}

/** What a field's deeds mean. One per policy; the deeds are the survivors' that a delete-wins delete does not ignore; the acts are all there are. */
export type FieldMeaning = (deeds: readonly Deed[], acts: readonly Act[]) => Json;

/** What a read of an entity shows, by definition. */
export function valueByDefinition(
  type: EntityType,
  events: readonly Event[],
  meanings: ReadonlyMap<string, FieldMeaning>,
): JsonObject | undefined {
  const acts = actsOf(events);
  const updates = acts.filter(({ survivor }) => survivor.kind === 'update');
  if (!updates.some((update) => isEffective(type, update, acts))) return undefined;
  const shown: [string, Json][] = [];
  for (const [name, { policy, fallback }] of type.fields) {
    const deeds = updates
      .filter((act) => type.onDelete === 'update-wins' || isEffective(type, act, acts))
      .flatMap((act) =>
        act.survivor.changes.flatMap(({ field, change: json }, index) => {
          if (field !== name) return [];
          const change: unknown = policy.readChange(json);
          return [{ act, index, change, effective: isEffective(type, act, acts) }];
        }),
      );
    const meaning = meanings.get(name);
    if (meaning === undefined) throw new Error(`no meaning is given for ${name}`);
    const value = meaning(deeds, acts);
    shown.push([name, value === null && fallback !== undefined ? fallback : value]);
  }
  return Object.fromEntries(shown);
}

/** §11: delete-wins: it has seen every delete. Update-wins: no delete has seen it. */
function isEffective(type: EntityType, update: Act, acts: readonly Act[]): boolean {
  const deletes = acts.filter(({ survivor }) => survivor.kind === 'delete');
  if (type.onDelete === 'delete-wins') return deletes.every((one) => has(update.survivor.context, one));
  return !deletes.some((one) => has(one.survivor.context, update));
}

/** The deed with the greatest hybrid timestamp; within one command the later operation. */
export function latest<D extends Deed>(deeds: readonly D[]): D | undefined {
  return deeds.toSorted(
    (a, b) => compareTimes(b.act.survivor.time, a.act.survivor.time) || b.index - a.index,
  )[0];
}

export interface PairByDefinition {
  readonly entity: EntityRef;
  readonly field: string;
  readonly low: Dot;
  readonly high: Dot;
}

/** All conflicts of an entity's events, by definition (§4). */
export function pairsByDefinition(type: EntityType, events: readonly Event[]): readonly PairByDefinition[] {
  const acts = actsOf(events);
  const pairs: PairByDefinition[] = [];
  for (const field of ['*', ...type.fields.keys()]) {
    for (const f of acts) {
      const partners = acts.filter((e) => concurrent(e, f) && clashes(type, field, e, f));
      const elsewhere = partners.filter((e) => e.survivor.dot.actor !== f.survivor.dot.actor);
      const unseen = acts.filter((e) => isLiveUnobserved(type, field, { write: f, value: e, acts }));
      for (const e of [...earliestOfEachActor(elsewhere), ...earliestOfEachActor(unseen)]) {
        const [low, high] = [f.survivor.dot, e.survivor.dot].sort(compareDots) as [Dot, Dot];
        if (
          !pairs.some((pair) => pair.field === field && sameDot(pair.low, low) && sameDot(pair.high, high))
        ) {
          pairs.push({ entity: f.survivor.entity, field, low, high });
        }
      }
    }
  }
  return pairs.sort(
    (a, b) => compareDots(a.low, b.low) || compareDots(a.high, b.high) || (a.field < b.field ? -1 : 1),
  );
}

function earliestOfEachActor(acts: readonly Act[]): readonly Act[] {
  return acts.filter(({ survivor: { dot } }) =>
    acts.every(({ survivor: other }) => other.dot.actor !== dot.actor || other.dot.seq >= dot.seq),
  );
}

function changesOn(type: EntityType, field: string, { survivor }: Act): readonly unknown[] {
  const policy = type.fields.get(field)?.policy;
  return survivor.changes
    .filter((one) => one.field === field)
    .map(({ change }) => policy?.readChange(change) as unknown);
}

/** Whether two commands do not commute on a field; on `*` a delete and an update never do. */
export function clashes(type: EntityType, field: string, a: Act, b: Act): boolean {
  if (field === '*') return a.survivor.kind !== b.survivor.kind;
  const policy = type.fields.get(field)?.policy;
  const theirs = changesOn(type, field, b);
  return changesOn(type, field, a).some((one) => theirs.some((other) => policy?.conflicts(one, other)));
}

interface Unobserved {
  readonly write: Act;
  readonly value: Act;
  readonly acts: readonly Act[];
}

/**
 * Whether a multi-value write left a value unobserved that was live in its context: in the context, and nothing there
 * that it had not observed either had replaced or taken it (what it had observed is closed under causality).
 */
function isLiveUnobserved(type: EntityType, field: string, { write, value, acts }: Unobserved): boolean {
  const policy = type.fields.get(field)?.policy;
  if (policy === undefined || !policy.replacesObserved || write === value) return false;
  const { context } = write.survivor;
  const observedBy = (w: Act, e: Act): boolean =>
    w.copies.every((copy) => has(copy.observed ?? copy.context, e));
  if (!has(context, value) || observedBy(write, value)) return false;
  const known = acts.filter((act) => act !== write && act !== value && has(context, act));
  const unobserved = known.filter((act) => !observedBy(write, act));
  const deleted = (type.onDelete === 'delete-wins' ? known : unobserved).some(
    (one) =>
      one.survivor.kind === 'delete' &&
      (type.onDelete === 'delete-wins'
        ? !has(value.survivor.context, one)
        : has(one.survivor.context, value)),
  );
  if (deleted) return false;
  return changesOn(type, field, value).some((mine) => {
    const { place, takes } = policy.reach(mine);
    const key = JSON.stringify(place);
    if (takes !== 'nothing') return false;
    const meets = changesOn(type, field, write).some((theirs) => {
      const reach = policy.reach(theirs);
      return (
        reach.takes === 'nothing' && JSON.stringify(reach.place) === key && policy.conflicts(theirs, mine)
      );
    });
    const gone = unobserved.some((act) =>
      changesOn(type, field, act).some((change) => {
        const reach = policy.reach(change);
        if (reach.takes === 'nothing') return JSON.stringify(reach.place) === key && observedBy(act, value);
        if (JSON.stringify(place.slice(0, reach.place.length)) !== JSON.stringify(reach.place)) return false;
        return reach.takes === 'seen' ? has(act.survivor.context, value) : !has(value.survivor.context, act);
      }),
    );
    return meets && !gone;
  });
}
