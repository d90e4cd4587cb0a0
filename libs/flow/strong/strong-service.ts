import { AtollError } from '#core/errors.js';
import type { EntityRef } from '#core/event/event.js';
import type { Epoch } from '#core/strong/epoch.js';
import { mayStand } from '#core/strong/membership.js';
import type { Intake } from '../accept/intake.js';
import type { ShardState } from '../accept/shard-state.js';
import type { CursorWatch } from '../accept/wake.js';
import type { Timing } from '../limits.js';
import type { Clock } from '../ports/clock.js';
import type { EventLog, ShardOwner } from '../ports/event-log.js';
import { PeerUnavailable, type Siblings } from '../ports/peers.js';
import type { Hashing } from '../ports/record-auth.js';
import type { Telemetry } from '../ports/telemetry.js';
import type { Elections } from './elections.js';
import type { Homes } from './homes.js';
import type { KnownMemberships } from './known-memberships.js';
import {
  decodeAnswer,
  decodeQuestion,
  encodeAnswer,
  encodeQuestion,
  encodeRefusal,
  relayedOf,
  relayQuestion,
  type Answer,
  type Question,
  type ShardStanding,
} from './messages.js';
import type { Questions } from './questions.js';
import type { Reclaims } from '../rights/reclaims.js';
import type { StrongDesk, StrongValue } from './strong-desk.js';
import type { TypeMover } from './type-mover.js';

export interface StrongServiceParts {
  readonly log: EventLog;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly timing: Timing;
  readonly hashing: Hashing;
  readonly siblings: Siblings;
  readonly intake: Intake;
  readonly watch: CursorWatch;
  readonly homes: Homes;
  readonly elections: Elections;
  readonly questions: Questions;
  readonly desk: StrongDesk;
  readonly reclaims: Pick<Reclaims, 'vote' | 'yieldTo' | 'takeOver'>;
  readonly owners: () => readonly ShardOwner[];
  readonly memberships: KnownMemberships;
  readonly mover: Pick<TypeMover, 'begin' | 'modeAt'>;
}

/** Who the home of a shard is after a handover. */
export interface HandedOver {
  readonly region: string;
  readonly epoch: Epoch;
}

/** How long a read waits before it looks again who owns its shard, in milliseconds. */
const ownerRetryMillis = 25;
/** How long a target may take, in milliseconds: it may have to fetch what it adopts. */
const handoverMillisMax = 10_000;
/** How long the home waits until what it has taken is decided, before it gives a planned handover up. */
const drainMillisMax = 3_000;

/** Answers questions about strong shards, here or through the owner of the shard, and hands homes over. */
export class StrongService {
  constructor(private readonly parts: StrongServiceParts) {}

  /** A question of another region. What is refused is in the answer. */
  asked(payload: Uint8Array): Promise<Uint8Array> {
    return this.answering(async () => {
      const question = decodeQuestion(payload, this.parts.hashing);
      if (question.kind === 'stand' && question.stopped !== undefined)
        throw new AtollError('invalid_request', 'no region may state that another is stopped');
      if (question.kind === 'takeover')
        throw new AtollError('permission_denied', 'an operator of this region has to say so');
      if (this.parts.intake.stateOf(question.shard)) return this.answer(question);
      return this.askOwner(question);
    });
  }

  /** What a sibling passed on; `undefined`: it is none of ours. */
  relayed(payload: Uint8Array): Promise<Uint8Array> | undefined {
    const { hashing, homes } = this.parts;
    const relayed = relayedOf(payload, hashing);
    if (!relayed) return undefined;
    if (relayed.kind === 'told') {
      homes.relayed(relayed.region, relayed.payload);
      return Promise.resolve(new Uint8Array());
    }
    return this.answering(() => this.answer(decodeQuestion(relayed.payload, hashing)));
  }

