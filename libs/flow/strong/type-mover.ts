import { regionOf } from '#core/causality/dot.js';
import { covers, type VersionVector } from '#core/causality/version-vector.js';
import { majorityOf } from '#core/consistency/acks.js';
import { AtollError } from '#core/errors.js';
import { isBoundedCounter } from '#core/merge/bounded-counter.js';
import type { EntityType, EntityTypes } from '#core/merge/entity-type.js';
import {
  isClosedBy,
  modeOf,
  openingGround,
  type Consistency,
  type TypeMode,
} from '#core/strong/type-moves.js';
import type { Intake } from '../accept/intake.js';
import { storedVector, type ShardState } from '../accept/shard-state.js';
import type { Timing } from '../limits.js';
import { sleep, type Clock } from '../ports/clock.js';
import type { EventLog } from '../ports/event-log.js';
import { PeerUnavailable, type Peers } from '../ports/peers.js';
import type { Telemetry } from '../ports/telemetry.js';
import type { Elections } from './elections.js';
import type { Homes } from './homes.js';
import { isOfTheWorld } from './is-of-the-world.js';
import type { ModeAnswer } from './messages.js';
import type { Questions } from './questions.js';

export interface TypeMoverParts {
  readonly log: EventLog;
  readonly peers: Peers;
  readonly clock: Clock;
  readonly timing: Timing;
  readonly telemetry: Telemetry;
  readonly intake: Intake;
  readonly homes: Homes;
  readonly elections: Pick<Elections, 'candidates'>;
  readonly questions: Questions;
  /** The declared ones: nobody moves a type of the service itself. */
  readonly types: EntityTypes;
  /** All configured regions: each may have minted eventual events of a type. */
  readonly members: readonly string[];
  readonly handOver: (shard: number, to: string) => Promise<unknown>;
}

/** How often a shard with a type on its way is looked at, in milliseconds. */
const lookMillis = 50;

const nobody = (): readonly never[] => [];

/**
 * Does a region's part of moving types between strong and eventual, in the shards that this process owns (ADR 0011): it
 * closes what the home asks to close, and where it is the home itself, opens once all have closed. All of it is found in the
 * log, so that it goes on after a crash, and in another region after a handover.
 */
export class TypeMover {
  private readonly running = new Map<number, Promise<void>>();
  private stopping = false;

