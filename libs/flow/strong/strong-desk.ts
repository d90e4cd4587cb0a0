import type { VersionVector } from '#core/causality/version-vector.js';
import type { Dependencies } from '#core/consistency/dependencies.js';
import { AtollError } from '#core/errors.js';
import type { EntityRef } from '#core/event/event.js';
import { entityKey } from '#core/event/shard-of.js';
import type { JsonObject } from '#core/json.js';
import type { EntityTypes } from '#core/merge/entity-type.js';
import { isConfirmed } from '#core/strong/promises.js';
import { sameEpoch, type Epoch } from '#core/strong/epoch.js';
import { movesEntity } from '#core/strong/type-record.js';
import {
  decodeForward,
  decodeOutcome,
  encodeForward,
  encodeOutcome,
  lastDot,
  type ForwardedOutcome,
} from '../accept/command-codec.js';
import type { Intake } from '../accept/intake.js';
import type { PreparedCommand } from '../accept/prepared-command.js';
import { mayBeStored } from '../accept/queues.js';
import type { ShardState } from '../accept/shard-state.js';
import type { CursorWatch } from '../accept/wake.js';
import { within } from '../deadline.js';
import type { Timing } from '../limits.js';
import type { Clock } from '../ports/clock.js';
import type { EventLog } from '../ports/event-log.js';
import { PeerUnavailable } from '../ports/peers.js';
import type { Hashing } from '../ports/record-auth.js';
import type { Telemetry } from '../ports/telemetry.js';
import { SharedRun } from '../shared-run.js';
import type { Homes } from './homes.js';
import type { KnownMemberships } from './known-memberships.js';
import type { Questions } from './questions.js';
import { whyNotStrong } from './strong-mode.js';
import { undecidedReason } from './strong-shard.js';

export interface StrongDeskParts {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly timing: Timing;
  readonly hashing: Hashing;
  readonly telemetry: Telemetry;
  readonly intake: Intake;
  readonly watch: CursorWatch;
  readonly homes: Homes;
  readonly questions: Questions;
  readonly memberships: KnownMemberships;
  readonly types: EntityTypes;
  /** Decides a command in this process, and answers once it is stored. */
  readonly decide: (
    shard: number,
    command: PreparedCommand,
    deadlineMillis: number,
  ) => Promise<ForwardedOutcome>;
  /** Waits until this region has what a causal command depends on. @throws AtollError not_covered_yet */
  readonly cover: (dependencies: Dependencies, deadlineMillis: number) => Promise<void>;
  /** The committed state of an entity in a shard that this process owns. */
  readonly valueOf: (
    entity: EntityRef,
  ) => Promise<{ readonly value: JsonObject | undefined; readonly seen: VersionVector } | undefined>;
}

export interface StrongValue {
  readonly value: JsonObject | undefined;
  readonly seen: VersionVector;
  /** In which the home answered. */
  readonly epoch: Epoch;
}

/** Between two looks for a home that serves, in milliseconds: it is woken sooner when anything is heard. */
const lookAgainMillis = 25;
/** What is left to the asking region for its own last word, in milliseconds. */
const wayBackMillis = 10;

/** Brings strong commands and reads to the home of their shard, and answers for it where this region is the home. */
export class StrongDesk {
  private readonly rounds = new Map<number, SharedRun<Epoch | undefined>>();

  constructor(private readonly parts: StrongDeskParts) {}

  /** From the owner of the shard in this region. @throws AtollError not_home, no_majority, deadline_exceeded … */
  submit(shard: number, command: PreparedCommand, deadlineMillis: number): Promise<ForwardedOutcome> {
    let attempt = command;
    return this.untilServed(shard, deadlineMillis, {
      late: unknownOutcome,
      here: (state) => {
        const tried = attempt;
        attempt = { ...command, isFirstTry: false };
        return this.commandHere(state, tried, deadlineMillis);
      },
      there: async (region, waitMillis) => {
        const { hashing, questions } = this.parts;
        const forwarded = { command: { ...command, isFirstTry: false }, waitMillis };
        const text = hashing.fromUtf8(encodeForward(forwarded, hashing)) ?? '';
        const asked = { kind: 'command', shard, command: text, waitMillis } as const;
        const answer = await questions.one(region, asked, {
          kind: 'outcome',
          millisMax: waitMillis + wayBackMillis,
        });
        return decodeOutcome(hashing.utf8(answer.outcome), hashing);
      },
    });
  }