  /** Linearizable, from the home, through the owner of the shard in this region. @throws AtollError */
  async read(shard: number, entity: EntityRef, deadlineMillis: number): Promise<StrongValue> {
    const { intake, desk, clock, watch } = this.parts;
    for (;;) {
      const waitMillis = deadlineMillis - clock.monotonicMillis();
      try {
        if (intake.stateOf(shard)) return await desk.read(shard, entity, deadlineMillis);
        const asked = { kind: 'read', shard, ...entity, waitMillis, anywhere: true } as const;
        const answer = await this.askOwner(asked);
        if (answer.kind === 'value') return answer;
        throw new AtollError('internal', 'a read was answered with something else');
      } catch (error) {
        const moved = error instanceof AtollError && error.code === 'owner_moved';
        const left = deadlineMillis - clock.monotonicMillis();
        if (!moved || left <= 0) throw error;
        await watch.next(Math.min(left, ownerRetryMillis));
      }
    }
  }

  /**
   * Makes a region the home of a shard. Planned: the home stops, its last event is decided, then it asks the target to
   * stand. Forced: the target stands at once, whatever the home does.
   *
   * @throws AtollError not_home, no_majority, owner_moved, invalid_request
   */
  async handover(shard: number, to: string, force: boolean): Promise<HandedOver> {
    const { memberships, log, intake } = this.parts;
    if (!mayStand(memberships.latest, to))
      throw new AtollError('invalid_request', `'${to}' is no region that may be the home of a shard`);
    if (!Number.isInteger(shard) || shard < 0 || shard >= log.identity.shards)
      throw new AtollError('invalid_request', `there is no shard ${shard}`);
    const question: Question = { kind: 'handover', shard, to, force };
    const work = intake.stateOf(shard) ? this.answer(question) : this.askOwner(question);
    const answer = await work.catch((error: unknown) => {
      if (!(error instanceof PeerUnavailable)) throw error;
      throw new AtollError('not_home', 'a region that has to take part does not answer', { cause: error });
    });
    if (answer.kind !== 'home')
      throw new AtollError('internal', 'a handover was answered with something else');
    return answer;
  }

  /** As the owner of the shard in this region knows it. @throws AtollError, PeerUnavailable */
  async standing(shard: number): Promise<ShardStanding> {
    const question: Question = { kind: 'standing', shard };
    const work = this.parts.intake.stateOf(shard) ? this.answer(question) : this.askOwner(question);
    const answer = await work;
    if (answer.kind === 'standing') return answer;
    throw new AtollError('internal', 'the standing of a shard was answered with something else');
  }

  /**
   * Makes this region the home of a shard without a member that an operator states to be stopped for good or destroyed: of
   * two members, the other one holds all that was ever decided (PROTOCOL §8).
   *
   * @throws AtollError no_majority, owner_moved, invalid_request
   */
  async overrule(shard: number, stopped: string): Promise<void> {
    const { log, telemetry, memberships } = this.parts;
    const { region } = log.identity;
    if (region === stopped)
      throw new AtollError(
        'invalid_request',
        `${region} answers: it is not stopped; ask the region that is left`,
      );
    const { number } = memberships.latest;
    telemetry.log('warn', 'a member of strong shards is stated to be stopped for good', { stopped, number });
    const question: Question = { kind: 'stand', shard, stopped };
    await (this.parts.intake.stateOf(shard) ? this.answer(question) : this.askOwner(question));
  }

  /** A question of this region itself, to whoever owns the shard. @throws AtollError */
  askHere(question: Question): Promise<Answer> {
    return this.parts.intake.stateOf(question.shard) ? this.answer(question) : this.askOwner(question);
  }

  private async answering(work: () => Promise<Answer>): Promise<Uint8Array> {
    const { hashing } = this.parts;
    try {
      return encodeAnswer(await work(), hashing);
    } catch (error) {
      if (error instanceof AtollError) return encodeRefusal(error, hashing);
      if (error instanceof PeerUnavailable)
        return encodeRefusal(new AtollError('not_home', 'the region that it takes does not answer'), hashing);
      throw error;
    }
  }

  private async askOwner(question: Question): Promise<Answer> {
    const { owners, siblings, hashing } = this.parts;
    const owner = owners().find((row) => row.shard === question.shard);
    if (!owner || owner.address === '')
      throw new AtollError('owner_moved', 'the shard has no owner at the moment');
    const payload = relayQuestion(encodeQuestion(question, hashing), hashing);
    try {
      return decodeAnswer(await siblings.forward(owner.address, payload), hashing);
    } catch (error) {
      if (!(error instanceof PeerUnavailable)) throw error;
      throw new AtollError('owner_moved', 'the owner of the shard does not answer', { cause: error });
    }
  }

