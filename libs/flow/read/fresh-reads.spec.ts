import { describe, expect, it } from 'vitest';
import type { Level } from '#core/consistency/level.js';
import { Intake } from '#flow/accept/intake.js';
import { shardStateOf } from '#flow/accept/shard-state.js';
import { CursorWatch } from '#flow/accept/wake.js';
import { limitsDefault, timingDefault } from '#flow/limits.js';
import type { EventLog, RegionCursorRow, ShardImage } from '#flow/ports/event-log.js';
import { PeerUnavailable } from '#flow/ports/peers.js';
import { ManualClock } from '#kit/memory/manual-clock.js';
import { MemoryTelemetry } from '#kit/memory/memory-telemetry.js';
import { LinkTimes } from '../repair/link-times.js';
import { FreshReads } from './fresh-reads.js';
import { LevelReads } from './level-reads.js';
import type { AskedRead } from './read-state.js';
import { RegionCursors } from './region-cursors.js';
import { Staleness } from './staleness.js';

const image = (stored: number): ShardImage => ({
  fence: { ownerEpoch: 1, batch: stored, lastSeq: stored },
  hybridFloorMillis: 0,
  cursors: [{ actor: 'eu~1', stored, hash: '', folded: stored }],
  waiting: [],
  promised: '',
  marks: new Map(),
});

/**
 * A region whose database may be ahead of what its process has in memory: another process owns the shard now. Its peers do not
 * answer.
 */
function behindItsDatabase(
  storedInMemory: number,
  storedInDatabase: number,
  {
    members = ['eu'],
    isSilent = () => false,
  }: { members?: readonly string[]; isSilent?: () => boolean } = {},
) {
  const clock = new ManualClock();
  const watch = new CursorWatch(clock);
  const intake = new Intake(limitsDefault, clock);
  intake.own(shardStateOf(0, image(storedInMemory)));
  const rows: readonly RegionCursorRow[] = image(storedInDatabase).cursors.map((row) => ({
    ...row,
    causal: row.stored,
  }));
  const log = {
    identity: { region: 'eu', actor: 'eu~1', shards: 1 },
    cursors: () => (isSilent() ? new Promise<never>(() => undefined) : Promise.resolve(new Map([[0, rows]]))),
  } as Partial<EventLog> as EventLog;
  const hurry = (): void => undefined;
  const telemetry = new MemoryTelemetry();
  const links = new LinkTimes(telemetry);
  const staleness = new Staleness({
    ...{ clock, telemetry, links, processId: 'eu-1', region: 'eu', members },
    seqOf: (shard, actor, which) => cursors.seqOf(shard, actor, which),
  });
  const onReading = ({ beganMillis }: { readonly beganMillis: number }): void =>
    staleness.told('eu', 0, { actor: 'eu~1', lastSeq: storedInDatabase, sinceMillis: beganMillis });
  const cursors = new RegionCursors({ log, clock, timing: timingDefault, intake, watch, hurry, onReading });
  let doubts = 0;
  const fresh = new FreshReads({
    ...{ log, clock, timing: timingDefault, members, cursors, staleness },
    peers: {
      regions: members.slice(1),
      cursors: () => Promise.reject(new PeerUnavailable('cut off')),
    } as never,
    shown: () => undefined,
    doubt: () => {
      doubts += 1;
      intake.drop(0);
      watch.moved();
    },
  });
  return { clock, telemetry, staleness, fresh, intake, doubts: () => doubts };
}

describe('a process that lags behind its own database', () => {
  it('does not answer from memory what it owned once', async () => {
    const { clock, fresh, intake, doubts } = behindItsDatabase(1, 2);
    let answered = false;
    const reading = fresh.quorum(0, 1_000).then(() => (answered = true));
    await clock.advance(20);
    expect([answered, doubts()]).toEqual([false, 0]);
    await clock.advance(200);
    await reading;
    expect([doubts(), intake.stateOf(0)]).toEqual([1, undefined]);
  });

  it('keeps no bound from memory either', async () => {
    const { clock, fresh, doubts } = behindItsDatabase(1, 2);
    const level = { kind: 'bounded', maxMillis: 1_000, otherwise: 'refuse' } as const;
    let answered = false;
    const bound = { which: () => Promise.resolve('folded' as const), deadlineMillis: 1_000 };
    const reading = fresh.bounded(0, level, bound).then(() => (answered = true));
    await clock.advance(20);
    expect(answered).toBe(false);
    await clock.advance(200);
    await reading;
    expect(doubts()).toBe(1);
  });

  it('answers at once when it has all of it', async () => {
    const { clock, fresh, doubts } = behindItsDatabase(2, 2);
    expect(await fresh.quorum(0, 1_000)).toEqual(new Map([['eu~1', 2]]));
    expect([clock.monotonicMillis(), doubts()]).toEqual([0, 0]);
  });
});

describe('a read whose own database does not answer', () => {
  const waitMillis = 100;
  const outcome = async (level: Level, members: readonly string[]): Promise<unknown> => {
    let silent = false;
    const region = behindItsDatabase(1, 1, { members, isSilent: () => silent });
    await region.fresh.ownTruth(0, 1_000);
    silent = true;
    const unused = (): never => {
      throw new Error('nothing was read');
    };
    const levels = new LevelReads({
      ...region,
      ...{ strongReads: undefined as never, covered: unused, answer: unused, isWaitedFor: unused },
    });
    const asked = { shard: 0, level, deadlineMillis: waitMillis } as AskedRead;
    const reading = levels.read([asked], level).catch((error: unknown) => error);
    await region.clock.advance(waitMillis + 50);
    return reading;
  };

  it('is told that it is too stale, where that is known without the database', async () => {
    const level = { kind: 'bounded', maxMillis: 90, otherwise: 'fetch' } as const;
    expect(await outcome(level, ['eu', 'us'])).toMatchObject({ code: 'too_stale' });
    const young = { ...level, maxMillis: 10_000 };
    expect(await outcome(young, ['eu'])).toMatchObject({ code: 'deadline_exceeded' });
  });

  it('is told that there is no majority, where that is known without the database', async () => {
    const level = { kind: 'quorum' } as const;
    expect(await outcome(level, ['eu', 'us', 'ap'])).toMatchObject({ code: 'no_quorum' });
    expect(await outcome(level, ['eu'])).toMatchObject({ code: 'deadline_exceeded' });
  });
});
