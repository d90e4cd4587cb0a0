import type { Actor } from '#core/causality/dot.js';
import { nothingSeen, type VersionVector } from '#core/causality/version-vector.js';
import { firstUncovered, type SessionCursors } from '#core/consistency/session-token.js';
import { AtollError } from '#core/errors.js';
import type { Intake } from '../accept/intake.js';
import { causalVector, foldedVector, storedVector, type ShardState } from '../accept/shard-state.js';
import type { CursorWatch } from '../accept/wake.js';
import type { Timing } from '../limits.js';
import type { Clock } from '../ports/clock.js';
import { CommitUnknown, LogUnavailable, type EventLog, type RegionCursorRow } from '../ports/event-log.js';
import { SharedRun } from '../shared-run.js';

/** Committed cursors of all shards, as the database told them at a moment after `beganMillis`. */
export interface CursorReading {
  readonly beganMillis: number;
  readonly shards: ReadonlyMap<number, readonly RegionCursorRow[]>;
}

export interface RegionCursorsParts {
  readonly log: EventLog;
  readonly clock: Clock;
  readonly timing: Timing;
  readonly intake: Intake;
  readonly watch: CursorWatch;
  /** Somebody waits for a shard: what is missing of it should be fetched at once. */
  readonly hurry: (shard: number) => void;
  /** Called with every reading of the database. */
  readonly onReading: (reading: CursorReading) => void;
}

type Which = 'stored' | 'causal' | 'folded';

const ownedVector: Readonly<Record<Which, (state: ShardState) => VersionVector>> = {
  stored: storedVector,
  causal: causalVector,
  folded: foldedVector,
};

/** What a cursor that is not there yet is said not to be. */
const lackOf: Readonly<Record<Which, string>> = {
  stored: 'stored',
  causal: 'stored with nothing pending below it',
  folded: 'folded',
};

/**
 * The committed cursors of the whole region: of owned shards from memory, of the others as last read from the database,
 * which is read again while somebody waits. Cursors only grow, so an old reading is never too high.
 */
export class RegionCursors {
  private others: ReadonlyMap<number, readonly RegionCursorRow[]> = new Map();
  private readAtMillis = -Infinity;
  private readonly readings = new SharedRun(() => this.read());

  constructor(private readonly parts: RegionCursorsParts) {}

  /**
   * What the region's database holds at a moment after the call, whoever owns what: the check that bounded and quorum
   * answers, and cursors told to other regions, need (PROTOCOL §1). Shared by all who wait. @throws LogUnavailable, CommitUnknown
   */
  reading(): Promise<CursorReading> {
    return this.readings.next();
  }

  /** One cursor, without making a vector of all. */
  seqOf(shard: number, actor: Actor, which: 'stored' | 'folded'): number {
    const state = this.parts.intake.stateOf(shard);
    if (state) return state.cursors.get(actor)?.[which] ?? 0;
    return this.others.get(shard)?.find((row) => row.actor === actor)?.[which] ?? 0;
  }

  vector(shard: number, which: Which): VersionVector {
    const state = this.parts.intake.stateOf(shard);
    if (state) return ownedVector[which](state);
    const rows = this.others.get(shard);
    return rows ? vectorOf(rows, which) : nothingSeen;
  }

  all(which: Which): SessionCursors {
    const session = new Map<number, VersionVector>();
    for (let shard = 0; shard < this.parts.log.identity.shards; shard += 1) {
      const vector = this.vector(shard, which);
      if (vector.size > 0) session.set(shard, vector);
    }
    return session;
  }

  /** Whether all that a session depends on is stored here, as far as this process knows. */
  hasStored(session: SessionCursors): boolean {
    for (const [shard, vector] of session)
      for (const [actor, seq] of vector) if (this.seqOf(shard, actor, 'stored') < seq) return false;
    return true;
  }

  /** Waits until the cursors cover a session, without sitting in anybody's queue. @throws AtollError not_covered_yet */
  async cover(session: SessionCursors, which: Which, deadlineMillis: number): Promise<void> {
    if (which === 'stored' && this.hasStored(session)) return;
    for (;;) {
      const missing = firstUncovered(session, (shard) => this.vector(shard, which));
      if (!missing) return;
      const left = deadlineMillis - this.parts.clock.monotonicMillis();
      if (left <= 0) {
        const { dot, shard } = missing;
        throw new AtollError(
          'not_covered_yet',
          `${dot.actor}:${shard}:${dot.seq} is not ${lackOf[which]} in this region yet`,
        );
      }
      this.parts.hurry(missing.shard);
      await this.moved(missing.shard, left);
    }
  }

  /** Waits until the cursors of a shard may have moved, wherever it is owned; `withinMillis` at the longest. */
  async moved(shard: number, withinMillis: number): Promise<void> {
    if (this.parts.intake.stateOf(shard)) await this.parts.watch.next(withinMillis);
    else await this.readOthers(withinMillis);
  }

  /** Reads the cursors of shards that siblings own, if there are any, unless that was done a moment ago. */
  async readOthers(withinMillis: number): Promise<void> {
    const { clock, timing, intake, log } = this.parts;
    if (intake.ownedCount === log.identity.shards) return;
    const age = clock.monotonicMillis() - this.readAtMillis;
    if (age < timing.cursorPollMillis) {
      await this.parts.watch.next(Math.min(withinMillis, timing.cursorPollMillis - age));
    }
    try {
      await this.reading();
    } catch (error) {
      if (!(error instanceof LogUnavailable) && !(error instanceof CommitUnknown)) throw error;
    }
  }

  private async read(): Promise<CursorReading> {
    const { clock, log, onReading } = this.parts;
    const beganMillis = clock.monotonicMillis();
    try {
      const shards = await log.cursors();
      this.others = shards;
      const reading = { beganMillis, shards };
      onReading(reading);
      return reading;
    } finally {
      this.readAtMillis = clock.monotonicMillis();
    }
  }
}

export function vectorOf(rows: readonly RegionCursorRow[], which: Which): VersionVector {
  return new Map(rows.filter((row) => row[which] > 0).map((row) => [row.actor, row[which]]));
}
