import type { Dot } from '#core/causality/dot.js';
import { join, withDot, type VersionVector } from '#core/causality/version-vector.js';
import { dependenciesOf } from '#core/consistency/dependencies.js';
import { joinSessions, sessionWith } from '#core/consistency/session-token.js';
import { AtollError } from '#core/errors.js';
import type { Event } from '#core/event/event.js';
import { birthOf, mutationIdLengthMax } from '#core/event/mutation-id.js';
import { shardFor } from '#core/event/shard-of.js';
import { isWellFormed } from '#core/event/text-limits.js';
import type { EntityTypes } from '#core/merge/entity-type.js';
import type { Epoch } from '#core/strong/epoch.js';
import type { Timing } from '../limits.js';
import { sleep, type Clock } from '../ports/clock.js';
import { CommitUnknown, LogUnavailable, type EventLog } from '../ports/event-log.js';
import { PeerUnavailable, type RightsAnswer, type RightsRequest, type Siblings } from '../ports/peers.js';
import type { Hashing, Random } from '../ports/record-auth.js';
import type { Telemetry } from '../ports/telemetry.js';
import type { RegionCursors } from '../read/region-cursors.js';
import type { Sessions } from '../read/sessions.js';
import { within } from '../deadline.js';
import type { StrongDesk } from '../strong/strong-desk.js';
import {
  AcksIncomplete,
  type Command,
  type PartOutcome,
  type WriteOptions,
  type WriteOutcome,
} from '../service.js';
import { acksAsked, checkAsked } from './before-routing.js';
import { countOutcome } from './command-outcomes.js';
import { decideByMode, type ByModeParts } from './decide-by-mode.js';
import type { Admission } from './admission.js';
import {
  decodeForward,
  decodeOutcome,
  encodeFailure,
  encodeForward,
  encodeOutcome,
  lastDot,
  type ForwardedOutcome,
} from './command-codec.js';
import type { Confirmations } from './confirmations.js';
import type { Intake } from './intake.js';
import { mayBeStored, unanswered, type Committed } from './queues.js';
import type { MutationHorizon } from './mutation-horizon.js';
import type { Ownership } from './ownership.js';
import { prepareCommand, type PreparedCommand } from './prepared-command.js';
import type { LeasedWrites } from '../rights/leased-writes.js';
import type { Reclaims } from '../rights/reclaims.js';
import type { RightsDesk } from '../rights/rights-desk.js';
import type { CursorWatch } from './wake.js';

export interface RouterParts {
  readonly admission: Admission;
  readonly log: EventLog;
  readonly clock: Clock;
  readonly timing: Timing;
  readonly telemetry: Telemetry;
  readonly hashing: Hashing;
  readonly random: Random;
  readonly siblings: Siblings;
  readonly intake: Intake;
  readonly ownership: Ownership;
  readonly horizon: MutationHorizon;
  readonly cursors: RegionCursors;
  readonly sessions: Sessions;
  readonly watch: CursorWatch;
  readonly confirmations: Confirmations;
  readonly members: readonly string[];
  readonly stable: (shard: number) => VersionVector;
  readonly types: EntityTypes;
  readonly rights: RightsDesk;
  readonly leased: LeasedWrites;
  readonly reclaims: Reclaims;
  readonly desk: StrongDesk;
}

/** A mutation id may be this far ahead of this region's clock: another region made it by its own. */
const birthAheadMillisMax = 3_600_000;

/** With less time than this left, a command that waits for events is not tried again. */
const lastTryMillisMin = 5;

/** What the owner of a shard has to say at the deadline says more than that it passed. */
const lastWordMillis = 20;

/** A request for rights is answered within this time, or the asking region turns to the next. */
const grantMillisMax = 1_000;

/** How often a command that waits for something to become stable looks again. */
const stabilityLookMillis = 50;

/** How long a command waits before it asks again who owns its shard. */
const ownerRetryMillis = 25;

/** What became of a command. Its token is signed when it is asked for: of many writes in one request only some are. */
class Written implements WriteOutcome {
  readonly mutationId: string;
  readonly dot: Dot;
  readonly shard: number;
  readonly seen: VersionVector;
  readonly replayed: boolean;
  readonly confirmed: readonly string[];
  readonly also?: readonly PartOutcome[];
  readonly epoch?: Epoch;
  private issued: string | undefined;