  /** Linearizable. @throws AtollError not_home, no_majority, entity_quarantined, level_not_available, type_moving */
  async read(shard: number, entity: EntityRef, deadlineMillis: number): Promise<StrongValue> {
    const { clock, watch } = this.parts;
    for (;;) {
      try {
        this.checkMode(this.stateOf(shard), entity);
        return await this.readSomewhere(shard, entity, deadlineMillis);
      } catch (error) {
        const left = deadlineMillis - clock.monotonicMillis() - wayBackMillis;
        if (!(error instanceof AtollError) || error.code !== 'type_moving' || left <= 0) throw error;
        await watch.next(Math.min(left, lookAgainMillis));
      }
    }
  }

  private readSomewhere(shard: number, entity: EntityRef, deadlineMillis: number): Promise<StrongValue> {
    return this.untilServed(shard, deadlineMillis, {
      here: (state) => this.readHere(state, entity, deadlineMillis),
      there: async (region, waitMillis) => {
        const asked = { kind: 'read', shard, ...entity, waitMillis, anywhere: false } as const;
        const millisMax = waitMillis + wayBackMillis;
        return this.parts.questions.one(region, asked, { kind: 'value', millisMax });
      },
    });
  }

  /** A command that another region sent to what it takes for the home. */
  async serveCommand(shard: number, text: string, waitMillis: number): Promise<string> {
    const { hashing, clock } = this.parts;
    const { command } = decodeForward(hashing.utf8(text), hashing);
    const state = this.stateOf(shard);
    const outcome = await this.commandHere(state, command, clock.monotonicMillis() + waitMillis);
    return hashing.fromUtf8(encodeOutcome(outcome, hashing)) ?? '';
  }

  /** A read that another region sent to what it takes for the home. */
  readAt(shard: number, entity: EntityRef, deadlineMillis: number): Promise<StrongValue> {
    return this.readHere(this.stateOf(shard), entity, deadlineMillis);
  }

  /** Whether this region's row still promises what its owner remembers: asked of the database, for owners change. */
  async confirm(state: ShardState): Promise<Epoch> {
    for (;;) {
      const { ownerEpoch } = state.fence;
      const owned = await this.parts.log.stillOwned([{ shard: state.shard, ownerEpoch }]);
      if (owned.includes(state.shard)) return state.strong.record.promised;
      // An epoch that this process itself raised meanwhile is not a loss, but somebody may have raised it once more.
      if (state.fence.ownerEpoch === ownerEpoch)
        throw new AtollError('owner_moved', 'another process owns the shard now');
    }
  }

  private async commandHere(
    state: ShardState,
    command: PreparedCommand,
    deadlineMillis: number,
  ): Promise<ForwardedOutcome> {
    const { clock, intake, watch, cover } = this.parts;
    // What the asking region has is no promise of what the home has: an effect would be decided here before its cause is.
    if (command.dependencies) await cover(command.dependencies, deadlineMillis);
    await this.serving(state, deadlineMillis);
    const epoch = state.strong.record.promised;
    const outcome = await this.parts.decide(state.shard, { ...command, isStrong: true }, deadlineMillis);
    for (;;) {
      if (intake.stateOf(state.shard) !== state)
        throw new AtollError('owner_moved', 'another process owns the shard now');
      const fate = state.strong.outcomeOf(lastDot(outcome));
      if (fate === 'decided' || (fate === 'undecided' && command.isEarly === true))
        return { ...outcome, epoch };
      // Left out for ever: it is executed anew, by whoever is the home now.
      if (fate === 'refused') throw new AtollError('not_home', 'the first try was left out by a new home');
      const left = deadlineMillis - clock.monotonicMillis();
      if (left <= 0) throw unknownOutcome();
      await watch.next(left);
    }
  }

