import { regionOf } from '#core/causality/dot.js';
import { AtollError } from '#core/errors.js';
import type { Position } from '#core/strong/strong-chain.js';
import { comparePositions, openingOf } from '#core/strong/strong-chain.js';
import { compareEpochs, isAbove, noEpoch, sameEpoch } from '#core/strong/epoch.js';
import { ackOf, decidedBy, homeEpoch, type Ack } from '#core/strong/promises.js';
import { isMajority } from '#core/strong/membership.js';
import type { Intake } from '../accept/intake.js';
import type { ShardState } from '../accept/shard-state.js';
import type { CursorWatch } from '../accept/wake.js';
import type { Timing } from '../limits.js';
import type { Clock } from '../ports/clock.js';
import type { EventLog, ShardOwner } from '../ports/event-log.js';
import { PeerUnavailable, type Peers, type Siblings } from '../ports/peers.js';
import type { Hashing } from '../ports/record-auth.js';
import type { KnownMemberships } from './known-memberships.js';
import { decodeTold, encodeTold, relayTold, type Told } from './messages.js';
import type { Undecided } from './strong-shard.js';

export interface HomesParts {
  readonly log: EventLog;
  readonly peers: Peers;
  readonly siblings: Siblings;
  readonly clock: Clock;
  readonly timing: Timing;
  readonly hashing: Hashing;
  readonly intake: Intake;
  readonly watch: CursorWatch;
  /** All configured regions. */
  readonly members: readonly string[];
  readonly memberships: KnownMemberships;
  readonly owners: () => readonly ShardOwner[];
  /** Where siblings reach this process. */
  readonly address: string;
}

/** What an owner has heard about one shard since it took it over. Nothing of it has to outlive it. */
export interface Hearing {
  /** Furthest ack of each other member. */
  readonly acks: Map<string, Ack>;
  /** When each other member last said that it promises the epoch of this home (monotonic milliseconds). */
  readonly ackedAt: Map<string, number>;
  /** When the home was last heard, and which region that was. */
  homeAt: number;
  homeRegion: string | undefined;
  /** Number of the membership that the home's epoch is of. */
  homeMembership: number;
  /** Since when neither a home is heard here nor one was looked for. */
  quietSince: number;
  /** How long that may be before one is looked for: drawn anew each time. */
  patienceMillis: number | undefined;
  isStanding: boolean;
}

/**
 * What regions tell each other about strong shards without being asked: homes that they are there and how far they are
 * decided, members what they hold. From it a home knows what is decided, and everybody who the home is (PROTOCOL §8).
 */
export class Homes {
  private readonly hearings = new Map<number, Hearing>();

  constructor(private readonly parts: HomesParts) {
    parts.peers.onTold((region, payload) => this.told(region, decodeTold(payload, parts.hashing), true));
  }

  own(state: ShardState): void {
    this.hearings.set(state.shard, {
      acks: new Map(),
      ackedAt: new Map(),
      homeAt: this.now,
      homeRegion: undefined,
      homeMembership: 0,
      quietSince: this.now,
      patienceMillis: undefined,
      isStanding: false,
    });
    if (state.shard === this.parts.memberships.systemShard) this.parts.memberships.refreshSoon();
    if (state.strong.undecided.size > 0 || !state.strong.isUntouched) this.committed(state);
  }

  lost(shard: number): void {
    this.hearings.delete(shard);
  }

  of(shard: number): Hearing | undefined {
    return this.hearings.get(shard);
  }

  /** The strong log of a shard has changed here: the home hears of it at once, never by heartbeat. */
  committed(state: ShardState): void {
    const { strong } = state;
    if (strong.hasNewMembers) this.parts.memberships.refreshSoon();
    strong.hasNewMembers = false;
    const opening = openingOf(strong.record.openings, strong.record.promised);
    if (!opening) return;
    if (homeEpoch(strong.record, this.ownActor)) this.count(state);
    else this.tell(regionOf(opening.home), { kind: 'ack', shards: [[state.shard, this.ackOf(state)]] });
    this.settle(state);
    this.parts.watch.moved();
  }