  constructor(
    { mutationId, dot, shard, seen, replayed, confirmed, also, epoch }: Omit<WriteOutcome, 'session'>,
    private readonly issue: () => string,
  ) {
    this.mutationId = mutationId;
    this.dot = dot;
    this.shard = shard;
    this.seen = seen;
    this.replayed = replayed;
    this.confirmed = confirmed;
    if (also) this.also = also;
    if (epoch) this.epoch = epoch;
  }

  get session(): string {
    return (this.issued ??= this.issue());
  }
}

/** Station 1's way in: checks what a command depends on, and brings it to the owner of its shard. */
export class Router {
  private readonly byMode: ByModeParts;

  constructor(private readonly parts: RouterParts) {
    this.byMode = { ...parts, decideHere: this.decideHere.bind(this) };
  }

  /** @throws AtollError */
  async submit(command: Command, options: WriteOptions): Promise<WriteOutcome> {
    checkAsked(command, this.parts);
    return this.submitOwn(command, options);
  }

  /** Also with operations that only regions may send. @throws AtollError */
  submitOwn(command: Command, options: WriteOptions): Promise<WriteOutcome> {
    const { admission, telemetry } = this.parts;
    return admission.command(() =>
      countOutcome(this.written(command, options), command.entity.type, telemetry),
    );
  }

  private async written(command: Command, options: WriteOptions): Promise<WriteOutcome> {
    const { clock, sessions, cursors, log, hashing, random } = this.parts;
    const deadlineMillis = clock.monotonicMillis() + options.maxWaitMillis;
    const { types, members } = this.parts;
    const asked = { types, members: members.length, isStrong: false };
    const forRegion = acksAsked(options.acks, command, asked);
    if (command.mutationId !== undefined) this.checkMutationId(command.mutationId);
    const mutationId = command.mutationId ?? random.mutationId(log.identity.region, clock.wallMillis());
    const session = sessions.read(command.session);
    const causal = command.consistency === 'causal';
    if (session.size > 0) await cursors.cover(session, causal ? 'causal' : 'stored', deadlineMillis);
    const shard = this.shardOf(command);
    const prepared = prepareCommand(
      command,
      {
        mutationId,
        depends: session.get(shard),
        dependencies: causal ? dependenciesOf(session, this.parts.stable) : undefined,
        acks: options.acks,
        asksAcks: forRegion.needed > 0 || this.parts.leased.concerns(command),
      },
      hashing,
    );
    const outcome = await this.bring(shard, prepared, deadlineMillis);
    const { dot, seen, replayed, dependencies: kept, also, epoch } = outcome;
    const isStrong = epoch !== undefined;
    const { needed } = isStrong ? acksAsked(options.acks, command, { ...asked, isStrong }) : forRegion;
    const last = lastDot(outcome);
    const more = { ...(also && { also }), ...(epoch && { epoch }) };
    const known = { mutationId, dot, shard, seen, replayed, confirmed: [], ...more };
    const issue = (): string => {
      const allSeen = also ? also.reduce((joined, part) => join(joined, part.seen), seen) : seen;
      const after = sessionWith(session, shard, withDot(allSeen, last));
      return sessions.issue(kept ? joinSessions(after, kept) : after);
    };
    if (needed === 0) return new Written(known, issue);
    const event = isStrong ? { shard, dot: last, replayed: true, isElsewhere: true } : known;
    const { confirmed, unconfirmed } = await this.parts.confirmations.wait(event, { needed, deadlineMillis });
    const written = new Written({ ...known, confirmed }, issue);
    if (confirmed.length < needed) throw new AcksIncomplete(written, unconfirmed);
    return written;
  }

  private shardOf({ entity }: Pick<Command, 'entity'>): number {
    const { log, types } = this.parts;
    return shardFor(entity, { shards: log.identity.shards, types });
  }