  private async readHere(state: ShardState, entity: EntityRef, deadlineMillis: number): Promise<StrongValue> {
    const { clock, intake, watch } = this.parts;
    await this.serving(state, deadlineMillis);
    const epoch = await this.confirmed(state, deadlineMillis);
    for (;;) {
      if (intake.stateOf(state.shard) !== state)
        throw new AtollError('owner_moved', 'another process owns the shard now');
      if (!this.isUnfolded(state, entity) && !this.isUnfolded(state, movesEntity(state.shard))) break;
      const left = deadlineMillis - clock.monotonicMillis();
      if (left <= 0)
        throw new AtollError('not_covered_yet', 'a decided change of the entity is not folded yet');
      await watch.next(left);
    }
    this.checkMode(state, entity);
    const found = await this.parts.valueOf(entity);
    if (!found) throw new AtollError('unknown_type', `there is no entity type ${entity.type}`);
    return { ...found, epoch };
  }

  /** @throws AtollError level_not_available, type_moving */
  private checkMode(state: ShardState, entity: EntityRef): void {
    const type = this.parts.types.get(entity.type);
    const error = type && whyNotStrong(state, type, { isHome: state.strong.serves(this.ownActor) });
    if (error) throw error;
  }

  /**
   * The epoch in which this region serves as the home, once a majority has said after the call that it promises it.
   * @throws AtollError not_home, no_majority
   */
  private async confirmed(state: ShardState, deadlineMillis: number): Promise<Epoch> {
    const { strong } = state;
    for (;;) {
      const late = { deadlineMillis, late: noMajority };
      const epoch = await within(this.parts.clock, this.round(state).next(), late);
      // The epoch that was asked about may have been opened elsewhere meanwhile: its home has taken what this one lacks.
      if (!strong.serves(this.ownActor)) throw notHome();
      if (epoch !== undefined && sameEpoch(epoch, strong.record.promised)) return epoch;
      if (this.parts.clock.monotonicMillis() >= deadlineMillis) throw noMajority();
    }
  }

  /** Whether something of the entity is decided, or may be, and not in its state yet. */
  private isUnfolded({ waiting, strong }: ShardState, entity: EntityRef): boolean {
    for (const row of waiting.ofEntity(entityKey(entity))) {
      if (row.state === 'parked')
        throw new AtollError('entity_quarantined', 'an event of this entity is parked until somebody acts');
      if (row.reason !== undecidedReason || strong.mayBeTold(row.dot)) return true;
    }
    return false;
  }

  /** One round of confirmations at a time, shared by all reads that arrived before it began. */
  private round(state: ShardState): SharedRun<Epoch | undefined> {
    let round = this.rounds.get(state.shard);
    if (!round) {
      round = new SharedRun(() => this.confirmRound(state.shard));
      this.rounds.set(state.shard, round);
    }
    return round;
  }

  /** The epoch that a majority promised while the round went on; `undefined` where there was none. */
  private async confirmRound(shard: number): Promise<Epoch | undefined> {
    const { questions, memberships, timing, log, telemetry } = this.parts;
    const state = this.stateOf(shard);
    const epoch = state.strong.record.promised;
    const members = memberships.membersOf(epoch.membership);
    const said = new Map<string, Epoch>();
    telemetry.count('confirmation_rounds_total');
    const { region: here } = log.identity;
    const own = this.confirm(state).then((promised) => said.set(here, promised));
    const expected = { kind: 'confirmed', millisMax: timing.strongAskMillisMax } as const;
    // The own row is one of the majority: without it nobody else's word is enough.
    const isEnough = (): boolean => isConfirmed(epoch, new Map(said).set(here, epoch), members);
    const ask = (): Promise<void> =>
      questions.all({ kind: 'confirm', shard }, expected, (region, { promised }) => {
        state.strong.hear(promised);
        said.set(region, promised);
        return isEnough();
      });
    await Promise.all([own, isEnough() ? undefined : ask()]);
    return isConfirmed(epoch, said, members) ? epoch : undefined;
  }