  /** What this process's own homes have to say now and then; answers nothing where nobody is home. */
  beat(): void {
    const shards: (readonly [number, Position])[] = [];
    for (const shard of this.parts.intake.owned()) {
      const state = this.parts.intake.stateOf(shard);
      const hearing = this.hearings.get(shard);
      if (!state || !hearing) continue;
      const { strong } = state;
      if (strong.isUntouched || !strong.isHome(this.ownActor)) continue;
      strong.cutOff = !this.hearsMajority(state, hearing);
      // Who decides may have become known only since the acks were heard.
      if (!strong.serves(this.ownActor) && this.count(state)) this.settle(state);
      shards.push([shard, this.progress(state)]);
    }
    if (shards.length > 0) this.tellAll({ kind: 'beat', shards });
  }

  /** Whether a home hears a majority, itself included. */
  private hearsMajority(state: ShardState, { ackedAt }: Hearing): boolean {
    const since = this.now - this.parts.timing.electionMillis;
    const own = regionOf(this.ownActor);
    return isMajority(
      this.deciding(state),
      (region) => region === own || (ackedAt.get(region) ?? -Infinity) >= since,
    );
  }

  /** Whose acks count in the epoch that is promised here. */
  private deciding({ strong }: ShardState): readonly string[] {
    const { membership } = strong.record.promised;
    const members = this.parts.memberships.membersOf(membership);
    const { overruled } = strong;
    if (overruled?.membership !== membership) return members;
    return members.filter((region) => region !== overruled.region);
  }

  /**
   * Whether somebody serves, as far as this member can hear: then it would promise nobody anything. A home whose epoch is
   * of an earlier membership is to be followed by one of the later.
   */
  hearsHome(state: ShardState, membership: number): boolean {
    const hearing = this.hearings.get(state.shard);
    if (!hearing) return false;
    const { strong } = state;
    if (strong.isHome(this.ownActor))
      return strong.record.promised.membership >= membership && this.hearsMajority(state, hearing);
    const isHeard = this.now - hearing.homeAt < this.parts.timing.electionMillis;
    return isHeard && hearing.homeRegion !== undefined && hearing.homeMembership >= membership;
  }

  /** Where strong operations of the shard go, as far as its owner here knows. */
  homeOf(state: ShardState): string | undefined {
    const { strong } = state;
    const promised = openingOf(strong.record.openings, strong.record.promised);
    if (promised) return regionOf(promised.home);
    const heard = this.hearings.get(state.shard)?.homeRegion;
    return heard;
  }

  ackOf({ strong, cursors }: ShardState): Ack {
    return ackOf(strong.record, (actor) => cursors.get(actor)?.stored ?? 0);
  }

  /** What a sibling passed on, for shards that this process owns. */
  relayed(region: string, payload: Uint8Array): void {
    this.told(region, decodeTold(payload, this.parts.hashing), false);
  }

  private told(region: string, told: Told, mayPassOn: boolean): void {
    if (!this.parts.members.includes(region)) return;
    const answers: (readonly [number, Ack])[] = [];
    let isForeign = false;
    if (told.kind === 'ack') {
      for (const [shard, ack] of told.shards) isForeign = !this.heardAck(region, shard, ack) || isForeign;
    } else {
      for (const [shard, decided] of told.shards) {
        const state = this.parts.intake.stateOf(shard);
        if (!state) isForeign = true;
        else {
          this.heardBeat(region, state, decided);
          answers.push([shard, this.ackOf(state)]);
        }
      }
      if (answers.length > 0) this.tell(region, { kind: 'ack', shards: answers });
    }
    if (isForeign && mayPassOn) this.passOn(region, told);
  }

  private heardAck(region: string, shard: number, ack: Ack): boolean {
    const state = this.parts.intake.stateOf(shard);
    const hearing = this.hearings.get(shard);
    if (!state || !hearing) return false;
    const { strong } = state;
    strong.hear(ack.promised);
    if (sameEpoch(ack.promised, strong.record.promised)) hearing.ackedAt.set(region, this.now);
    const known = hearing.acks.get(region);
    if (!known || !isEarlier(ack, known)) hearing.acks.set(region, ack);
    if (homeEpoch(strong.record, this.ownActor) && this.count(state)) this.settle(state);
    return true;
  }

