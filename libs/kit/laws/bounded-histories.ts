import fc from 'fast-check';
import { regionOf, type Actor, type Dot } from '#core/causality/dot.js';
import { hear, hybridClockStart, tick, type HybridClock } from '#core/causality/hybrid-timestamp.js';
import { includes } from '#core/causality/version-vector.js';
import { StabilityTracker, type FoldedReport } from '#core/consistency/stability.js';
import type { Event } from '#core/event/event.js';
import { birthOf } from '#core/event/mutation-id.js';
import { decideChange } from '#core/merge/entity-decide.js';
import { foldEvent } from '#core/merge/entity-fold.js';
import { untouchedEntity, type EntityState } from '#core/merge/entity-state.js';
import type { EntityType } from '#core/merge/entity-type.js';
import { foldLog } from '#core/merge/fold-log.js';
import type { Operation } from '#core/merge/policy.js';
import type { Rights } from '#core/merge/rights.js';
import { copiesAmong, lawEntity } from './entity-histories.js';

/** Histories of one bounded counter, in regions that tell each other what they have folded: so stability is real. */
export const boundedField = 'units';

const regionNames = ['us', 'eu', 'ap'] as const;
const birthRegions: readonly (string | undefined)[] = ['us', 'eu', 'ap', undefined];

export type BoundedStep =
  | {
      readonly kind: 'do';
      readonly region: number;
      readonly born: number;
      readonly operations: readonly Operation[];
    }
  | { readonly kind: 'settle'; readonly region: number; readonly op: string; readonly hold: number }
  | { readonly kind: 'delete'; readonly region: number }
  /** A region takes the rights of another over, as far as `stage` goes: it stands, all agree, it reclaims or yields. */
  | {
      readonly kind: 'close';
      readonly region: number;
      readonly of: number;
      readonly stage: number;
      readonly stated: boolean;
    }
  /** Any region answers to some closing that it knows of. */
  | { readonly kind: 'answer'; readonly region: number; readonly op: string; readonly closing: number }
  | { readonly kind: 'retry'; readonly region: number; readonly command: number }
  | { readonly kind: 'receive'; readonly from: number; readonly to: number; readonly count: number }
  | { readonly kind: 'report'; readonly from: number; readonly to: number }
  /** Everybody but one takes some of what the others have and tells them: rounds of it make things stable. */
  | { readonly kind: 'gossip'; readonly without: number; readonly count: number }
  | { readonly kind: 'wait'; readonly region: number; readonly millis: number };

const amount = fc.integer({ min: 1, max: 6 });
const actorName = fc.constantFrom(...regionNames.map((region) => `${region}~1`));

const anyOperation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant('increment'), by: amount }) },
  { weight: 5, arbitrary: fc.record({ op: fc.constant('spend'), by: amount }) },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant('transfer'), to: fc.constantFrom(...regionNames), by: amount }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('transfer'),
      to: fc.constantFrom(...regionNames),
      by: amount,
      of: fc.constant('increment'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('grant'),
      to: actorName,
      of: fc.constantFrom('spend', 'increment'),
      need: amount,
      want: fc.integer({ min: 6, max: 9 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('reserve'), by: amount, forMillis: amount }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('open') }) },
);