  /** Another region asks for rights. What refuses it is in the answer. @throws AtollError when nobody knows what became of it */
  async grantRights({
    entity,
    field,
    side,
    to,
    need,
    want,
    mutationId,
  }: RightsRequest): Promise<RightsAnswer> {
    const command: Command = {
      ...{ entity, kind: 'update', mutationId },
      operations: [{ field, op: 'grant', to, of: side, need, want }],
    };
    try {
      const { dot } = await this.submitOwn(command, { maxWaitMillis: grantMillisMax });
      return { kind: 'granted', dot };
    } catch (error) {
      const isFinal = error instanceof AtollError && !error.retryable;
      if (!isFinal) throw error;
      return { kind: 'refused', reason: error.code };
    }
  }

  /** The owner's side of a forwarded command: one hop, never passed on again. */
  async serveForward(payload: Uint8Array): Promise<Uint8Array> {
    const { hashing, clock, telemetry } = this.parts;
    telemetry.count('forwarded_commands_total');
    const { command, waitMillis } = decodeForward(payload, hashing);
    try {
      const shard = this.shardOf(command);
      return encodeOutcome(await this.decide(shard, command, clock.monotonicMillis() + waitMillis), hashing);
    } catch (error) {
      if (error instanceof AtollError) return encodeFailure(error, hashing);
      throw error;
    }
  }

  /** To the owner, wherever it is, until the deadline: an owner that moved is looked up again. */
  private async bring(
    shard: number,
    command: PreparedCommand,
    deadlineMillis: number,
  ): Promise<ForwardedOutcome> {
    const { clock, watch } = this.parts;
    let isInDoubt = false;
    for (let attempt = command; ; attempt = { ...command, isFirstTry: false }) {
      try {
        if (this.parts.intake.stateOf(shard)) return await this.decide(shard, attempt, deadlineMillis);
        return await this.forward(shard, attempt, deadlineMillis);
      } catch (error) {
        if (!(error instanceof AtollError)) throw error;
        isInDoubt ||= error.cause instanceof PeerUnavailable;
        const left = deadlineMillis - clock.monotonicMillis();
        if (error.code !== 'owner_moved' || left <= 0) throw isInDoubt ? mayBeStored(error) : error;
        this.parts.ownership.refresh();
        await watch.next(Math.min(left, ownerRetryMillis));
      }
    }
  }

  private async forward(
    shard: number,
    command: PreparedCommand,
    deadlineMillis: number,
  ): Promise<ForwardedOutcome> {
    const { ownership, siblings, hashing, clock, log } = this.parts;
    const owner = ownership.owners().find((row) => row.shard === shard);
    if (!owner || owner.address === '')
      throw new AtollError('owner_moved', 'the shard has no owner at the moment');
    const waitMillis = Math.max(1, deadlineMillis - clock.monotonicMillis());
    try {
      const forwarded = siblings.forward(owner.address, encodeForward({ command, waitMillis }, hashing));
      // An owner that stands still is connected, and answers nothing.
      const late = { deadlineMillis: deadlineMillis + lastWordMillis, late: unanswered };
      return decodeOutcome(await within(clock, forwarded, late), hashing);
    } catch (error) {
      if (!(error instanceof PeerUnavailable)) throw error;
      // The command may have been stored: the mutation id makes it safe to try again.
      throw new AtollError(
        'owner_moved',
        `the owner of the shard in ${log.identity.region} does not answer`,
        { cause: error },
      );
    }
  }

  /** By the owner of the shard: eventual commands here, strong ones at the home of the shard. */
  private decide(shard: number, command: PreparedCommand, deadlineMillis: number): Promise<ForwardedOutcome> {
    return decideByMode(this.byMode, shard, command, deadlineMillis);
  }

  /** In this process, waiting for what the session depends on where an event of the entity is not folded yet. */
  async decideHere(
    shard: number,
    command: PreparedCommand,
    deadlineMillis: number,
  ): Promise<ForwardedOutcome> {
    const { intake, clock, rights, leased } = this.parts;
    for (let attempt = command; ; attempt = { ...command, isFirstTry: false }) {
      try {
        rights.checkGrant(shard, command);
        const committed = await intake.submit(shard, attempt, deadlineMillis);
        if (rights.concerns(command)) rights.lookAhead(shard, command);
        if (leased.concerns(command)) await leased.confirm(shard, command, committed, deadlineMillis);
        if (hasSeen(committed)) return committed;
        return { ...committed, ...(await this.earlier(shard, committed.dot)) };
      } catch (error) {
        if (!(error instanceof AtollError)) throw error;
        // Who tried once more at the very end could only be told that nobody knows what became of it.
        const lastTryMillis = deadlineMillis - lastTryMillisMin;
        if (clock.monotonicMillis() >= lastTryMillis) throw error;
        const told = await this.untilItMayDo(shard, command, { error, untilMillis: lastTryMillis });
        if (clock.monotonicMillis() >= lastTryMillis) throw told;
      }
    }
  }