  constructor(private readonly parts: TypeMoverParts) {}

  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.running.values());
  }

  /** Records of the shard's log are folded that were not before, or the shard was taken over. */
  look(state: ShardState): void {
    if (state.strong.moves.size === 0) return;
    for (const entity of state.waiting.heldByMoves()) this.parts.intake.replay(state.shard, entity);
    if (this.running.has(state.shard) || this.closing(state).length === 0 || this.stopping) return;
    const run = this.run(state.shard).finally(() => this.running.delete(state.shard));
    this.running.set(state.shard, run);
  }

  /** How a type is written in a shard, as far as it is folded here. @throws AtollError unknown_type */
  modeAt(state: ShardState, name: string): ModeAnswer {
    const { kind, isClosing, phase, closed } = modeOf(state.strong.moves, this.typeOf(name));
    const mode = isClosing ? 'closing' : kind;
    return { kind: 'mode', mode, phase, closed: [...closed.keys()].map(regionOf).sort() };
  }

  /**
   * Writes the record that begins a move, or ends the one under way, at the home of the shard. Asked again it finds what is
   * there.
   *
   * @param anywhere whether the home may be asked where it is another region
   * @throws AtollError not_home, no_majority, unknown_type, level_not_available, PeerUnavailable
   */
  async begin(
    state: ShardState,
    {
      type: name,
      to,
      anywhere,
    }: { readonly type: string; readonly to: Consistency; readonly anywhere: boolean },
  ): Promise<ModeAnswer> {
    const { homes, log, questions, timing, intake } = this.parts;
    const type = this.typeOf(name);
    if (to === 'strong') assertMayBeStrong(type);
    const { shard } = state;
    const home = homes.homeOf(state);
    if (home === undefined) return this.withoutHome(state, type, to);
    if (home !== log.identity.region) {
      if (!anywhere) throw new AtollError('not_home', `the home of shard ${shard} is ${home}`);
      const asked = { kind: 'move', shard, type: name, to, anywhere: false } as const;
      return questions.one(home, asked, { kind: 'mode', millisMax: timing.strongAskMillisMax });
    }
    const recorded = await intake.task(shard, (batch) => batch.moves.begin(type, to), nobody);
    if (recorded.kind === 'refused') throw recorded.error;
    return this.modeAt(state, name);
  }

  /** Nothing in the shard was ever strong: a home is made of whoever comes first in the shard's order. */
  private async withoutHome(state: ShardState, type: EntityType, to: Consistency): Promise<ModeAnswer> {
    const { elections, handOver } = this.parts;
    const { kind } = modeOf(state.strong.moves, type);
    if (to === kind) return this.modeAt(state, type.name);
    const [first] = elections.candidates(state.shard);
    if (first !== undefined) await handOver(state.shard, first);
    throw new AtollError('not_home', `shard ${state.shard} had no home yet`);
  }

  private async run(shard: number): Promise<void> {
    const { intake, clock } = this.parts;
    for (;;) {
      const state = intake.stateOf(shard);
      if (!state || this.stopping) return;
      const closing = this.closing(state);
      if (closing.length === 0) return;
      for (const type of closing) await this.step(state, type);
      await sleep(clock, lookMillis);
    }
  }

  private closing({ strong }: ShardState): readonly EntityType[] {
    return [...strong.moves.keys()].flatMap((name) => {
      const type = this.parts.types.get(name);
      return type && modeOf(strong.moves, type).isClosing ? [type] : [];
    });
  }

  private async step(state: ShardState, type: EntityType): Promise<void> {
    const { intake, log, members } = this.parts;
    const { actor } = log.identity;
    try {
      const mode = modeOf(state.strong.moves, type);
      if (!mode.closed.has(actor)) await intake.task(state.shard, (batch) => batch.moves.close(type), nobody);
      if (!state.strong.serves(actor) || !isClosedBy(mode, members, regionOf)) return;
      const ground = await this.ground(state, mode);
      if (ground) await this.open(state, type, mode.phase, ground);
    } catch (error) {
      if (!isOfTheWorld(error)) throw error;
    }
  }

  private async open(
    state: ShardState,
    type: EntityType,
    phase: number,
    ground: VersionVector,
  ): Promise<void> {
    const { intake, telemetry } = this.parts;
    const { shard } = state;
    const opened = await intake.task(shard, (batch) => batch.moves.open(type, phase, ground), nobody);
    if (opened.kind === 'done')
      telemetry.log('info', 'a type is opened as strong', { type: type.name, shard });
  }

  /**
   * What the type is opened on: all regions' closings, once this home and with it a majority store all of that, so that
   * whoever is the home next finds it. `undefined`: not yet.
   */
  private async ground(state: ShardState, { closed }: TypeMode): Promise<VersionVector | undefined> {
    const { peers, timing, members } = this.parts;
    const others = await Promise.all(
      peers.regions.map(async (region) => {
        try {
          return (await peers.cursors(region, state.shard, timing.strongAskMillisMax)).stored;
        } catch (error) {
          if (!(error instanceof PeerUnavailable) && !(error instanceof AtollError)) throw error;
          return undefined;
        }
      }),
    );
    const told = others.flatMap((stored) => (stored ? [stored] : []));
    const own = storedVector(state);
    const ground = openingGround(closed, [own, ...told]);
    if (!covers(own, ground)) return undefined;
    const holders = told.filter((stored) => covers(stored, ground)).length + 1;
    return holders >= majorityOf(members.length) ? ground : undefined;
  }

  private typeOf(name: string): EntityType {
    const type = this.parts.types.get(name);
    if (!type) throw new AtollError('unknown_type', `there is no entity type ${name}`);
    return type;
  }
}

/** @throws AtollError level_not_available */
export function assertMayBeStrong({ name, fields }: EntityType): void {
  for (const [field, { policy }] of fields)
    if (isBoundedCounter(policy))
      throw new AtollError(
        'level_not_available',
        `${name} cannot be moved to strong: the rights to its bounded counter '${field}' belong to regions`,
      );
}
