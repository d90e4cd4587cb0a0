import { describe, expect, it } from 'vitest';
import { ManualClock } from '#kit/memory/manual-clock.js';
import { MemoryTelemetry } from '#kit/memory/memory-telemetry.js';
import { MemoryWorld } from '#kit/world/memory-world.js';
import { timingDefault } from '../limits.js';
import { LogUnavailable, type EventLog } from '../ports/event-log.js';
import { ClockGuard } from './clock-guard.js';

const wait = { maxWaitMillis: 5_000 };
const hour = 3_600_000;
const regions = ['eu', 'us', 'ap'];

/** Regions that have heard each other. */
async function acquainted(options: { readonly linkMillis?: number } = {}): Promise<MemoryWorld> {
  const world = await MemoryWorld.started({ regions, ...options });
  await world.clock.advance(1_000);
  return world;
}

const write = (world: MemoryWorld, region: string): Promise<unknown> =>
  world.run(world.region(region).submit(world.add('likes', 'a', 1), wait));

describe('a region whose wall clock was set', () => {
  it('takes no writes, whichever way it was, and takes them again by itself', async () => {
    const world = await acquainted();
    for (const skew of [hour, -hour]) {
      world.setSkew('eu', skew);
      await expect(write(world, 'eu')).rejects.toMatchObject({
        code: 'clock_out_of_bounds',
        retryable: true,
      });
      await world.clock.advance(30_000);
      await expect(write(world, 'eu')).rejects.toMatchObject({ code: 'clock_out_of_bounds' });
      world.setSkew('eu', 0);
      await write(world, 'eu');
    }
  });

  it('says against whom it is off, and by how much', async () => {
    const world = await acquainted();
    world.setSkew('eu', hour);
    await world.clock.advance(5_000);
    const { clock } = await world.run(world.region('eu').status());
    expect(clock.isTrusted).toBe(false);
    expect(clock.disagreements.map(({ witness }) => witness).sort()).toEqual(['ap', 'postgres', 'us']);
    for (const { aheadMillis } of clock.disagreements) expect(Math.abs(aheadMillis - hour)).toBeLessThan(500);
  });

  it('stops nobody else', async () => {
    const world = await acquainted();
    world.setSkew('eu', hour);
    await world.clock.advance(5_000);
    await write(world, 'us');
    await write(world, 'ap');
    expect((await world.run(world.region('us').status())).clock).toEqual({
      isTrusted: true,
      disagreements: [],
    });
  });

  it('goes on folding what the others stamp', async () => {
    const world = await acquainted();
    for (const skew of [-hour, hour]) {
      world.setSkew('eu', skew);
      await write(world, 'us');
      await world.converged();
    }
    expect(world.cursorOf('eu', 'us', 'likes', 'a')).toMatchObject({ stored: 2, folded: 2 });
    expect(world.count('events_parked_total')).toBe(0);
  });

  it('answers what it has stored before, when a command comes again', async () => {
    const world = await acquainted();
    const command = { ...world.add('likes', 'a', 1), mutationId: world.freshMutationId('eu') };
    const first = await world.run(world.region('eu').submit(command, wait));
    world.setSkew('eu', hour);
    const again = await world.run(world.region('eu').submit(command, wait));
    expect(again).toMatchObject({ dot: first.dot, replayed: true });
  });
});

describe('a wall clock that is right', () => {
  it('is not stopped by a link that takes longer than the bound', async () => {
    const world = await acquainted({ linkMillis: 40_000 });
    for (let minute = 0; minute < 3; minute += 1) {
      await world.clock.advance(60_000);
      await write(world, 'eu');
    }
  });
});

/** A guard alone, with the database's clock so far ahead of the process's. */
async function guardBeside(databaseAheadMillis: () => number): Promise<{
  readonly guard: ClockGuard;
  readonly clock: ManualClock;
  readonly telemetry: MemoryTelemetry;
}> {
  const clock = new ManualClock();
  const telemetry = new MemoryTelemetry();
  const nowMillis = (): Promise<number> => {
    const ahead = databaseAheadMillis();
    return Number.isNaN(ahead)
      ? Promise.reject(new LogUnavailable('down'))
      : Promise.resolve(clock.wallMillis() + ahead);
  };
  const guard = new ClockGuard({
    ...{ clock, telemetry, timing: timingDefault },
    log: { nowMillis } as EventLog,
  });
  await guard.start();
  return { guard, clock, telemetry };
}

describe('the guard of a clock', () => {
  it('goes by the database where nobody else is heard, and says so once each time that changes', async () => {
    let ahead = 0;
    const { guard, clock, telemetry } = await guardBeside(() => ahead);
    expect(guard.reading().isTrusted).toBe(true);
    for (const next of [hour, 0]) {
      ahead = next;
      await clock.advance(10_000);
      expect(guard.reading().isTrusted).toBe(next === 0);
      expect(guard.told() === undefined).toBe(next !== 0);
    }
    expect(telemetry.lines).toMatchObject([{ level: 'error' }]);
    await guard.stop();
  });

  it('forgets what it heard long ago, and lasts through a database that does not answer', async () => {
    let ahead = hour;
    const { guard, clock } = await guardBeside(() => ahead);
    expect(guard.reading().isTrusted).toBe(false);
    ahead = NaN;
    await clock.advance(30_000);
    expect(guard.reading()).toMatchObject({ isTrusted: true, disagreements: [] });
    await guard.stop();
  });

  it('takes nothing against a clock that stood still for minutes while words of others waited', async () => {
    const { guard, clock } = await guardBeside(() => 0);
    await clock.advance(1_000);
    const sentMillis = clock.monotonicMillis();
    const saidMillis = clock.wallMillis();
    await clock.advance(300_000);
    for (const region of ['us', 'ap']) guard.heard({ region, wallMillis: saidMillis }, sentMillis);
    expect(guard.reading().isTrusted).toBe(true);
    await guard.stop();
  });
});
