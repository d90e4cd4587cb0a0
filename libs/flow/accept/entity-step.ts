import { assert } from '#core/assert.js';
import { dotKey, type Dot } from '#core/causality/dot.js';
import { includes, nothingSeen, withDot, type VersionVector } from '#core/causality/version-vector.js';
import { joinDependencies, type Dependencies } from '#core/consistency/dependencies.js';
import type { EntityRef, Event } from '#core/event/event.js';
import { canonicalText } from '#core/event/canonical-json.js';
import type { Json } from '#core/json.js';
import {
  comparisonFor,
  ConflictIndex,
  type Comparison,
  type EntityTail,
} from '#core/merge/conflict-index.js';
import { allConflicts, conflictKeyText, conflictsOf, type ConflictPair } from '#core/merge/conflicts.js';
import { foldEvent } from '#core/merge/entity-fold.js';
import { untouchedEntity, type EntityState } from '#core/merge/entity-state.js';
import type { EntityType } from '#core/merge/entity-type.js';
import { encodeEntity, entityValue } from '#core/merge/entity-value.js';
import { foldLog } from '#core/merge/fold-log.js';
import type { ConflictRow, EntityRow } from '../ports/event-log.js';
import { Missing, type BatchWorld } from './batch-world.js';
import { KeptIndex, withoutStable, type CachedEntity } from './entity-cache.js';

/** What folding one event did to the conflicts of its entity. */
export interface ConflictChanges {
  readonly found: readonly ConflictRow[];
  readonly withdrawn: readonly string[];
  readonly refolded: boolean;
}

/** One entity as a batch is changing it. Nothing outside the batch sees it before the commit. */
export class WorkingEntity {
  state: EntityState;
  private tailAbove: VersionVector;
  private remembered: readonly Event[];
  private appended: Event[] = [];
  private comparisons = 0;
  private index: ConflictIndex | undefined;
  /** What the batch before knew by; not where more of the log was read since. */
  private keptIndex: KeptIndex | undefined;
  /** Conflicts found in this batch: a refold in the same batch must know them. */
  private readonly foundHere = new Map<string, ConflictRow>();

  constructor(
    readonly entity: EntityRef,
    readonly key: string,
    private readonly shard: number,
    private readonly world: BatchWorld,
    cached: CachedEntity | undefined,
  ) {
    this.state = cached?.state ?? untouchedEntity;
    const loaded = world.loads.tail(this.key, cached?.tailAbove ?? this.state.seen);
    this.tailAbove = loaded?.above ?? cached?.tailAbove ?? nothingSeen;
    this.remembered = loaded?.events ?? cached?.tail ?? [];
    this.keptIndex = loaded ? undefined : cached?.index;
  }

  /** Folds an event that is ready. @throws Missing */
  fold(type: EntityType, event: Event, copies: readonly Dot[]): ConflictChanges {
    const { dependencies } = this.state;
    const folded = foldEvent(type, this.state, event, copies);
    const changes = this.foldBy(folded, type, event);
    if (dependencies !== undefined || event.dependencies !== undefined) this.depend(dependencies, event);
    this.appended.push(event);
    assert(includes(this.state.seen, event.dot), 'INV-4: a folded event is in what was seen');
    for (const row of changes.found) this.foundHere.set(row.id, row);
    for (const id of changes.withdrawn) this.foundHere.delete(id);
    return changes;
  }

  /** Also over a refold, which knows the log and not what has become stable since. */
  private depend(kept: Dependencies | undefined, event: Event): void {
    const dependencies = joinDependencies(kept, event.dependencies, this.world.stableIn);
    this.state = { ...this.state, dependencies };
  }

  private foldBy(folded: ReturnType<typeof foldEvent>, type: EntityType, event: Event): ConflictChanges {
    if (folded.kind === 'folded') return this.foldOn(type, event, folded.state);
    return folded.reason === 'copy' ? this.foldCopy(type, event) : this.foldDetail(type, event);
  }

  private foldOn(type: EntityType, event: Event, state: EntityState): ConflictChanges {
    const found = this.pairsWith(type, event);
    this.state = state;
    return { found, withdrawn: [], refolded: false };
  }

  private pairsWith(type: EntityType, event: Event): readonly ConflictRow[] {
    const comparison = comparisonFor(type, event, this.state);
    if (!this.index && !comparison.beside && !comparison.back) return [];
    const self = { above: this.tailAbove, remembered: this.remembered, appended: this.appended };
    const tail = {
      above: self.above,
      /** Joined only when it is looked at: most events are concurrent with nothing. */
      get events(): readonly Event[] {
        return self.appended.length === 0 ? self.remembered : [...self.remembered, ...self.appended];
      },
    };
    const index = this.indexFor(type, comparison, tail);
    const found = conflictsOf({ type, event, state: this.state, tail, ...(index && { index }) });
    if (found.kind === 'needs') throw new Missing({ kind: 'tail', entity: this.entity, above: found.above });
    if (found.pairs.length === 0) return [];
    return this.rowsOf(type, found.pairs, [...found.partners, event]);
  }

