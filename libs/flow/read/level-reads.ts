import { nothingSeen, type VersionVector } from '#core/causality/version-vector.js';
import type { Level } from '#core/consistency/level.js';
import type { SessionCursors } from '#core/consistency/session-token.js';
import { AtollError } from '#core/errors.js';
import { within } from '../deadline.js';
import type { Clock } from '../ports/clock.js';
import type { Telemetry } from '../ports/telemetry.js';
import { TooStale, type ReadOutcome } from '../service.js';
import type { StrongReads } from '../strong/strong-reads.js';
import type { BoundedLevel, FreshReads } from './fresh-reads.js';
import type { ReadAnswer } from './read-answer.js';
import { sessionAfter, type AskedRead, type ReadState } from './read-state.js';
import type { AgeBy, Staleness } from './staleness.js';

export interface LevelReadsParts {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly staleness: Staleness;
  readonly fresh: FreshReads;
  readonly strongReads: StrongReads;
  /** Reads once the session is covered, and nothing of the entity waits that the session or `wanted` names. */
  readonly covered: (asked: AskedRead, wanted: VersionVector) => Promise<ReadState>;
  readonly answer: (read: ReadState) => Promise<ReadAnswer>;
  /** Whether anything of the entity is stored and not folded. */
  readonly isWaitedFor: (asked: AskedRead) => Promise<boolean>;
}

/** What stations have to say at the deadline says more than that it passed. */
const lastWordMillis = 20;

/** What each level does before, between and after the reads of one request (INV-10). */
export class LevelReads {
  constructor(private readonly parts: LevelReadsParts) {}

  async read(asked: readonly AskedRead[], level: Level): Promise<readonly ReadOutcome[]> {
    const { clock, telemetry } = this.parts;
    const [first] = asked;
    if (first === undefined) return [];
    const late = {
      deadlineMillis: first.deadlineMillis + lastWordMillis,
      late: () => this.notInTime(asked, level),
    };
    if (level.kind === 'eventual' || level.kind === 'session' || level.kind === 'causal') {
      const covering = this.inTurn(asked, (one) => this.parts.covered(one, nothingSeen));
      // What waits for nothing needs no limit; a session may need a database that does not answer.
      return level.kind === 'eventual' ? covering : within(clock, covering, late);
    }
    const reading = this.fresh(asked, level);
    try {
      return await within(clock, reading, late);
    } catch (error) {
      if (error instanceof AtollError)
        telemetry.count('reads_refused_total', { level: level.kind, code: error.code });
      throw error;
    }
  }

  /** What is known of the reads says more than that a database or a peer did not answer. */
  private notInTime(asked: readonly AskedRead[], level: Level): AtollError {
    if (level.kind === 'bounded') {
      for (const { shard } of shardsOf(asked)) {
        const tooStale = this.parts.fresh.tooStale(shard, level);
        if (tooStale !== undefined) return tooStale;
      }
    }
    return new AtollError('deadline_exceeded', 'the read was not answered in time');
  }

  private fresh(
    asked: readonly AskedRead[],
    level: Extract<Level, { readonly kind: 'bounded' | 'quorum' | 'strong' }>,
  ): Promise<readonly ReadOutcome[]> {
    if (level.kind === 'strong') return this.parts.strongReads.read(asked);
    return level.kind === 'quorum' ? this.quorum(asked) : this.bounded(asked, level);
  }

  private async inTurn(
    asked: readonly AskedRead[],
    read: (one: AskedRead) => Promise<ReadState>,
  ): Promise<readonly ReadOutcome[]> {
    const answers: ReadAnswer[] = [];
    let before: SessionCursors | undefined;
    for (const one of asked) {
      const state = await read(before ? { ...one, session: before } : one);
      if (one.level.kind !== 'eventual') before = sessionAfter(state);
      answers.push(await this.parts.answer(state));
    }
    // All are answered now, also those that were read first.
    for (const answer of answers) answer.tellAge();
    return answers;
  }

  private async quorum(asked: readonly AskedRead[]): Promise<readonly ReadOutcome[]> {
    const wanted = new Map<number, VersionVector>();
    const asking = shardsOf(asked).map(async ({ shard, deadlineMillis }) => {
      wanted.set(shard, await this.parts.fresh.quorum(shard, deadlineMillis));
    });
    await Promise.all(asking);
    return this.inTurn(asked, (one) => this.parts.covered(one, wanted.get(one.shard) ?? nothingSeen));
  }

  private async bounded(asked: readonly AskedRead[], level: BoundedLevel): Promise<readonly ReadOutcome[]> {
    const stored = { which: (): Promise<AgeBy> => Promise.resolve('stored') };
    for (;;) {
      const freshening = shardsOf(asked).map(({ shard, deadlineMillis }) =>
        this.parts.fresh.bounded(shard, level, { ...stored, deadlineMillis }),
      );
      await Promise.all(freshening);
      const outcomes = await this.inTurn(asked, (one) => this.boundedOne(one, level));
      const late = outcomes.findIndex(({ stalenessMillis: age }) => age === null || age > level.maxMillis);
      const tooOld = asked[late];
      if (tooOld === undefined) return outcomes;
      this.assertTimeLeft(tooOld, level, outcomes[late]?.stalenessMillis ?? null);
    }
  }

  private assertTimeLeft(asked: AskedRead, level: BoundedLevel, stalenessMillis: number | null): void {
    if (this.parts.clock.monotonicMillis() < asked.deadlineMillis) return;
    const detail = `the read was older than ${level.maxMillis} ms when it was to be answered`;
    throw new TooStale('too_stale', detail, { stalenessMillis, regions: [] });
  }

  /** What was young enough when it was begun may be too old when it is answered: then it is read once more. */
  private async boundedOne(asked: AskedRead, level: BoundedLevel): Promise<ReadState> {
    const { fresh, staleness } = this.parts;
    const { shard, deadlineMillis } = asked;
    const which = async (): Promise<AgeBy> => ((await this.parts.isWaitedFor(asked)) ? 'folded' : 'stored');
    for (;;) {
      const read = await this.parts.covered(asked, nothingSeen);
      const stalenessMillis = staleness.age(read.sinceMillis);
      const isYoung = stalenessMillis !== null && stalenessMillis <= level.maxMillis;
      if (isYoung && read.quarantined)
        throw new AtollError('entity_quarantined', 'an event of the entity is parked until somebody acts');
      if (isYoung) return read;
      this.assertTimeLeft(asked, level, stalenessMillis);
      await fresh.bounded(shard, level, { which, deadlineMillis });
    }
  }
}

/** One of the reads for each shard that they are of. */
function shardsOf(asked: readonly AskedRead[]): readonly AskedRead[] {
  return [...new Map(asked.map((one) => [one.shard, one])).values()];
}
