import type { Actor } from '#core/causality/dot.js';
import type { VersionVector } from '#core/causality/version-vector.js';
import { AtollError } from '#core/errors.js';
import { laterEpoch, nextEpoch, sameEpoch, type Epoch } from '#core/strong/epoch.js';
import { isMajority, mayStand, withoutMember } from '#core/strong/membership.js';
import { candidacy, wouldPromise, type Candidacy, type Promised } from '#core/strong/promises.js';
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
import { isOfTheWorld } from './is-of-the-world.js';
import type { KnownMemberships } from './known-memberships.js';
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
  readonly memberships: KnownMemberships;
  /** Whether any declared type is strong: else nobody stands where nothing was ever strong, but promises and acks are given. */
  readonly isNeeded: boolean;
  /** Asks another region to become the home, as a planned handover. */
  readonly handOver: (shard: number, to: string) => Promise<unknown>;
  /** What a region stores is missing here. */
  readonly wants: (region: string, shard: number, stored: VersionVector) => void;
}

/** How often a target that was outbid stands again, each time above what it has heard. */
const standsMax = 4;

/** How long a target may take to fetch what it adopts and to see its opening decided, in elections' time. */
const standingElections = 3;

/** How often a process that is told nothing looks for a later membership, in rounds. */
const membershipRounds = 4;

const nobody = (): readonly never[] => [];

/** By region, its position when it promised. */
type Promises = ReadonlyMap<string, Position>;

