import fc from 'fast-check';
import type { Actor, Dot } from '#core/causality/dot.js';
import { hear, hybridClockStart, tick, type HybridClock } from '#core/causality/hybrid-timestamp.js';
import { covers, includes, meet, nothingSeen, type VersionVector } from '#core/causality/version-vector.js';
import type { EntityRef, Event } from '#core/event/event.js';
import { decideChange, type FieldOperation } from '#core/merge/entity-decide.js';
import { foldEvent } from '#core/merge/entity-fold.js';
import { untouchedEntity, type EntityState } from '#core/merge/entity-state.js';
import type { EntityType } from '#core/merge/entity-type.js';
import { foldLog } from '#core/merge/fold-log.js';

/** Two lives of one region among them, so that "birth region" and "actor" are not the same thing. */
const actors: readonly Actor[] = ['us~1', 'eu~1', 'ap~1', 'us~2'];
const birthRegions: readonly (string | undefined)[] = ['us', 'eu', 'ap', undefined];

export const lawEntity: EntityRef = { type: 'law', id: '1' };

/** One thing that happens in a generated history. Numbers choose among what there is, modulo its count. */
export type HistoryStep =
  | {
      readonly kind: 'change';
      readonly region: number;
      readonly born: number;
      readonly operations: readonly FieldOperation[];
      readonly observedLag: number | undefined;
    }
  | { readonly kind: 'delete'; readonly region: number; readonly born: number }
  | { readonly kind: 'retry'; readonly region: number; readonly command: number }
  | { readonly kind: 'receive'; readonly from: number; readonly to: number; readonly count: number }
  | { readonly kind: 'wait'; readonly region: number; readonly millis: number };

export interface StepWeights {
  readonly change: number;
  readonly delete: number;
  readonly retry: number;
  readonly receive: number;
}

/** Steps over any operations of a type's fields. */
export function historySteps(
  operation: fc.Arbitrary<FieldOperation>,
  weights: StepWeights,
  lengthMax = 22,
): fc.Arbitrary<readonly HistoryStep[]> {
  const index = fc.nat(11);
  const change = fc.record({
    kind: fc.constant('change' as const),
    region: index,
    born: index,
    operations: fc.array(operation, { minLength: 1, maxLength: 3 }),
    observedLag: fc.option(fc.nat(3), { nil: undefined }),
  });
  const deletion = fc.record({ kind: fc.constant('delete' as const), region: index, born: index });
  const retry = fc.record({ kind: fc.constant('retry' as const), region: index, command: index });
  const receive = fc.record({
    kind: fc.constant('receive' as const),
    from: index,
    to: index,
    count: fc.integer({ min: 1, max: 6 }),
  });
  const wait = fc.record({ kind: fc.constant('wait' as const), region: index, millis: fc.nat(3) });
  const step: fc.Arbitrary<HistoryStep> = fc.oneof(
    { arbitrary: change, weight: weights.change },
    { arbitrary: deletion, weight: weights.delete },
    { arbitrary: retry, weight: weights.retry },
    { arbitrary: receive, weight: weights.receive },
    { arbitrary: wait, weight: 1 },
  );
  return fc.array(step, { minLength: 1, maxLength: lengthMax, size: 'max' });
}

interface Region {
  readonly actor: Actor;
  seq: number;
  clock: HybridClock;
  wallMillis: number;
  state: EntityState;
  /** What was seen after each event, oldest first: what a client may have read. */
  readonly read: VersionVector[];
  readonly log: Event[];
}

interface Intent {
  readonly kind: 'update' | 'delete';
  readonly mutation: string;
  readonly operations: readonly FieldOperation[];
  readonly observedLag: number | undefined;
}

/**
 * Plays the steps in regions that decide, fold and receive like real ones.
 *
 * @returns all events that were minted, in the order of minting: one causal order among many. Refused commands and
 *   retries where a copy is known already leave none.
 */
export function playHistory(type: EntityType, steps: readonly HistoryStep[]): readonly Event[] {
  const regions = actors.map(newRegion);
  const intents: Intent[] = [];
  const events: Event[] = [];
  for (const step of steps) {
    if (step.kind === 'wait') pick(regions, step.region).wallMillis += step.millis;
    else if (step.kind === 'receive')
      receive(type, pick(regions, step.from), pick(regions, step.to), step.count);
    else {
      const region = pick(regions, step.region);
      const intent =
        step.kind === 'retry'
          ? intents[step.command % Math.max(1, intents.length)]
          : newIntent(step, intents);
      const event = intent && mint(type, region, intent);
      if (event) events.push(event);
    }
  }
  return events;
}