  private async answer(question: Question): Promise<Answer> {
    const { intake, elections, desk, log } = this.parts;
    const { shard } = question;
    const state = intake.stateOf(shard);
    if (!state) throw new AtollError('owner_moved', 'this process does not own the shard');
    switch (question.kind) {
      case 'promise':
        return elections.promise(state, question.epoch);
      case 'prevote':
        return elections.vote(state, question.epoch);
      case 'confirm':
        return { kind: 'confirmed', promised: await desk.confirm(state) };
      case 'stand':
        return {
          kind: 'home',
          region: log.identity.region,
          epoch: await elections.stand(state, question.stopped),
        };
      case 'standing':
        return this.standingOf(state);
      case 'handover':
        return this.handOn(state, question.to, question.force);
      case 'move':
        return this.parts.mover.begin(state, question);
      case 'mode':
        return this.parts.mover.modeAt(state, question.type);
      case 'vote':
        return this.parts.reclaims.vote(question);
      case 'yield':
        return this.parts.reclaims.yieldTo(question);
      case 'takeover': {
        const { type, id, of } = question;
        const taken = await this.parts.reclaims.takeOver({ entity: { type, id }, shard, of, stated: true });
        return { kind: 'taken', taken };
      }
      case 'command': {
        const outcome = await desk.serveCommand(shard, question.command, question.waitMillis);
        return { kind: 'outcome', outcome };
      }
      case 'read': {
        const entity = { type: question.type, id: question.id };
        const deadlineMillis = this.parts.clock.monotonicMillis() + question.waitMillis;
        const read = question.anywhere
          ? await desk.read(shard, entity, deadlineMillis)
          : await desk.readAt(shard, entity, deadlineMillis);
        return { ...read, kind: 'value' };
      }
    }
  }

  private standingOf(state: ShardState): Answer {
    const { record, decided } = state.strong;
    const home = this.parts.homes.homeOf(state);
    return { kind: 'standing', promised: record.promised, decided: decided.epoch, home };
  }

  private async handOn(state: ShardState, to: string, force: boolean): Promise<Answer> {
    const { homes, log } = this.parts;
    const here = log.identity.region;
    const home = homes.homeOf(state);
    const { shard } = state;
    if (home === to && !force && (to !== here || state.strong.serves(log.identity.actor)))
      return { kind: 'home', region: to, epoch: state.strong.record.promised };
    if (force || home === undefined) return this.standAt(state, to);
    if (home !== here) {
      const asked = { kind: 'handover', shard, to, force } as const;
      return this.parts.questions.one(home, asked, { kind: 'home', millisMax: handoverMillisMax });
    }
    await this.drain(state);
    try {
      return await this.standAt(state, to);
    } finally {
      state.strong.draining = false;
    }
  }

  private async standAt(state: ShardState, to: string): Promise<Answer> {
    const { log, elections, questions } = this.parts;
    const { shard } = state;
    if (to === log.identity.region) return { kind: 'home', region: to, epoch: await elections.stand(state) };
    const answer = await questions.one(
      to,
      { kind: 'stand', shard },
      { kind: 'home', millisMax: handoverMillisMax },
    );
    return answer;
  }

  /** Takes nothing new, and waits until all that was taken is decided. @throws AtollError no_majority */
  private async drain(state: ShardState): Promise<void> {
    const { clock, intake, watch } = this.parts;
    const { strong } = state;
    const deadlineMillis = clock.monotonicMillis() + drainMillisMax;
    strong.draining = true;
    try {
      // Behind everything that is being decided now.
      await intake.task(
        state.shard,
        () => undefined,
        () => [],
      );
      const isOpen = (): boolean =>
        [...strong.undecided.values()].some(({ dot }) => strong.outcomeOf(dot) === 'undecided');
      while (isOpen()) {
        const left = deadlineMillis - clock.monotonicMillis();
        if (left <= 0)
          throw new AtollError('no_majority', 'what the home has taken could not be decided in time');
        await watch.next(left);
      }
    } catch (error) {
      strong.draining = false;
      throw error;
    }
  }
}
