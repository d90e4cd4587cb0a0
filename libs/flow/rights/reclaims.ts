import { formatDot, parseDot, regionOf, type Actor, type Dot } from '#core/causality/dot.js';
import { seqOf } from '#core/causality/version-vector.js';
import { majorityOf } from '#core/consistency/acks.js';
import { AtollError } from '#core/errors.js';
import type { EntityRef } from '#core/event/event.js';
import { entityKey } from '#core/event/shard-of.js';
import { isAgreed } from '#core/merge/closing-decide.js';
import type { Closing } from '#core/merge/closings.js';
import type { EntityState } from '#core/merge/entity-state.js';
import type { EntityType, EntityTypes } from '#core/merge/entity-type.js';
import type { EntityCache } from '../accept/entity-cache.js';
import type { Intake } from '../accept/intake.js';
import type { CursorWatch } from '../accept/wake.js';
import type { Timing } from '../limits.js';
import type { Clock } from '../ports/clock.js';
import { CommitUnknown, LogUnavailable, type RegionIdentity } from '../ports/event-log.js';
import { PeerUnavailable, type Peers } from '../ports/peers.js';
import type { Telemetry } from '../ports/telemetry.js';
import type { Command, WriteOutcome } from '../service.js';
import type { Answer, Question } from '../strong/messages.js';
import type { Questions } from '../strong/questions.js';
import { closingsIn, leaseOf } from './closings-here.js';
import { rightsFields } from './rights-types.js';

export interface ReclaimsParts {
  readonly identity: RegionIdentity;
  readonly members: readonly string[];
  readonly types: EntityTypes;
  readonly clock: Clock;
  readonly timing: Timing;
  readonly telemetry: Telemetry;
  readonly peers: Peers;
  readonly questions: Questions;
  readonly cache: EntityCache;
  readonly intake: Intake;
  readonly watch: CursorWatch;
  /** For how long nothing was heard of a region, in milliseconds. */
  readonly silentMillis: (region: string) => number;
  /** Committed state of an entity that is not in memory. @throws LogUnavailable */
  readonly read: (entity: EntityRef) => Promise<EntityState>;
  /** Another region has minted up to this event: it is fetched if it does not arrive by itself. */
  readonly expect: (shard: number, dot: Dot) => void;
  /** Takes a command of the region's own. @throws AtollError */
  readonly submit: (command: Command, waitMillis: number) => Promise<WriteOutcome>;
}

/** Whose rights to which entity's counters are taken over. */
export interface Takeover {
  readonly entity: EntityRef;
  readonly shard: number;
  readonly of: Actor;
  /** An operator has said that the actor's database is destroyed. */
  readonly stated: boolean;
}

type VoteQuestion = Extract<Question, { readonly kind: 'vote' }>;

/** By its own clock, a region waits so many leases before it takes what another might still use within one. */
const leasesWaited = 2;
const lookMillis = 50;
const ownCommandMillisMax = 2_000;
const askMillisMax = 2_500;
/** How long the others may take to agree, and what is stored elsewhere to arrive. */
const arrivalMillisMax = 3_000;

class GaveUp extends Error {
  override readonly name = 'GaveUp';
}

/**
 * Takes the rights of an actor over that cannot hand them on itself (PROTOCOL §8, ADR 0012). It stands, others agree by
 * events of their own, it waits until no lease of that actor can last any more, folds all that a majority stores of it,
 * and only then takes what is left. What the actor did besides is left out everywhere.
 */
export class Reclaims {
  private readonly running = new Map<string, Promise<boolean>>();
  private stopping = false;

  constructor(private readonly parts: ReclaimsParts) {}

  async stop(): Promise<void> {
    this.stopping = true;
    this.parts.watch.moved();
    await Promise.all(this.running.values());
  }

  /** Whether the silence of a region has lasted so long that its rights to counters of the type may be taken over. */
  isLapsed(type: string, region: string): boolean {
    const leaseMillis = leaseOf(this.parts.types.get(type));
    return leaseMillis !== undefined && this.parts.silentMillis(region) >= leasesWaited * leaseMillis;
  }

  /** Answers whether the rights were taken over; in the process that owns the shard. */
  takeOver(one: Takeover): Promise<boolean> {
    const key = `${entityKey(one.entity)} ${one.of}`;
    const known = this.running.get(key);
    if (known || this.stopping) return known ?? Promise.resolve(false);
    const run = this.run(one).finally(() => {
      this.running.delete(key);
      this.parts.watch.moved();
    });
    this.running.set(key, run);
    return run;
  }