/** Finds a home where none is heard, and makes one of this region when it is asked to (PROTOCOL §8). */
export class Elections {
  private readonly rounds: Rounds;
  private readonly underWay = new Set<Promise<void>>();
  private count = 0;

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
    await this.parts.memberships.stop();
  }

  private round(): void {
    this.parts.homes.beat();
    this.learn();
    for (const shard of this.parts.intake.owned()) this.look(shard);
  }

  /** Looks for a later membership where nobody says that there is one, and at once where somebody has spoken of it. */
  private learn(): void {
    const { intake, memberships } = this.parts;
    this.count += 1;
    const { number } = memberships.latest;
    const isBehind = intake
      .owned()
      .some((shard) => (intake.stateOf(shard)?.strong.heard.membership ?? 0) > number);
    if (isBehind || this.count % membershipRounds === 1) memberships.refreshSoon();
  }

  private look(shard: number): void {
    const { intake, homes, clock, memberships, log } = this.parts;
    const state = intake.stateOf(shard);
    const hearing = homes.of(shard);
    if (!state || !hearing || hearing.isStanding) return;
    // Also where no declared type is strong: one may have been moved.
    if (!this.parts.isNeeded && state.strong.isUntouched) return;
    const now = clock.monotonicMillis();
    const { latest } = memberships;
    const isOutdated = state.strong.record.promised.membership < latest.number;
    if (isOutdated && state.strong.serves(log.identity.actor)) {
      this.begin(hearing, () => this.renew(state));
      return;
    }
    if (homes.hearsHome(state, latest.number)) {
      hearing.quietSince = now;
      hearing.patienceMillis = undefined;
      return;
    }
    if (!mayStand(latest, log.identity.region)) return;
    hearing.patienceMillis ??= this.patience(state);
    if (now - hearing.quietSince < hearing.patienceMillis) return;
    this.begin(hearing, () => this.campaign(state));
  }

  private begin(hearing: Hearing, work: () => Promise<void>): void {
    hearing.isStanding = true;
    const running = work()
      .catch((error: unknown) => {
        if (!isOfTheWorld(error)) throw error;
        this.parts.telemetry.log('info', 'no home was found', { reason: error.message });
      })
      .finally(() => {
        hearing.isStanding = false;
        hearing.quietSince = this.parts.clock.monotonicMillis();
        hearing.patienceMillis = undefined;
        this.underWay.delete(running);
      });
    this.underWay.add(running);
  }

  /** A home of an earlier membership opens an epoch in the latest, or hands over to one of it where it may not stand. */
  private async renew(state: ShardState): Promise<void> {
    const { memberships, log, handOver } = this.parts;
    if (mayStand(memberships.latest, log.identity.region)) {
      await this.standWith(state);
      return;
    }
    const [to] = this.candidates(state.shard);
    if (to !== undefined) await handOver(state.shard, to);
  }

  /** Who may stand for a shard; the first of them differs from shard to shard. */
  candidates(shard: number): readonly string[] {
    const { latest } = this.parts.memberships;
    const order = latest.members.filter((region) => mayStand(latest, region));
    const first = shard % order.length;
    return [...order.slice(first), ...order.slice(0, first)];
  }

  /** The first homes are spread over the regions: each shard's own order says who stands first. */
  private patience({ shard, strong }: ShardState): number {
    const { timing, random, log } = this.parts;
    if (!strong.isUntouched) return timing.electionMillis * (1 + random.fraction());
    const rank = this.candidates(shard).indexOf(log.identity.region);
    return timing.electionMillis * (rank + random.fraction() / 4);
  }

  /** Asks first whether a majority would promise: who is cut off must not outbid a home that others hear. */
  private async campaign(state: ShardState): Promise<void> {
    const { questions, memberships, timing, log } = this.parts;
    const epoch = await this.next(state);
    const members = memberships.membersOf(epoch.membership);
    const yes = new Set<string>();
    if (wouldPromise(state.strong.record, epoch, false)) yes.add(log.identity.region);
    const isEnough = (): boolean => isMajority(members, (region) => yes.has(region));
    const asked = { kind: 'prevote', shard: state.shard, epoch } as const;
    const expected = { kind: 'vote', millisMax: timing.strongAskMillisMax } as const;
    if (!isEnough())
      await questions.all(asked, expected, (region, vote) => {
        state.strong.hear(vote.promised);
        if (vote.yes) yes.add(region);
        return isEnough();
      });
    if (isEnough()) await this.standWith(state);
  }

  /**
   * Makes this region the home.
   *
   * @param stopped a member that an operator states to be stopped for good: it is not waited for (PROTOCOL §8, N = 2)
   * @throws AtollError no_majority, not_home, invalid_request
   */
  async stand(state: ShardState, stopped?: string): Promise<Epoch> {
    const { homes, memberships, log } = this.parts;
    if (!mayStand(memberships.latest, log.identity.region))
      throw new AtollError('invalid_request', `${log.identity.region} may not be the home of a shard`);
    const { number } = memberships.latest;
    state.strong.overruled = stopped === undefined ? undefined : { region: stopped, membership: number };
    const hearing = homes.of(state.shard);
    if (hearing) hearing.isStanding = true;
    try {
      return await this.standWith(state);
    } finally {
      if (hearing) hearing.isStanding = false;
    }
  }

  private async standWith(state: ShardState): Promise<Epoch> {
    const { telemetry } = this.parts;
    for (let tries = 0; tries < standsMax; tries += 1) {
      const epoch = await this.next(state);
      const promises = await this.collect(state, epoch);
      const chosen = this.candidacy(state, epoch, promises);
      if (chosen.kind !== 'chosen') continue;
      if (!(await this.open(state, { epoch, adopted: chosen.adopt }))) continue;
      telemetry.count('epochs_opened_total');
      return epoch;
    }
    throw new AtollError('no_majority', 'no majority of regions promised the epoch');
  }

  private candidacy({ strong }: ShardState, { membership }: Epoch, promises: Promises): Candidacy {
    const { all } = this.parts.memberships;
    const { overruled } = strong;
    const isOverruled = overruled?.membership === membership;
    return candidacy(promises, isOverruled ? withoutMember(all, overruled.region) : all, membership);
  }

  /** Promises of this region's own row and of the others, with the position of each. */
  private async collect(state: ShardState, epoch: Epoch): Promise<Promises> {
    const { intake, questions, log, timing } = this.parts;
    const promises = new Map<string, Position>();
    const { shard } = state;
    const own = await intake.task(shard, (batch) => batch.strong.promise(epoch), nobody);
    if (own.kind === 'refused') {
      state.strong.hear(own.promised);
      return promises;
    }
    promises.set(log.identity.region, own.position);
    const isEnough = (): boolean => this.candidacy(state, epoch, promises).kind !== 'waiting';
    if (isEnough()) return promises;
    const asked = { kind: 'promise', shard, epoch } as const;
    const expected = { kind: 'promised', millisMax: timing.strongAskMillisMax } as const;
    await questions.all(asked, expected, (region, answer) => {
      state.strong.hear(answer.promised);
      if (!answer.granted) return false;
      promises.set(region, answer.position);
      if (!reaches(this.position(state), answer.position)) this.parts.wants(region, shard, answer.stored);
      return isEnough();
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
    const yes = wouldPromise(record, epoch, this.parts.homes.hearsHome(state, epoch.membership));
    return { kind: 'vote', yes, promised: record.promised };
  }

  /** @throws AtollError not_home */
  private async next({ strong }: ShardState): Promise<Epoch> {
    const { memberships } = this.parts;
    const heard = laterEpoch(strong.heard, strong.record.promised);
    if (heard.membership > memberships.latest.number) await memberships.refresh();
    const next = nextEpoch(heard, memberships.latest.number);
    if (next) return next;
    throw new AtollError('not_home', `membership ${heard.membership} has not been decided here yet`);
  }

  private position({ strong, cursors }: ShardState): Position {
    const stored = (actor: Actor): number => cursors.get(actor)?.stored ?? 0;
    return positionOf(strong.record.openings, stored);
  }
}
