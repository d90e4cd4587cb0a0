import type { VersionVector } from '#core/causality/version-vector.js';
import type { Intake } from '../accept/intake.js';
import type { MutationHorizon } from '../accept/mutation-horizon.js';
import type { Timing } from '../limits.js';
import type { Clock } from '../ports/clock.js';
import { CommitUnknown, LogUnavailable, type EventLog } from '../ports/event-log.js';
import type { Telemetry } from '../ports/telemetry.js';
import { Rounds } from '../rounds.js';

export interface JanitorParts {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly timing: Timing;
  readonly intake: Intake;
  readonly stable: (shard: number) => VersionVector;
  readonly horizon: MutationHorizon;
}

/** Drops mutation records that are both beyond the retention and stable, and raises the horizon with them (PROTOCOL §5). */
export class Janitor {
  private readonly rounds: Rounds;

  constructor(private readonly parts: JanitorParts) {
    this.rounds = new Rounds(parts.clock, parts.timing.janitorMillis, () => this.round());
  }

  start(): void {
    this.rounds.start();
  }

  stop(): Promise<void> {
    return this.rounds.stop();
  }

  private async round(): Promise<void> {
    try {
      await this.sweep();
    } catch (error) {
      if (!(error instanceof LogUnavailable) && !(error instanceof CommitUnknown)) throw error;
    }
  }

  private async sweep(): Promise<void> {
    const { log, clock, timing, intake, stable, horizon, telemetry } = this.parts;
    const owned = intake.owned();
    if (owned.length === 0) return;
    const horizonMillis = clock.wallMillis() - timing.mutationRetentionMillis;
    // Before the first record goes: a batch that no longer finds one must know that it may have been there.
    horizon.raise(horizonMillis);
    const dropped = await log.dropMutations(
      horizonMillis,
      new Map(owned.map((shard) => [shard, stable(shard)])),
    );
    horizon.raise(await log.mutationHorizonMillis());
    if (dropped > 0)
      telemetry.log('debug', 'mutation records beyond the retention were dropped', { dropped });
  }
}
