import type { Actor } from '#core/causality/dot.js';
import { majorityOf } from '#core/consistency/acks.js';
import type { VersionVector } from '#core/causality/version-vector.js';
import { AtollError } from '#core/errors.js';
import { laterEpoch, nextEpoch, sameEpoch, type Epoch } from '#core/strong/epoch.js';
import { candidacy, wouldPromise, type Promised } from '#core/strong/promises.js';
import { positionOf, reaches, type Position } from '#core/strong/strong-chain.js';
import type { Intake } from '../accept/intake.js';
import type { ShardState } from '../accept/shard-state.js';
import { storedVector } from '../accept/shard-state.js';
import type { CursorWatch } from '../accept/wake.js';
import { Rounds } from '../rounds.js';
import type { Timing } from '../limits.js';
import type { Clock } from '../ports/clock.js';
import type { EventLog } from '../ports/event-log.js';
import type { Random } from '../ports/record-auth.js';
import type { Telemetry } from '../ports/telemetry.js';
import type { Hearing, Homes } from './homes.js';
import type { Answer } from './messages.js';
import type { Questions } from './questions.js';

export interface ElectionsParts {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly timing: Timing;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly intake: Intake;
  readonly watch: CursorWatch;
  readonly homes: Homes;
  readonly questions: Questions;
  readonly members: readonly string[];
  /** Whether any declared type is strong: else nobody stands, but promises and acks are given. */
  readonly isNeeded: boolean;
  /** What a region stores is missing here. */
  readonly wants: (region: string, shard: number, stored: VersionVector) => void;
}

/** The number of the first membership; its members are those of the configuration. */
export const firstMembership = 1;

/** How often a target that was outbid stands again, each time above what it has heard. */
const standsMax = 4;

/** How long a target may take to fetch what it adopts and to see its opening decided, in elections' time. */
const standingElections = 3;

const nobody = (): readonly never[] => [];

/** Finds a home where none is heard, and makes one of this region when it is asked to (PROTOCOL §8). */
export class Elections {
  private readonly rounds: Rounds;
  private readonly underWay = new Set<Promise<void>>();

  constructor(private readonly parts: ElectionsParts) {
    this.rounds = new Rounds(parts.clock, parts.timing.heartbeatMillis, () => this.round());
  }

  start(): void {
    this.rounds.start();
  }

  async stop(): Promise<void> {
    await this.rounds.stop();
    this.parts.watch.moved();
    await Promise.all(this.underWay);
  }

  private round(): void {
    this.parts.homes.beat();
    if (this.parts.isNeeded) for (const shard of this.parts.intake.owned()) this.look(shard);
  }

  private look(shard: number): void {
    const { intake, homes, clock } = this.parts;
    const state = intake.stateOf(shard);
    const hearing = homes.of(shard);
    if (!state || !hearing || hearing.isStanding) return;
    const now = clock.monotonicMillis();
    if (homes.hearsHome(state)) {
      hearing.quietSince = now;
      hearing.patienceMillis = undefined;
      return;
    }
    hearing.patienceMillis ??= this.patience(state);
    if (now - hearing.quietSince < hearing.patienceMillis) return;
    const campaign = this.campaign(state, hearing).finally(() => this.underWay.delete(campaign));
    this.underWay.add(campaign);
  }

  /** The first homes are spread over the regions: each shard's own order says who stands first. */
  private patience({ shard, strong }: ShardState): number {
    const { timing, random, members, log } = this.parts;
    if (!strong.isUntouched) return timing.electionMillis * (1 + random.fraction());
    const order = [...members].sort();
    const rank = (order.indexOf(log.identity.region) - (shard % order.length) + order.length) % order.length;
    return timing.electionMillis * (rank + random.fraction() / 4);
  }

  /** Asks first whether a majority would promise: who is cut off must not outbid a home that others hear. */
  private async campaign(state: ShardState, hearing: Hearing): Promise<void> {
    const { questions, members, timing, clock, telemetry } = this.parts;
    hearing.isStanding = true;
    try {
      const epoch = this.next(state);
      let yes = wouldPromise(state.strong.record, epoch, false) ? 1 : 0;
      const asked = { kind: 'prevote', shard: state.shard, epoch } as const;
      const expected = { kind: 'vote', millisMax: timing.strongAskMillisMax } as const;
      await questions.all(asked, expected, (_region, vote) => {
        state.strong.hear(vote.promised);
        if (vote.yes) yes += 1;
        return yes >= majorityOf(members.length);
      });
      if (yes >= majorityOf(members.length)) await this.standWith(state);
    } catch (error) {
      if (!(error instanceof AtollError)) throw error;
      telemetry.log('info', 'no home was found', { shard: state.shard, reason: error.message });
    } finally {
      hearing.isStanding = false;
      hearing.quietSince = clock.monotonicMillis();
      hearing.patienceMillis = undefined;
    }
  }