  /**
   * The first event of a batch that is concurrent with others is compared with them alone, unless the batch before it has
   * left its index; from the second on an index pays: behind a cut, many follow.
   */
  private indexFor(
    type: EntityType,
    { beside, back }: Comparison,
    tail: EntityTail,
  ): ConflictIndex | undefined {
    if (this.index) return this.index;
    if (!beside && !back) return undefined;
    this.comparisons += 1;
    this.index = this.keptIndex?.take();
    if (this.index) for (const event of this.appended) this.index.add(event);
    else if (this.comparisons > 1) this.index = new ConflictIndex(type, tail, this.state);
    return this.index;
  }

  /** The compact state lacks the detail: fold the whole log of the entity again (PROTOCOL §4). @throws Missing */
  private foldDetail(type: EntityType, event: Event): ConflictChanges {
    const events = this.wholeLog(event);
    const found = this.pairsWith(type, event);
    this.state = foldLog(type, events);
    return { found, withdrawn: [], refolded: true };
  }

  /** Another copy of a command that is folded here: pairs may be withdrawn or pass to the next partner. @throws Missing */
  private foldCopy(type: EntityType, event: Event): ConflictChanges {
    const events = this.wholeLog(event);
    const known = this.world.loads.conflicts(this.key);
    if (!known) throw new Missing({ kind: 'conflicts', entity: this.entity });
    this.state = foldLog(type, events);
    this.index = undefined;
    this.keptIndex = undefined;
    const rows = this.rowsOf(type, allConflicts(type, events), events);
    const before = new Set([...known.map(({ id }) => id), ...this.foundHere.keys()]);
    const after = new Set(rows.map(({ id }) => id));
    return {
      found: rows.filter(({ id }) => !before.has(id)),
      withdrawn: [...before].filter((id) => !after.has(id)),
      refolded: true,
    };
  }

  private wholeLog(event: Event): readonly Event[] {
    if (this.tailAbove.size > 0) throw new Missing({ kind: 'tail', entity: this.entity, above: nothingSeen });
    return [...this.remembered, ...this.appended, event];
  }

  private rowsOf(
    type: EntityType,
    pairs: readonly ConflictPair[],
    events: readonly Event[],
  ): readonly ConflictRow[] {
    const byDot = new Map(events.map((event) => [dotKey(event.dot), event]));
    return pairs.map((pair) => {
      const text = conflictKeyText(pair, this.shard);
      return {
        id: this.world.hashing.sha256Hex(this.world.hashing.utf8(text)).slice(0, conflictIdLength),
        shard: this.shard,
        entity: this.entity,
        field: pair.field,
        policy: pair.field === '*' ? 'delete' : (type.fields.get(pair.field)?.policy.name ?? 'unknown'),
        low: pair.low,
        high: pair.high,
        lowChange: changeForPeople(byDot.get(dotKey(pair.low)), pair.field),
        highChange: changeForPeople(byDot.get(dotKey(pair.high)), pair.field),
        resolvedBy: null,
        detectedMillis: this.world.nowMillis,
      };
    });
  }

  /** As it is stored: the internal state, and what a read shows; both canonical, so equal states are equal texts. */
  row(): EntityRow {
    const type = this.world.types.get(this.entity.type);
    assert(type !== undefined, 'a folded entity has a known type');
    const value = entityValue(type, this.state);
    return {
      entity: this.entity,
      shard: this.shard,
      state: canonicalText(encodeEntity(type, this.state)),
      value: value === undefined ? null : canonicalText(value),
    };
  }

  /**
   * As it is remembered after the commit: without what is stable, and beyond the limit without the oldest others.
   */
  committed(): CachedEntity {
    const { entity, shard, state, world, remembered, appended } = this;
    const folded = appended.length === 0 ? remembered : [...remembered, ...appended];
    let { tail, tailAbove } = withoutStable({ state, tail: folded, tailAbove: this.tailAbove }, world.stable);
    if (tail.length > world.tailEventsMax) {
      const forgotten = tail.length - Math.floor(world.tailEventsMax / 2);
      for (const event of tail.slice(0, forgotten)) tailAbove = withDot(tailAbove, event.dot);
      tail = tail.slice(forgotten);
    }
    const index = this.indexToKeep(tail.length);
    return { entity, shard, state, tailAbove, tail, ...(index && { index }) };
  }

  /** An index that holds mostly what the tail has forgotten is made anew when it is needed. */
  private indexToKeep(tailLength: number): KeptIndex | undefined {
    if (!this.index || this.state.copies.size > 0 || this.index.size > 2 * tailLength) return undefined;
    return new KeptIndex(this.index);
  }
}

/** Hex characters of a conflict's id: 128 bits of SHA-256. */
const conflictIdLength = 32;

function changeForPeople(event: Event | undefined, field: string): Json {
  if (!event) return null;
  return {
    kind: event.kind,
    changes: event.changes
      .filter((change) => field === '*' || change.field === field)
      .map(({ change }) => change),
    wallMillis: event.time.wallMillis,
    counter: event.time.counter,
  };
}