  /** Another region asks whether this one agrees to a closing. @throws AtollError where it does not */
  async vote(question: VoteQuestion): Promise<Answer> {
    const { entity, shard, closing, of, stated } = readVote(question);
    if (!stated && !this.isLapsed(entity.type, regionOf(of)))
      throw new AtollError('precondition_failed', `${regionOf(of)} was heard here not long ago`);
    this.parts.expect(shard, closing);
    await this.giveWay(entity, shard, regionOf(closing.actor));
    const { dot } = await this.say({ entity, shard }, { op: 'vote', closing: formatDot(closing, shard) });
    return { kind: 'event', actor: dot.actor, seq: dot.seq };
  }

  /** Of two regions that stand at once, the one whose name is lower goes on: else neither would find a majority. */
  private async giveWay(entity: EntityRef, shard: number, to: string): Promise<void> {
    const { types, identity, members } = this.parts;
    const type = types.get(entity.type);
    if (!type || identity.region < to) return;
    for (const one of closingsIn(type, await this.stateOf(entity))) {
      if (one.stand.actor !== identity.actor || isAgreed(one, members, leaseOf(type))) continue;
      await this.say({ entity, shard }, { op: 'yield', closing: formatDot(one.stand, shard) });
    }
  }

  /** Whose rights are being closed is there after all, and asks to be left alone. @throws AtollError */
  async yieldTo(question: Extract<Question, { readonly kind: 'yield' }>): Promise<Answer> {
    const { shard, type, id, closing } = question;
    const { dot } = await this.say({ entity: { type, id }, shard }, { op: 'yield', closing });
    return { kind: 'event', actor: dot.actor, seq: dot.seq };
  }

  /** This region's own rights are being closed: those who do that are asked to let go. */
  async object(shard: number, entity: EntityRef): Promise<void> {
    const { types, identity, questions, expect } = this.parts;
    const type = types.get(entity.type);
    if (!type) return;
    const closings = closingsIn(type, await this.stateOf(entity));
    for (const { of, stand, stated } of closings) {
      if (of !== identity.actor || stated) continue;
      const asked = { kind: 'yield', shard, ...entity, closing: formatDot(stand, shard) } as const;
      await this.answered(async () => {
        const { actor, seq } = await questions.one(regionOf(stand.actor), asked, {
          kind: 'event',
          millisMax: askMillisMax,
        });
        expect(shard, { actor, seq });
      });
    }
  }

  private async run(one: Takeover): Promise<boolean> {
    const { types, telemetry } = this.parts;
    const type = types.get(one.entity.type);
    if (!type) return false;
    let stand: Dot | undefined;
    try {
      stand = await this.stand(type, one);
      await this.takeFor(type, one, stand);
      telemetry.count('rights_reclaimed_total', { from: regionOf(one.of) });
      const { entity, of } = one;
      telemetry.log('warn', 'rights were taken over', { entity: entityKey(entity), of, stated: one.stated });
      return true;
    } catch (error) {
      if (!isForeseen(error)) throw error;
      const why = error instanceof Error ? error.message : '';
      telemetry.log('info', 'rights were not taken over', { entity: entityKey(one.entity), of: one.of, why });
      const closing = stand && formatDot(stand, one.shard);
      if (closing) await this.answered(() => this.say(one, { op: 'yield', closing }));
      return false;
    }
  }

  /** A closing of its own that a former owner of the shard began goes on. */
  private async stand(type: EntityType, { entity, shard, of, stated }: Takeover): Promise<Dot> {
    const { actor } = this.parts.identity;
    const open = closingsIn(type, await this.stateOf(entity));
    const known = open.find((one) => one.of === of && one.stand.actor === actor && one.stated === stated);
    if (known) return known.stand;
    return (await this.say({ entity, shard }, { op: 'stand', of, stated })).dot;
  }

  private async takeFor(type: EntityType, one: Takeover, stand: Dot): Promise<void> {
    const { clock, members } = this.parts;
    const leaseMillis = leaseOf(type);
    await this.agreement(type, one, stand);
    const agreedAt = clock.monotonicMillis();
    if (leaseMillis !== undefined) {
      const isOver = (): boolean => clock.monotonicMillis() - agreedAt >= leasesWaited * leaseMillis;
      await this.until(isOver, Infinity, () => one.stated || this.isLapsed(type.name, regionOf(one.of)));
    }
    const others = members.length - 2;
    const upTo = await this.storedElsewhere(
      one,
      leaseMillis === undefined ? others : majorityOf(members.length) - 1,
    );
    this.parts.expect(one.shard, { actor: one.of, seq: upTo });
    const isFolded = (): boolean =>
      (this.parts.intake.stateOf(one.shard)?.cursors.get(one.of)?.folded ?? 0) >= upTo;
    await this.until(isFolded, arrivalMillisMax);
    await this.say(one, { op: 'reclaim', closing: formatDot(stand, one.shard) });
  }