export function boundedSteps(lengthMax = 40): fc.Arbitrary<readonly BoundedStep[]> {
  const index = fc.nat(11);
  const kind = <K extends string>(name: K): fc.Arbitrary<K> => fc.constant(name);
  return fc.array(
    fc.oneof(
      {
        weight: 10,
        arbitrary: fc.record({
          kind: kind('do'),
          region: index,
          born: index,
          operations: fc.array(anyOperation, { minLength: 1, maxLength: 2 }),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: kind('settle'),
          region: index,
          op: fc.constantFrom('confirm', 'cancel', 'expire'),
          hold: index,
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: kind('delete'), region: index }) },
      {
        weight: 6,
        arbitrary: fc.record({
          kind: kind('close'),
          region: index,
          of: index,
          stage: fc.integer({ min: 1, max: 5 }),
          stated: fc.boolean(),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: kind('answer'),
          region: index,
          op: fc.constantFrom('vote', 'reclaim', 'yield'),
          closing: index,
        }),
      },
      { weight: 4, arbitrary: fc.record({ kind: kind('retry'), region: index, command: index }) },
      {
        weight: 9,
        arbitrary: fc.record({
          kind: kind('receive'),
          from: index,
          to: index,
          count: fc.integer({ min: 1, max: 8 }),
        }),
      },
      { weight: 7, arbitrary: fc.record({ kind: kind('report'), from: index, to: index }) },
      {
        weight: 4,
        arbitrary: fc.record({
          kind: kind('gossip'),
          without: fc.integer({ min: 0, max: 9 }),
          count: fc.integer({ min: 3, max: 30 }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: kind('wait'), region: index, millis: fc.nat(5) }) },
    ),
    { minLength: 4, maxLength: lengthMax, size: 'max' },
  );
}

interface Region {
  readonly actor: Actor;
  seq: number;
  clock: HybridClock;
  wallMillis: number;
  state: EntityState;
  readonly log: Event[];
  readonly tracker: StabilityTracker;
}

interface Intent {
  readonly kind: 'update' | 'delete';
  readonly mutation: string;
  readonly operations: readonly Operation[];
}

export interface BoundedHistory {
  readonly events: readonly Event[];
  /** What was refused, by code. */
  readonly refused: ReadonlyMap<string, number>;
}

/** Plays the steps; `look` sees each region's state whenever it has changed. */
export function playBounded(
  type: EntityType,
  steps: readonly BoundedStep[],
  look: (state: EntityState, log: readonly Event[]) => void = () => undefined,
): BoundedHistory {
  const regions = regionNames.map((name): Region => ({
    ...{ actor: `${name}~1`, seq: 0, clock: hybridClockStart, wallMillis: 1, state: untouchedEntity },
    log: [],
    tracker: new StabilityTracker(regionNames.filter((other) => other !== name)),
  }));
  const play = new Play(type, regions, look);
  for (const step of steps) play.step(step);
  return { events: play.events, refused: play.refused };
}

class Play {
  readonly events: Event[] = [];
  readonly refused = new Map<string, number>();
  readonly #intents: Intent[] = [];

  constructor(
    readonly type: EntityType,
    readonly regions: readonly Region[],
    readonly look: (state: EntityState, log: readonly Event[]) => void,
  ) {}

  step(step: BoundedStep): void {
    if (step.kind === 'wait') this.#at(step.region).wallMillis += step.millis;
    else if (step.kind === 'receive') this.#receive(this.#at(step.from), this.#at(step.to), step.count);
    else if (step.kind === 'gossip') this.#gossip(step.without, step.count);
    else if (step.kind === 'close') this.#close(step);
    else if (step.kind === 'report') this.#report(this.#at(step.from), this.#at(step.to));
    else {
      const region = this.#at(step.region);
      const intent =
        step.kind === 'retry'
          ? this.#intents[step.command % Math.max(1, this.#intents.length)]
          : this.#newIntent(step, region);
      if (intent) this.#mint(region, intent);
    }
  }

  #at(index: number): Region {
    return this.regions[index % this.regions.length] as Region;
  }

  #newIntent(step: Deciding, region: Region): Intent | undefined {
    const born = step.kind === 'do' ? birthRegions[step.born % birthRegions.length] : regionOf(region.actor);
    const operations = operationsOf(step, region);
    return (
      operations && this.#intend({ kind: step.kind === 'delete' ? 'delete' : 'update', born, operations })
    );
  }

  #intend({
    kind,
    born,
    operations,
  }: Omit<Intent, 'mutation'> & { readonly born: string | undefined }): Intent {
    const number = this.#intents.length.toString(16).padStart(12, '0');
    const intent: Intent = {
      kind,
      mutation: `${born === undefined ? 'key-' : `${born}.`}01900000-0000-7000-8000-${number}`,
      operations,
    };
    this.#intents.push(intent);
    return intent;
  }

  #close({ region, of, stage, stated }: Extract<BoundedStep, { kind: 'close' }>): void {
    const heir = this.#at(region);
    const victim = this.#at(of);
    const others = this.regions.filter((one) => one !== heir && one !== victim);
    const say = (by: Region, operation: Operation): void =>
      this.#mint(by, this.#intend({ kind: 'update', born: regionOf(by.actor), operations: [operation] }));
    say(heir, { op: 'stand', of: victim.actor, stated });
    const closing = `${heir.actor}:0:${heir.seq}`;
    if (stage < 2) return;
    for (const other of others) {
      this.#receive(heir, other, Infinity);
      say(other, { op: 'vote', closing });
      if (stage > 2) this.#receive(other, heir, Infinity);
    }
    if (stage > 3) say(heir, { op: stage > 4 ? 'reclaim' : 'yield', closing });
  }

  #mint(region: Region, { kind, mutation, operations }: Intent): void {
    if (region.log.some((event) => event.mutation.id === mutation)) return;
    const context = region.state.seen;
    const clock = tick(region.clock, region.wallMillis);
    const dot: Dot = { actor: region.actor, seq: region.seq + 1 };
    const time = { ...clock, actor: region.actor };
    const stable = region.tracker.stable(context);
    const place = {
      isStable: (one: Dot) => includes(stable, one),
      isBornHere: birthOf(mutation)?.region === regionOf(region.actor),
      members: regionNames,
      // Nothing that is in bounds hangs on a clock: leases only keep acknowledged spends from being left out.
      hearsMajority: () => true,
      actorOf: (name: string) => (regionNames.some((one) => one === name) ? `${name}~1` : undefined),
    };
    const command = {
      kind,
      operations: operations.map((operation) => ({ ...operation, field: boundedField })),
      hasObserved: false,
    };
    const decided = decideChange(this.type, region.state, command, { dot, time, context, place });
    if (decided.kind === 'rejected') {
      this.refused.set(decided.code, (this.refused.get(decided.code) ?? 0) + 1);
      return;
    }
    region.clock = clock;
    region.seq += 1;
    const event: Event = {
      ...{ shard: 0, prev: '', entity: lawEntity, kind, schemaVersion: this.type.schemaVersion },
      ...{ changes: decided.changes, mutation: { id: mutation, digest: '' }, dot, time, context },
    };
    this.events.push(event);
    this.#take(region, event);
  }

  #receive(from: Region, to: Region, count: number): void {
    for (const event of from.log.filter((one) => !to.log.includes(one)).slice(0, count)) {
      to.clock = hear(to.clock, event.time, to.wallMillis);
      this.#take(to, event);
    }
  }

  #take(region: Region, event: Event): void {
    const folded = foldEvent(this.type, region.state, event, copiesAmong(region.log, event));
    region.log.push(event);
    region.state = folded.kind === 'folded' ? folded.state : foldLog(this.type, region.log);
    region.tracker.advance(region.state.seen);
    this.look(region.state, region.log);
  }

  #gossip(without: number, count: number): void {
    const present = this.regions.filter((_region, index) => index !== without);
    for (const say of [this.#receive.bind(this), this.#report.bind(this)])
      for (const from of present) for (const to of present) say(from, to, count);
  }

  /** A heartbeat: what the giver has folded, and its own last seq then. */
  #report(from: Region, to: Region): void {
    if (from === to) return;
    const report: FoldedReport = { folded: from.state.seen, actor: from.actor, lastSeq: from.seq };
    to.tracker.report(regionOf(from.actor), report, to.state.seen);
  }
}

type Deciding = Extract<BoundedStep, { kind: 'do' | 'settle' | 'delete' | 'answer' }>;

function operationsOf(step: Deciding, region: Region): readonly Operation[] | undefined {
  if (step.kind === 'delete') return [];
  if (step.kind === 'do') return step.operations;
  const rights = region.state.fields.get(boundedField) as Rights | undefined;
  if (step.kind === 'answer') {
    const open = rights?.closing.open ?? [];
    const one = open[step.closing % Math.max(1, open.length)];
    return one && [{ op: step.op, closing: `${one.stand.actor}:0:${one.stand.seq}` }];
  }
  const holds = rights?.holds ?? [];
  const hold = holds[step.hold % Math.max(1, holds.length)];
  if (hold === undefined) return undefined;
  return [{ op: step.op, reservation: `${hold.dot.actor}:0:${hold.dot.seq}` }];
}