  /** Makes this region the home. @throws AtollError no_majority, not_home */
  async stand(state: ShardState): Promise<Epoch> {
    const hearing = this.parts.homes.of(state.shard);
    if (hearing) hearing.isStanding = true;
    try {
      return await this.standWith(state);
    } finally {
      if (hearing) hearing.isStanding = false;
    }
  }

  private async standWith(state: ShardState): Promise<Epoch> {
    const { telemetry, members } = this.parts;
    for (let tries = 0; tries < standsMax; tries += 1) {
      const epoch = this.next(state);
      const promises = await this.collect(state, epoch);
      const chosen = candidacy(promises, members);
      if (chosen.kind === 'waiting') continue;
      if (!(await this.open(state, { epoch, adopted: chosen.adopt }))) continue;
      telemetry.count('epochs_opened_total');
      return epoch;
    }
    throw new AtollError('no_majority', 'no majority of regions promised the epoch');
  }

  /** Promises of this region's own row and of the others, with the position of each. */
  private async collect(state: ShardState, epoch: Epoch): Promise<ReadonlyMap<string, Position>> {
    const { intake, questions, members, log, timing } = this.parts;
    const promises = new Map<string, Position>();
    const { shard } = state;
    const own = await intake.task(shard, (batch) => batch.strong.promise(epoch), nobody);
    if (own.kind === 'refused') {
      state.strong.hear(own.promised);
      return promises;
    }
    promises.set(log.identity.region, own.position);
    const needed = majorityOf(members.length);
    if (promises.size >= needed) return promises;
    const asked = { kind: 'promise', shard, epoch } as const;
    const expected = { kind: 'promised', millisMax: timing.strongAskMillisMax } as const;
    await questions.all(asked, expected, (region, answer) => {
      state.strong.hear(answer.promised);
      if (!answer.granted) return false;
      promises.set(region, answer.position);
      if (!reaches(this.position(state), answer.position)) this.parts.wants(region, shard, answer.stored);
      return promises.size >= needed;
    });
    return promises;
  }

  /** Fetches what was adopted, writes the opening once, and waits until it is decided. */
  private async open(
    state: ShardState,
    standing: { readonly epoch: Epoch; readonly adopted: Position },
  ): Promise<boolean> {
    const { intake, homes, clock, timing, watch } = this.parts;
    const deadlineMillis = clock.monotonicMillis() + standingElections * timing.electionMillis;
    const left = (): number => deadlineMillis - clock.monotonicMillis();
    const isStill = (): boolean =>
      !this.rounds.isStopping &&
      left() > 0 &&
      intake.stateOf(state.shard) === state &&
      sameEpoch(state.strong.record.promised, standing.epoch);
    while (isStill() && !reaches(this.position(state), standing.adopted)) await watch.next(left());
    if (!isStill()) return false;
    const opening = await intake.task(state.shard, (batch) => batch.strong.open(standing), nobody);
    if (!opening) return false;
    homes.beat();
    while (isStill() && !state.strong.serves(opening.home)) await watch.next(left());
    return state.strong.serves(opening.home);
  }

  /** A question of another region that stands, or would. */
  async promise(state: ShardState, epoch: Epoch): Promise<Extract<Answer, { readonly kind: 'promised' }>> {
    const { intake, watch } = this.parts;
    const given: Promised = await intake.task(state.shard, (batch) => batch.strong.promise(epoch), nobody);
    watch.moved();
    const granted = given.kind === 'granted';
    const position = granted ? given.position : this.position(state);
    const promised = granted ? epoch : given.promised;
    state.strong.hear(promised);
    return { kind: 'promised', granted, promised, position, stored: storedVector(state) };
  }

  vote(state: ShardState, epoch: Epoch): Extract<Answer, { readonly kind: 'vote' }> {
    const { record } = state.strong;
    const yes = wouldPromise(record, epoch, this.parts.homes.hearsHome(state));
    return { kind: 'vote', yes, promised: record.promised };
  }

  private next({ strong }: ShardState): Epoch {
    return nextEpoch(laterEpoch(strong.heard, strong.record.promised), firstMembership);
  }

  private position({ strong, cursors }: ShardState): Position {
    const stored = (actor: Actor): number => cursors.get(actor)?.stored ?? 0;
    return positionOf(strong.record.openings, stored);
  }
}