function newRegion(actor: Actor): Region {
  const region = { actor, seq: 0, clock: hybridClockStart, wallMillis: 1, state: untouchedEntity };
  return { ...region, read: [nothingSeen], log: [] };
}

function newIntent(step: Extract<HistoryStep, { kind: 'change' | 'delete' }>, intents: Intent[]): Intent {
  const number = intents.length.toString(16).padStart(12, '0');
  const born = birthRegions[step.born % birthRegions.length];
  const intent: Intent = {
    kind: step.kind === 'delete' ? 'delete' : 'update',
    mutation: `${born === undefined ? 'key-' : `${born}.`}01900000-0000-7000-8000-${number}`,
    operations: step.kind === 'delete' ? [] : step.operations,
    observedLag: step.kind === 'delete' ? undefined : step.observedLag,
  };
  intents.push(intent);
  return intent;
}

function mint(type: EntityType, region: Region, intent: Intent): Event | undefined {
  if (region.log.some(({ mutation }) => mutation.id === intent.mutation)) return undefined;
  const context = region.state.seen;
  const lag = intent.observedLag;
  const read = lag === undefined ? undefined : region.read[Math.max(0, region.read.length - 1 - lag)];
  const observed = read === undefined ? {} : { observed: meet(read, context) };
  const clock = tick(region.clock, region.wallMillis);
  const dot: Dot = { actor: region.actor, seq: region.seq + 1 };
  const time = { ...clock, actor: region.actor };
  const stamp = { dot, time, context, ...observed };
  const command = { kind: intent.kind, operations: intent.operations, hasObserved: read !== undefined };
  const decided = decideChange(type, region.state, command, stamp);
  if (decided.kind === 'rejected') return undefined;
  region.clock = clock;
  region.seq += 1;
  const event: Event = {
    shard: 0,
    prev: '',
    entity: lawEntity,
    kind: intent.kind,
    schemaVersion: type.schemaVersion,
    changes: decided.changes,
    mutation: { id: intent.mutation, digest: '' },
    ...stamp,
  };
  take(type, region, event);
  return event;
}

/** The receiver takes the next events that the giver holds, in the order in which the giver got them. */
function receive(type: EntityType, from: Region, to: Region, count: number): void {
  const missing = from.log.filter((event) => !to.log.includes(event));
  for (const event of missing.slice(0, count)) {
    to.clock = hear(to.clock, event.time, to.wallMillis);
    take(type, to, event);
  }
}

function take(type: EntityType, region: Region, event: Event): void {
  const folded = foldEvent(type, region.state, event, copiesAmong(region.log, event));
  region.log.push(event);
  region.state = folded.kind === 'folded' ? folded.state : foldLog(type, region.log);
  region.read.push(region.state.seen);
}

/** Dots of the other events of an event's command. */
export function copiesAmong(events: readonly Event[], event: Event): readonly Dot[] {
  return events
    .filter((other) => other !== event && other.mutation.id === event.mutation.id)
    .map(({ dot }) => dot);
}

/** The events in another causal order, some of them twice. */
export function inAnotherOrder(events: readonly Event[], seed: number): readonly Event[] {
  const random = dice(seed);
  const left = [...events];
  const order: Event[] = [];
  let seen: VersionVector = nothingSeen;
  while (left.length > 0) {
    const ready = left.filter(({ context }) => covers(seen, context));
    const next = ready[random(ready.length)] as Event;
    left.splice(left.indexOf(next), 1);
    order.push(next);
    seen = new Map(seen).set(next.dot.actor, next.dot.seq);
    const again = order[random(order.length * 4)];
    if (again !== undefined && includes(seen, again.dot)) order.push(again);
  }
  return order;
}

/** Small reproducible random numbers below a bound (mulberry32). */
export function dice(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % Math.max(1, below);
  };
}

function pick<T>(from: readonly T[], index: number): T {
  return from[index % from.length] as T;
}

/** Whether some command was retried. */
export function hasCopies(events: readonly Event[]): boolean {
  return new Set(events.map(({ mutation }) => mutation.id)).size < events.length;
}