  /** Waits for what a refused command lacks, as far as that can come. @returns the error, with what was learned meanwhile */
  private async untilItMayDo(
    shard: number,
    command: PreparedCommand,
    { error, untilMillis }: { readonly error: AtollError; readonly untilMillis: number },
  ): Promise<AtollError> {
    const { clock, watch, rights } = this.parts;
    const left = untilMillis - clock.monotonicMillis();
    switch (error.code) {
      case 'not_covered_yet':
        await watch.next(left);
        return error;
      case 'not_yet_stable':
        await sleep(clock, Math.min(left, stabilityLookMillis));
        return error;
      case 'rights_lapsed':
        await this.parts.reclaims.object(shard, command.entity);
        await watch.next(Math.min(untilMillis - clock.monotonicMillis(), stabilityLookMillis));
        return error;
      case 'insufficient_rights': {
        const wanted = rights.shortOf(shard, command, error);
        if (wanted === undefined) throw error;
        const { isHopeless, told } = await rights.find(wanted, command.operations, untilMillis);
        const complete = told === '' ? error : new AtollError(error.code, error.message + told, error);
        if (isHopeless) throw complete;
        return complete;
      }
      default:
        throw error;
    }
  }

  /** What became of a command that was stored before, and of the further parts of an atomic one: each event's context and its own dot. */
  private async earlier(shard: number, dot: Dot): Promise<Pick<ForwardedOutcome, 'seen' | 'also'>> {
    try {
      const first = await this.storedAt(shard, dot);
      if (!first?.group) return { seen: seenAfter(first, dot) };
      const dots = Array.from({ length: first.group.size - 1 }, (_, at) => ({
        ...dot,
        seq: dot.seq + at + 1,
      }));
      const rest = await Promise.all(dots.map((one) => this.storedAt(shard, one)));
      const also = dots.map((one, at) => ({ dot: one, seen: seenAfter(rest[at], one) }));
      return { seen: seenAfter(first, dot), also };
    } catch (error) {
      if (!(error instanceof LogUnavailable) && !(error instanceof CommitUnknown)) throw error;
      throw new AtollError('unavailable', 'the database does not answer; the command was stored before', {
        cause: error,
      });
    }
  }

  private async storedAt(shard: number, { actor, seq }: Dot): Promise<Event | undefined> {
    const range = { shard, actor, from: seq, limit: 1, bytesMax: Number.MAX_SAFE_INTEGER };
    const [stored] = await this.parts.log.range(range);
    return stored?.event.dot.seq === seq ? stored.event : undefined;
  }

  private checkMutationId(id: string): void {
    if (id.length === 0 || id.length > mutationIdLengthMax || !isWellFormed(id)) {
      throw new AtollError('invalid_mutation_id', `a mutation id has 1 to ${mutationIdLengthMax} characters`);
    }
    const birth = birthOf(id);
    if (!birth) return;
    const now = this.parts.clock.wallMillis();
    const { horizon, timing } = this.parts;
    if (birth.bornMillis <= Math.max(horizon.millis, now - timing.mutationRetentionMillis)) {
      throw new AtollError(
        'mutation_expired',
        'the mutation id is older than its record is kept; the command was not executed',
      );
    }
    if (birth.bornMillis > now + birthAheadMillisMax) {
      throw new AtollError('invalid_mutation_id', 'the mutation id was born in the future');
    }
  }
}

function hasSeen(committed: Committed): committed is Committed & ForwardedOutcome {
  return committed.seen !== undefined;
}

function seenAfter(event: Event | undefined, { actor, seq }: Dot): VersionVector {
  const own = new Map([[actor, seq]]);
  return event ? join(event.context, own) : own;
}
