import { expect } from 'vitest';
import { formatDot, type Actor } from '#core/causality/dot.js';
import { hear, hybridClockStart, tick, type HybridClock } from '#core/causality/hybrid-timestamp.js';
import { includes, nothingSeen } from '#core/causality/version-vector.js';
import { canonicalText } from '#core/event/canonical-json.js';
import type { Event } from '#core/event/event.js';
import type { Json } from '#core/json.js';
import { allConflicts } from '#core/merge/conflicts.js';
import { decideChange, type AcceptedChanges, type RejectedCommand } from '#core/merge/entity-decide.js';
import { foldEvent } from '#core/merge/entity-fold.js';
import { untouchedEntity, type EntityState } from '#core/merge/entity-state.js';
import type { DeleteRule, EntityType } from '#core/merge/entity-type.js';
import { decodeEntity, encodeEntity, entityValue } from '#core/merge/entity-value.js';
import { foldLog } from '#core/merge/fold-log.js';
import type { AnyPolicy, Operation } from '#core/merge/policy.js';
import { parseJson } from '#core/parse-json.js';

export type RegionName = 'eu' | 'us' | 'ap';

interface Region {
  readonly name: RegionName;
  readonly actor: Actor;
  readonly log: Event[];
  state: EntityState;
  clock: HybridClock;
}

export interface WriteOptions {
  /** What the client had read: nothing, or all that the region has. Absent: it does not say. */
  readonly observed?: 'nothing' | 'all';
  /** The mutation id; a second write with the same one is a retry of the same command in another region. */
  readonly as?: string;
}

/**
 * A story of one entity with one field, told in regions named eu, us and ap: who wrote what, who had heard of whom, and
 * what is then there to see. Regions decide, fold and receive as real ones do.
 */
export function scenario(policy: AnyPolicy, onDelete: DeleteRule = 'update-wins'): Scenario {
  return new Scenario({
    name: 'story',
    schemaVersion: 1,
    fields: new Map([['it', { policy }]]),
    onDelete,
    consistency: 'eventual',
  });
}

export class Scenario {
  readonly #type: EntityType;
  readonly #regions: ReadonlyMap<RegionName, Region>;
  #wallMillis = 1;
  #mutations = 0;
  #refusal: RejectedCommand | undefined;

  constructor(type: EntityType) {
    this.#type = type;
    this.#regions = new Map(
      (['eu', 'us', 'ap'] as const).map((name) => [
        name,
        { name, actor: `${name}~1`, log: [], state: untouchedEntity, clock: hybridClockStart },
      ]),
    );
  }

  /** One command; several operations make one atomic change. A later command has the greater timestamp. */
  write(at: RegionName, operations: Operation | readonly Operation[], options: WriteOptions = {}): this {
    return this.#command(
      at,
      'update',
      Array.isArray(operations) ? operations : [operations as Operation],
      options,
    );
  }

  delete(at: RegionName, options: WriteOptions = {}): this {
    return this.#command(at, 'delete', [], options);
  }

  /** `to` receives all that `from` has. */
  send(from: RegionName, to: RegionName): this {
    const receiver = this.#region(to);
    for (const event of this.#region(from).log) this.#receive(receiver, event);
    return this;
  }

  /** All regions receive all events. */
  heal(): this {
    const names = [...this.#regions.keys()];
    for (const from of names) for (const to of names) this.send(from, to);
    return this;
  }

  /** What one region reads; `undefined`: the entity does not exist there. */
  thenAt(at: RegionName, value: Json | undefined): this {
    expect(this.valueAt(at), `value at ${at}`).toEqual(value);
    return this;
  }

  /** What all regions read, folded event by event and from the log, and also after their states were stored and read. */
  thenEverywhere(value: Json | undefined): this {
    for (const { name, log, state } of this.#regions.values()) {
      this.thenAt(name, value);
      const stored = parseJson(canonicalText(encodeEntity(this.#type, state))) as Json;
      const read = decodeEntity(this.#type, stored);
      expect(entityValue(this.#type, read)?.it, `value at ${name}, read back`).toEqual(value);
      expect(entityValue(this.#type, foldLog(this.#type, log))?.it, `value at ${name}, from its log`).toEqual(
        value,
      );
    }
    return this;
  }

  /** All pairs: `low | high`, lower dot first. */
  thenConflicts(...pairs: readonly string[]): this {
    for (const { name, log } of this.#regions.values()) {
      const found = allConflicts(this.#type, log).map(
        ({ low, high }) => `${formatDot(low, 0)} | ${formatDot(high, 0)}`,
      );
      expect(found, `conflicts at ${name}`).toEqual(pairs);
    }
    return this;
  }

  /** The last command was refused, for this reason and at this path below the operation. */
  thenRefused(code: RejectedCommand['code'], path: string): this {
    expect(this.#refusal).toMatchObject({ code, path: `/operations/0${path}` });
    return this;
  }

  valueAt(at: RegionName): Json | undefined {
    return entityValue(this.#type, this.#region(at).state)?.it;
  }

  /** The events that a region has, in the order in which it got them. */
  logAt(at: RegionName): readonly Event[] {
    return this.#region(at).log;
  }

  get type(): EntityType {
    return this.#type;
  }

  /** The field's state, as its policy keeps it. */
  stateAt(at: RegionName): unknown {
    return this.#region(at).state.fields.get('it');
  }

  #command(
    at: RegionName,
    kind: 'update' | 'delete',
    operations: readonly Operation[],
    { observed, as = `command-${(this.#mutations += 1)}` }: WriteOptions,
  ): this {
    const region = this.#region(at);
    this.#wallMillis += 1;
    const clock = tick(region.clock, this.#wallMillis);
    const context = region.state.seen;
    const stamp = {
      dot: { actor: region.actor, seq: (context.get(region.actor) ?? 0) + 1 },
      time: { ...clock, actor: region.actor },
      context,
      ...(observed === undefined ? {} : { observed: observed === 'all' ? context : nothingSeen }),
    };
    const command = {
      kind,
      operations: operations.map((operation) => ({ field: 'it', ...operation })),
      hasObserved: observed !== undefined,
    };
    const decided: AcceptedChanges | RejectedCommand = decideChange(this.#type, region.state, command, stamp);
    this.#refusal = decided.kind === 'rejected' ? decided : undefined;
    if (decided.kind === 'rejected') return this;
    region.clock = clock;
    const entity = { type: this.#type.name, id: '1' };
    const mutation = { id: as, digest: '' };
    const envelope = { shard: 0, prev: '', entity, kind, schemaVersion: 1, mutation };
    this.#receive(region, { ...envelope, ...stamp, changes: decided.changes });
    return this;
  }

  #receive(region: Region, event: Event): void {
    if (includes(region.state.seen, event.dot)) return;
    region.clock = hear(region.clock, event.time, this.#wallMillis);
    const copies = region.log
      .filter(({ mutation }) => mutation.id === event.mutation.id)
      .map(({ dot }) => dot);
    const folded = foldEvent(this.#type, region.state, event, copies);
    region.log.push(event);
    region.state = folded.kind === 'folded' ? folded.state : foldLog(this.#type, region.log);
  }

  #region(name: RegionName): Region {
    return this.#regions.get(name) as Region;
  }
}
