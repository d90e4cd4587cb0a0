import {
  agreedMillis,
  aheadOf,
  judgeClock,
  type ClockSample,
  type ClockVerdict,
  type OwnClocks,
} from '#core/causality/clock-witnesses.js';
import type { Timing } from '../limits.js';
import type { Clock } from '../ports/clock.js';
import { CommitUnknown, LogUnavailable, type EventLog } from '../ports/event-log.js';
import type { Heartbeat } from '../ports/peers.js';
import type { Telemetry } from '../ports/telemetry.js';
import { Rounds } from '../rounds.js';

export interface ClockGuardParts {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly timing: Timing;
  readonly telemetry: Telemetry;
}

/** What was heard of a clock so long ago says nothing any more, in milliseconds: who still lives has spoken since. */
const forgottenMillis = 10_000;

const postgres = 'postgres';

/**
 * Guards the stamps of this process (PROTOCOL §10): compares its wall clock with Postgres' and with those that peers tell in
 * their heartbeats, all of them against the monotonic clock, so that a wall clock that is set is noticed by the next stamp.
 * It recovers by itself: nothing is remembered but what others last showed.
 */
export class ClockGuard {
  private readonly samples = new Map<string, ClockSample>();
  private readonly rounds: Rounds;
  private wasTrusted = true;

  constructor(private readonly parts: ClockGuardParts) {
    this.rounds = new Rounds(parts.clock, parts.timing.clockAskMillis, () => this.round());
  }

  /** Nothing is stamped before Postgres' clock was looked at once. @throws LogUnavailable */
  async start(): Promise<void> {
    await this.ask();
    this.rounds.start();
  }

  stop(): Promise<void> {
    return this.rounds.stop();
  }

  /**
   * A heartbeat came, which its sender made after it had heard one of ours; `sinceMillis`: when we had sent that, if known.
   * Whoever does not trust its own clock does not tell it.
   */
  heard({ region, wallMillis }: Pick<Heartbeat, 'region' | 'wallMillis'>, sinceMillis = -Infinity): void {
    if (wallMillis === undefined) return;
    const notAfterMillis = this.parts.clock.monotonicMillis();
    this.samples.set(region, { saidMillis: wallMillis, notBeforeMillis: sinceMillis, notAfterMillis });
  }

  /** The time now, by this wall clock or, where it is not trusted, by what the others show; and whether it may be stamped. */
  reading(): { readonly nowMillis: number } & ClockVerdict {
    const own = this.own();
    this.forget(own.monotonicMillis);
    const verdict = judgeClock(this.samples, own, this.parts.timing.clockBoundMillis);
    return { nowMillis: verdict.isTrusted ? own.wallMillis : agreedMillis(this.samples, own), ...verdict };
  }

  /** What peers may go by: nothing while it is not trusted here. */
  told(): number | undefined {
    const { nowMillis, isTrusted } = this.reading();
    return isTrusted ? nowMillis : undefined;
  }

  private own(): OwnClocks {
    const { clock } = this.parts;
    return { wallMillis: clock.wallMillis(), monotonicMillis: clock.monotonicMillis() };
  }

  private forget(nowMillis: number): void {
    for (const [witness, { notAfterMillis }] of this.samples)
      if (nowMillis - notAfterMillis > forgottenMillis) this.samples.delete(witness);
  }

  private async round(): Promise<void> {
    try {
      await this.ask();
    } catch (error) {
      if (!(error instanceof LogUnavailable) && !(error instanceof CommitUnknown)) throw error;
    }
    this.report();
  }

  private async ask(): Promise<void> {
    const { log, clock } = this.parts;
    const notBeforeMillis = clock.monotonicMillis();
    const saidMillis = await log.nowMillis();
    this.samples.set(postgres, { saidMillis, notBeforeMillis, notAfterMillis: clock.monotonicMillis() });
  }

  private report(): void {
    const { telemetry } = this.parts;
    const { isTrusted, disagreements } = this.reading();
    const own = this.own();
    telemetry.gauge('clock_out_of_bounds', isTrusted ? 0 : 1);
    for (const [against, sample] of this.samples) {
      const { least, most } = aheadOf(sample, own);
      if (Number.isFinite(least)) telemetry.gauge('clock_ahead_millis', (least + most) / 2, { against });
    }
    if (isTrusted === this.wasTrusted) return;
    this.wasTrusted = isTrusted;
    if (isTrusted) telemetry.log('info', 'the wall clock is within the bound again: writes are taken');
    else telemetry.log('error', 'the wall clock is out of bounds: no writes are taken', { disagreements });
  }
}
