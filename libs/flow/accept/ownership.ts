import { nothingSeen } from '#core/causality/version-vector.js';
import { shardEntity } from '#core/strong/opening-event.js';
import { movesEntity } from '#core/strong/type-record.js';
import type { EntityRef, Event } from '#core/event/event.js';
import { planOwnership } from '#core/ownership/plan-ownership.js';
import type { Timing } from '../limits.js';
import type { Clock } from '../ports/clock.js';
import {
  CommitUnknown,
  LogUnavailable,
  type EventLog,
  type ShardImage,
  type ShardOwner,
} from '../ports/event-log.js';
import type { Telemetry } from '../ports/telemetry.js';
import { generationOf, KnownMutations } from './known-mutations.js';
import type { Executor } from './executor.js';
import type { MutationHorizon } from './mutation-horizon.js';
import type { Intake } from './intake.js';
import { shardStateOf, type ShardState } from './shard-state.js';
import { Wake } from './wake.js';

/** How much of a lease is counted on: clocks do not run at quite the same rate. */
const leaseTrusted = 0.9;

export interface OwnershipParts {
  readonly process: { readonly id: string; readonly address: string };
  readonly log: EventLog;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly timing: Timing;
  readonly intake: Intake;
  readonly executor: Executor;
  readonly horizon: MutationHorizon;
  /** All regions, the own one too. */
  readonly members: readonly string[];
  /** Called when a shard is owned and its state has been read, before anything is decided for it. */
  readonly owned: (state: ShardState, image: ShardImage) => void;
}

/**
 * Keeps this process's share of the shards: renews leases, takes over what has lapsed, gives up what is too much.
 *
 * The lease is for speed, the fence row is what protects (PROTOCOL §1): a process that is wrong about what it owns is
 * told so by its next transaction.
 */
export class Ownership {
  private readonly wake = new Wake();
  private running: Promise<void> | undefined;
  private stopping = false;
  private lastOwners: readonly ShardOwner[] = [];

  constructor(private readonly parts: OwnershipParts) {}

  /** Takes what is free before it resolves, if the database answers. */
  async start(): Promise<void> {
    await this.round();
    this.running = this.run();
  }

  /** Call after the executor has stopped: then nothing of this process is in flight. */
  /** From now on no shard is taken, and no lease renewed. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.wake.wake();
    await this.running;
  }

  /** Gives shards up before their leases end. */
  async release(owned: readonly { readonly shard: number; readonly ownerEpoch: number }[]): Promise<void> {
    try {
      if (owned.length > 0) await this.parts.log.release(owned);
    } catch (error) {
      if (!isOperational(error)) throw error;
    }
  }

  /** As last read; who owns a shard may have changed since. */
  owners(): readonly ShardOwner[] {
    return this.lastOwners;
  }

  /** Reads again soon: somebody met a former owner. */
  refresh(): void {
    this.wake.wake();
  }

  private async run(): Promise<void> {
    while (!this.stopping) {
      await this.wake.wait(this.parts.clock, this.parts.timing.renewMillis);
      if (!this.stopping) await this.round();
    }
  }

  private async round(): Promise<void> {
    try {
      await this.renew();
      await this.rebalance();
      this.parts.telemetry.gauge('owned_shards', this.parts.intake.owned().length);
    } catch (error) {
      if (!isOperational(error)) throw error;
      this.parts.telemetry.log('warn', 'ownership could not be renewed', {
        reason: (error as Error).message,
      });
    }
  }

  private async renew(): Promise<void> {
    const claimed = this.parts.intake.owned().flatMap((shard) => {
      const state = this.parts.intake.stateOf(shard);
      return state ? [{ shard, ownerEpoch: state.fence.ownerEpoch, state }] : [];
    });
    const leaseUntilMillis = this.leaseEndMillis();
    const lost = await this.parts.log.renew(this.parts.process, claimed, this.parts.timing.leaseMillis);
    for (const { shard, ownerEpoch, state } of claimed) {
      // An epoch that this process itself raised meanwhile is not a loss.
      if (!lost.includes(shard)) state.leaseUntilMillis = leaseUntilMillis;
      else if (state.fence.ownerEpoch === ownerEpoch) this.parts.executor.drop(shard);
    }
  }

  /** Of a lease that is asked for now: the database gives it later, and counts from then. */
  private leaseEndMillis(): number {
    const { clock, timing } = this.parts;
    return clock.monotonicMillis() + timing.leaseMillis * leaseTrusted;
  }

  private async rebalance(): Promise<void> {
    const { log, process, timing, intake } = this.parts;
    const [owners, processes] = [await log.owners(), await log.processes()];
    this.lastOwners = owners;
    const plan = planOwnership({
      self: process.id,
      liveProcesses: processes.filter(({ ageMillis }) => ageMillis < timing.leaseMillis).map(({ id }) => id),
      claims: owners.map((owner) =>
        owner.owner === process.id && !intake.stateOf(owner.shard)
          ? { ...owner, leaseRemainingMillis: 0 }
          : owner,
      ),
    });
    for (const shard of plan.take) await this.takeOver(shard);
    const given = plan.release.flatMap((shard) => {
      const state = intake.stateOf(shard);
      return state ? [{ shard, ownerEpoch: state.fence.ownerEpoch }] : [];
    });
    for (const { shard } of given) this.parts.executor.drop(shard);
    if (given.length > 0) await log.release(given);
    if (plan.take.length > 0 || given.length > 0) this.lastOwners = await log.owners();
  }

  private async takeOver(shard: number): Promise<void> {
    const { log, process, timing, telemetry } = this.parts;
    const leaseUntilMillis = this.leaseEndMillis();
    const taken = await log.takeOver(shard, process, timing.leaseMillis);
    if (taken.kind === 'held') return;
    const image = await log.loadShard(shard);
    // Somebody else may have taken it between the two: the next transaction would be fenced, so look at once.
    if (image.fence.ownerEpoch !== taken.ownerEpoch) return;
    const read = async (entity: EntityRef): Promise<readonly Event[]> =>
      (await log.entityEvents(entity, shard, nothingSeen)).map(({ event }) => event);
    const openings = image.promised === '' ? [] : await read(shardEntity(shard));
    const moves = await read(movesEntity(shard));
    const newest = await log.newestBirths(this.parts.members);
    const mutations = new KnownMutations(newest, generationOf(log.identity.shards));
    // The owner before may have let records of mutations go by a clock that was ahead of this one.
    this.parts.horizon.raise(await log.mutationHorizonMillis());
    telemetry.count('ownership_moves_total');
    const ground = { leaseUntilMillis, openings, moves, mutations };
    this.parts.owned(shardStateOf(shard, image, ground), image);
  }
}

function isOperational(error: unknown): boolean {
  return error instanceof LogUnavailable || error instanceof CommitUnknown;
}