  /** Waits while this region is the home and its opening is not decided yet. @throws AtollError not_home */
  private async serving(state: ShardState, deadlineMillis: number): Promise<void> {
    const { clock, watch, intake } = this.parts;
    while (!state.strong.serves(this.ownActor)) {
      const left = deadlineMillis - clock.monotonicMillis();
      if (!state.strong.isHome(this.ownActor) || intake.stateOf(state.shard) !== state) throw notHome();
      if (left <= 0) throw noMajority();
      await watch.next(left);
    }
  }

  /** Here or at the home's region, again and again until it is served or the deadline passes. */
  private async untilServed<T>(
    shard: number,
    deadlineMillis: number,
    ways: {
      readonly here: (state: ShardState) => Promise<T>;
      readonly there: (region: string, waitMillis: number) => Promise<T>;
      /** What is said where a try may have had an effect that nobody told. Absent: tries have none. */
      readonly late?: () => AtollError;
    },
  ): Promise<T> {
    const { clock, homes, log, timing, watch, intake } = this.parts;
    // A try that nobody answered may be under way still, and be taken where a later one is refused.
    let isInDoubt = false;
    const told = (error: AtollError): AtollError => (isInDoubt ? mayBeStored(error) : error);
    let lastWord = notHome();
    for (;;) {
      const state = intake.stateOf(shard);
      if (!state) throw told(notOwner());
      const home = homes.homeOf(state);
      const left = deadlineMillis - clock.monotonicMillis();
      try {
        if (home === log.identity.region) return await ways.here(state);
        const waitMillis = Math.min(left - wayBackMillis, timing.strongAskMillisMax);
        if (home !== undefined && waitMillis > 0) return await ways.there(home, waitMillis);
      } catch (error) {
        const answer = answerIn(error);
        if (answer && !mayBeServedLater(answer)) throw told(answer);
        if (isUnanswered(answer, home !== log.identity.region)) isInDoubt ||= ways.late !== undefined;
        lastWord = (isInDoubt ? ways.late?.() : answer) ?? notHome();
      }
      const rest = deadlineMillis - clock.monotonicMillis();
      if (rest <= wayBackMillis) throw lastWord;
      await watch.next(Math.min(rest - wayBackMillis, lookAgainMillis));
    }
  }

  private stateOf(shard: number): ShardState {
    const state = this.parts.intake.stateOf(shard);
    if (!state) throw notOwner();
    return state;
  }

  private get ownActor(): string {
    return this.parts.log.identity.actor;
  }
}

/** What whoever was asked had to say; `undefined`: it did not answer. */
function answerIn(error: unknown): AtollError | undefined {
  if (error instanceof AtollError) return error;
  if (error instanceof PeerUnavailable) return undefined;
  throw error;
}

/** Whether nobody knows what became of a try. In another region the owner of the shard may have it that does not answer. */
function isUnanswered(answer: AtollError | undefined, isElsewhere: boolean): boolean {
  if (answer === undefined || answer.code === 'deadline_exceeded') return true;
  return isElsewhere && answer.code === 'owner_moved';
}

function mayBeServedLater({ code }: AtollError): boolean {
  return (
    code === 'not_home' || code === 'no_majority' || code === 'owner_moved' || code === 'deadline_exceeded'
  );
}

function notOwner(): AtollError {
  return new AtollError('owner_moved', 'this process does not own the shard');
}

function notHome(): AtollError {
  return new AtollError('not_home', 'no region is known to serve as the home of the shard');
}

function noMajority(): AtollError {
  return new AtollError('no_majority', 'the home of the shard could not reach a majority of the regions');
}

/** What is in flight may still be decided. */
function unknownOutcome(): AtollError {
  return new AtollError(
    'deadline_exceeded',
    'not decided in time; the command may still take effect: retry it with the same mutation id',
  );
}