  /** Asks the others to agree, and waits until enough of their events are folded here. */
  private async agreement(type: EntityType, one: Takeover, stand: Dot): Promise<void> {
    const { members, identity, questions, expect } = this.parts;
    const { entity, shard, of, stated } = one;
    const asked = { kind: 'vote', shard, ...entity, closing: formatDot(stand, shard), of, stated } as const;
    const others = members.filter((region) => region !== identity.region && region !== regionOf(of));
    const asking = others.map((region) =>
      this.answered(async () => {
        const { actor, seq } = await questions.one(region, asked, { kind: 'event', millisMax: askMillisMax });
        expect(shard, { actor, seq });
      }),
    );
    let closing: Closing | undefined;
    const look = async (): Promise<void> => {
      const open = closingsIn(type, await this.stateOf(entity));
      closing = open.find((known) => known.stand.seq === stand.seq && known.stand.actor === stand.actor);
    };
    await look();
    const isEnough = (): boolean => closing !== undefined && isAgreed(closing, members, leaseOf(type));
    await this.until(isEnough, arrivalMillisMax, undefined, look);
    await Promise.all(asking);
  }

  /** The furthest event of the actor that so many other regions store between them, asked now. */
  private async storedElsewhere({ shard, of }: Takeover, needed: number): Promise<number> {
    const { peers, intake } = this.parts;
    const told: number[] = [];
    const others = peers.regions.filter((region) => region !== regionOf(of));
    const asking = others.map((region) =>
      this.answered(async () => {
        told.push(seqOf((await peers.cursors(region, shard, askMillisMax)).stored, of));
      }),
    );
    await Promise.all(asking);
    if (told.length < needed) throw new GaveUp('too few regions answer');
    return Math.max(intake.stateOf(shard)?.cursors.get(of)?.stored ?? 0, ...told);
  }

  /** @throws GaveUp when it does not come, or what it rests on does not hold any more */
  private async until(
    isSo: () => boolean,
    millisMax: number,
    mayGoOn: () => boolean = () => true,
    look: () => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    const { clock, watch } = this.parts;
    const giveUpAt = clock.monotonicMillis() + millisMax;
    while (!isSo()) {
      if (this.stopping || clock.monotonicMillis() >= giveUpAt) throw new GaveUp('it took too long');
      if (!mayGoOn()) throw new GaveUp('the region was heard again');
      await watch.next(lookMillis);
      await look();
    }
  }

  /** One event over all counters of the entity. @throws AtollError */
  private say(
    { entity }: Pick<Takeover, 'entity' | 'shard'>,
    operation: { readonly op: string; readonly [argument: string]: string | boolean },
  ): Promise<WriteOutcome> {
    const fields = rightsFields(this.parts.types).get(entity.type) ?? [];
    const operations = fields.map((field) => ({ ...operation, field }));
    return this.parts.submit({ entity, kind: 'update', operations }, ownCommandMillisMax);
  }

  private async answered(ask: () => Promise<unknown>): Promise<void> {
    try {
      await ask();
    } catch (error) {
      if (!isForeseen(error)) throw error;
    }
  }

  private async stateOf(entity: EntityRef): Promise<EntityState> {
    return this.parts.cache.get(entityKey(entity))?.state ?? (await this.parts.read(entity));
  }
}

function readVote({ shard, type, id, closing, of, stated }: VoteQuestion): {
  readonly entity: EntityRef;
  readonly shard: number;
  readonly closing: Dot;
  readonly of: Actor;
  readonly stated: boolean;
} {
  const dot = parseDot(closing)?.dot;
  if (dot === undefined) throw new AtollError('invalid_request', 'a vote names a closing');
  return { entity: { type, id }, shard, closing: dot, of, stated };
}

function isForeseen(error: unknown): boolean {
  return (
    error instanceof AtollError ||
    error instanceof GaveUp ||
    error instanceof PeerUnavailable ||
    error instanceof LogUnavailable ||
    error instanceof CommitUnknown
  );
}