  private heardBeat(region: string, state: ShardState, decided: Position): void {
    const { strong } = state;
    const hearing = this.hearings.get(state.shard);
    strong.hear(decided.epoch);
    if (!hearing || isAbove(strong.record.promised, decided.epoch)) return;
    hearing.homeAt = this.now;
    hearing.homeMembership = decided.epoch.membership;
    if (hearing.homeRegion !== region) {
      hearing.homeRegion = region;
      this.parts.watch.moved();
    }
    // Only the home of an epoch says what is decided in it.
    const opening = openingOf(strong.record.openings, decided.epoch);
    if (opening && regionOf(opening.home) === region && decided.seq > 0 && strong.tell(decided))
      this.settle(state);
  }

  /** Counts acks for this home's own epoch; answers whether more is decided than was known. */
  private count(state: ShardState): boolean {
    const { strong } = state;
    const opening = openingOf(strong.record.openings, strong.record.promised);
    const hearing = this.hearings.get(state.shard);
    if (!opening || !hearing) return false;
    const acks = new Map(hearing.acks).set(regionOf(this.ownActor), this.ackOf(state));
    const decided = decidedBy(opening, acks, this.deciding(state));
    if (!decided || !strong.tell(decided)) return false;
    this.tellAll({ kind: 'beat', shards: [[state.shard, decided]] });
    this.parts.watch.moved();
    return true;
  }

  /** What is known to be decided by now is folded, in a batch of its own. */
  private settle(state: ShardState): void {
    const { strong } = state;
    const isDue = [...strong.undecided.values()].some(
      ({ dot, last = dot, epoch }) => epoch === undefined || strong.fate(last, epoch) !== 'undecided',
    );
    if (!isDue || sameEpoch(strong.decided.epoch, noEpoch)) return;
    const subjects = (): readonly {
      readonly entity: Undecided['entity'];
      readonly mutationId: string | undefined;
    }[] =>
      [...strong.undecided.values()].map(({ entity, event }) => ({ entity, mutationId: event?.mutation.id }));
    this.parts.intake
      .task(state.shard, (batch) => batch.strong.settleAll(), subjects)
      .catch((error: unknown) => {
        if (!(error instanceof AtollError)) throw error;
      });
  }

  private progress({ strong }: ShardState): Position {
    const { promised } = strong.record;
    return sameEpoch(strong.decided.epoch, promised) ? strong.decided : { epoch: promised, seq: 0 };
  }

  private tellAll(told: Told): void {
    const payload = encodeTold(told, this.parts.hashing);
    for (const region of this.parts.peers.regions) this.parts.peers.tell(region, payload);
  }

  private tell(region: string, told: Told): void {
    if (!this.parts.peers.regions.includes(region)) return;
    this.parts.peers.tell(region, encodeTold(told, this.parts.hashing));
  }

  /** To the siblings that own shards it speaks of: they may have no connection of their own to that region. */
  private passOn(region: string, told: Told): void {
    const { hashing, intake, siblings, owners } = this.parts;
    const shards = new Set(told.shards.map(([shard]) => shard).filter((shard) => !intake.stateOf(shard)));
    const addresses = new Set(owners().flatMap((row) => (shards.has(row.shard) ? [row.address] : [])));
    const payload = relayTold(region, encodeTold(told, hashing), hashing);
    for (const address of addresses) {
      if (address === '' || address === this.parts.address) continue;
      siblings.forward(address, payload).catch((error: unknown) => {
        if (!(error instanceof PeerUnavailable) && !(error instanceof AtollError)) throw error;
      });
    }
  }

  private get ownActor(): string {
    return this.parts.log.identity.actor;
  }

  private get now(): number {
    return this.parts.clock.monotonicMillis();
  }
}

/** Whether a member has said more since: acks overtake each other. */
function isEarlier(ack: Ack, known: Ack): boolean {
  const order = compareEpochs(ack.promised, known.promised) || comparePositions(ack.position, known.position);
  return order < 0;
}
