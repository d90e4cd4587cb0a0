import { describe, expect, it } from 'vitest';
import type { Level } from '#core/consistency/level.js';
import { AcksIncomplete, type TooStale, type ReadOutcome } from '#flow/service.js';
import { MemoryWorld } from '#kit/world/memory-world.js';

const entity = { type: 'likes', id: 'a' };
const quorum: Level = { kind: 'quorum' };
const boundedBy = (maxMillis: number, otherwise: 'fetch' | 'redirect' | 'refuse' = 'fetch'): Level => ({
  kind: 'bounded',
  maxMillis,
  otherwise,
});

function started(skewMillis?: ReadonlyMap<string, number>): Promise<MemoryWorld> {
  const regions = ['eu', 'us', 'ap'];
  return MemoryWorld.started({ regions, linkMillis: 40, ...(skewMillis && { skewMillis }) });
}

function part(world: MemoryWorld, a: string, b: string): void {
  world.links.cut(a, b);
  world.links.cut(b, a);
}

function read(world: MemoryWorld, region: string, level: Level, maxWaitMillis = 1_000): Promise<ReadOutcome> {
  return world.run(world.region(region).read(entity, { level, maxWaitMillis }));
}

async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'no failure',
    (error: unknown) => error,
  );
}

/** The error, and how long it took to come, in milliseconds of the world. */
async function timed(world: MemoryWorld, work: Promise<unknown>): Promise<readonly [unknown, number]> {
  const from = world.clock.monotonicMillis();
  const error = await failure(work);
  return [error, world.clock.monotonicMillis() - from];
}

describe('staleness', () => {
  it('is a round trip and two heartbeats at most while all is well, and tells nothing before all were heard', async () => {
    const world = await started();
    expect((await read(world, 'eu', { kind: 'eventual' })).stalenessMillis).toBeNull();
    await world.clock.advance(2_000);
    const { stalenessMillis } = await read(world, 'eu', { kind: 'eventual' });
    expect(stalenessMillis).toBeGreaterThanOrEqual(80);
    expect(stalenessMillis).toBeLessThanOrEqual(80 + 3 * 250);
  });

  it('is never below the truth, whatever the wall clocks say', async () => {
    const skews = new Map([
      ['eu', 3_600_000],
      ['us', -3_600_000],
    ]);
    const world = await started(skews);
    await world.clock.advance(2_000);
    part(world, 'us', 'ap');
    part(world, 'us', 'eu');
    const writtenAt = world.clock.monotonicMillis();
    await world.run(world.region('us').submit(world.add('likes', 'a', 1), { maxWaitMillis: 1_000 }));
    for (let round = 0; round < 10; round += 1) {
      await world.clock.advance(333);
      for (const region of ['eu', 'ap']) {
        const { stalenessMillis } = await read(world, region, { kind: 'eventual' });
        expect(stalenessMillis).toBeGreaterThanOrEqual(world.clock.monotonicMillis() - writtenAt);
      }
    }
  });

  it('counts from when what is echoed was sent, not from when the echo came', async () => {
    const world = await started();
    world.links.delay('us', 'eu', 400);
    await world.clock.advance(3_000);
    const writtenAt = world.clock.monotonicMillis();
    world.loseRecordsTo('eu', true);
    await world.run(world.region('us').submit(world.add('likes', 'a', 1), { maxWaitMillis: 1_000 }));
    for (let at = 0; at < 1_500; at += 50) {
      await world.clock.advance(50);
      const { seen, stalenessMillis } = await read(world, 'eu', { kind: 'eventual' });
      if (!seen.has('us~1'))
        expect(stalenessMillis).toBeGreaterThanOrEqual(world.clock.monotonicMillis() - writtenAt);
    }
  });
});

describe('a bounded read', () => {
  it('fetches what is missing', async () => {
    const world = await started();
    await world.clock.advance(2_000);
    world.loseRecordsTo('eu', true);
    await world.run(world.region('us').submit(world.add('likes', 'a', 7), { maxWaitMillis: 1_000 }));
    const outcome = await read(world, 'eu', boundedBy(100));
    expect(outcome.value).toMatchObject({ count: 7 });
    expect(outcome.stalenessMillis).toBeLessThanOrEqual(100);
  });

  it('refuses at once, or at the end of its wait, where a region is cut off', async () => {
    const world = await started();
    await world.clock.advance(2_000);
    expect((await read(world, 'eu', boundedBy(2_000, 'refuse'))).stalenessMillis).toBeLessThanOrEqual(2_000);
    part(world, 'eu', 'us');
    await world.clock.advance(3_000);
    const [refused, refusedAfter] = await timed(world, read(world, 'eu', boundedBy(2_000, 'refuse')));
    expect(refused).toMatchObject({ code: 'too_stale' });
    expect((refused as TooStale).told.stalenessMillis).toBeGreaterThan(2_000);
    expect(refusedAfter).toBeLessThan(50);
    const [late, lateAfter] = await timed(world, read(world, 'eu', boundedBy(2_000, 'fetch'), 700));
    expect(late).toMatchObject({ code: 'too_stale' });
    expect(lateAfter).toBeLessThanOrEqual(750);
  });

  it('is kept for an entity of which nothing waits, whatever else of its shard does', async () => {
    const world = await started(new Map([['us', 3_600_000]]));
    await world.clock.advance(2_000);
    const neighbour = Array.from({ length: 50 }, (_, count) => `n${count}`).find(
      (id) => world.shardOf('likes', id) === world.shardOf('likes', 'a'),
    );
    await world.run(world.region('us').submit(world.add('likes', 'a', 1), { maxWaitMillis: 1_000 }));
    await world.clock.advance(5_000);
    expect((await read(world, 'eu', { kind: 'eventual' })).quarantined).toBe(true);
    expect((await read(world, 'eu', { kind: 'eventual' })).stalenessMillis).toBeGreaterThanOrEqual(5_000);
    expect(await failure(read(world, 'eu', boundedBy(1_000, 'refuse')))).toMatchObject({ code: 'too_stale' });
    const other = { type: 'likes', id: neighbour ?? '' };
    const options = { level: boundedBy(1_000, 'refuse'), maxWaitMillis: 1_000 };
    const { stalenessMillis, quarantined } = await world.run(world.region('eu').read(other, options));
    expect(quarantined).toBe(false);
    expect(stalenessMillis).toBeLessThanOrEqual(1_000);
  });

  it('is flagged in a list where an event of it is parked', async () => {
    const world = await started(new Map([['us', 3_600_000]]));
    const write = (region: string, id: string): Promise<unknown> =>
      world.run(world.region(region).submit(world.add('likes', id, 1), { maxWaitMillis: 1_000 }));
    for (const id of ['a', 'b']) await write('eu', id);
    await world.clock.advance(2_000);
    await write('us', 'a');
    await world.clock.advance(2_000);
    const listed = await world.run(world.region('eu').list('likes', undefined, 100));
    expect(listed.map(({ entity, quarantined }) => [entity.id, quarantined])).toEqual([
      ['a', true],
      ['b', false],
    ]);
  });

  it('asks once for all entities of a shard, and is answered within one wait', async () => {
    const world = await started();
    await world.clock.advance(2_000);
    const entities = Array.from({ length: 40 }, (_, count) => ({ type: 'likes', id: `m${count}` }));
    for (const level of [quorum, boundedBy(200)]) {
      const from = world.clock.monotonicMillis();
      const many = world.region('eu').readMany(entities, { level, maxWaitMillis: 1_000 });
      expect((await world.run(many)).map(({ entity: { id } }) => id)).toEqual(entities.map(({ id }) => id));
      expect(world.clock.monotonicMillis() - from).toBeLessThanOrEqual(100);
    }
  });

  it('names a region that is fresh enough, where that was asked for', async () => {
    const world = await started();
    await world.clock.advance(2_000);
    part(world, 'eu', 'us');
    await world.clock.advance(3_000);
    const [error] = await timed(world, read(world, 'eu', boundedBy(2_000, 'redirect')));
    expect(error).toMatchObject({ code: 'read_elsewhere', told: { regions: ['ap'] } });
    part(world, 'ap', 'us');
    await world.clock.advance(3_000);
    const [nobody, after] = await timed(world, read(world, 'eu', boundedBy(2_000, 'redirect'), 500));
    expect(nobody).toMatchObject({ code: 'too_stale', told: { regions: [] } });
    expect(after).toBeLessThanOrEqual(550);
  });
});

describe('a write that asks for acks', () => {
  const submit = (world: MemoryWorld, acks: '1' | 'majority' | 'all', maxWaitMillis = 1_000) =>
    world.region('eu').submit(world.add('likes', 'a', 1), { maxWaitMillis, acks });

  it.each(['1', 'majority', 'all'] as const)('takes one round trip for %s', async (acks) => {
    const world = await started();
    await world.clock.advance(1_000);
    const from = world.clock.monotonicMillis();
    const { confirmed } = await world.run(submit(world, acks));
    expect(world.clock.monotonicMillis() - from).toBeLessThanOrEqual(85);
    for (const region of confirmed) expect(world.storedOf(region, 'eu', 'likes', 'a')).toBe(1);
    expect(confirmed.length).toBeGreaterThanOrEqual(acks === 'all' ? 2 : 1);
  });

  it('tells where it is stored and where not yet, when its wait ends', async () => {
    const world = await started();
    part(world, 'eu', 'us');
    const [error, after] = await timed(world, world.run(submit(world, 'all', 600)));
    expect(error).toBeInstanceOf(AcksIncomplete);
    expect(error).toMatchObject({
      code: 'acks_incomplete',
      retryable: true,
      unconfirmed: ['us'],
      outcome: { confirmed: ['ap'], dot: { actor: 'eu~1', seq: 1 } },
    });
    expect(after).toBeLessThanOrEqual(650);
    expect(world.storedOf('eu', 'eu', 'likes', 'a')).toBe(1);
  });

  it('is confirmed although its acks were lost, and when it is retried elsewhere', async () => {
    const world = await started();
    const command = { ...world.add('likes', 'a', 1), mutationId: world.freshMutationId('eu') };
    await world.run(world.region('eu').submit(command, { maxWaitMillis: 1_000 }));
    await world.converged();
    for (const region of ['eu', 'us']) {
      const retried = world.region(region).submit(command, { maxWaitMillis: 1_000, acks: 'all' });
      const { replayed, confirmed } = await world.run(retried);
      expect([replayed, confirmed]).toEqual([true, ['ap', 'us']]);
    }
  });

  it('is refused before it is done where there is no other region', async () => {
    const world = await MemoryWorld.started({ regions: ['eu'] });
    expect(await failure(world.run(submit(world, '1')))).toMatchObject({ code: 'acks_not_available' });
    expect(world.storedOf('eu', 'eu', 'likes', 'a')).toBe(0);
    expect((await world.run(submit(world, 'majority'))).confirmed).toEqual([]);
  });
});

describe('a quorum read', () => {
  it('returns what a majority stores, although nothing of it came by itself, with a region down', async () => {
    const world = await started();
    await world.clock.advance(1_000);
    world.loseRecordsTo('eu', true);
    await world.run(
      world.region('us').submit(world.add('likes', 'a', 5), { maxWaitMillis: 1_000, acks: 'majority' }),
    );
    part(world, 'us', 'eu');
    part(world, 'us', 'ap');
    expect((await read(world, 'eu', { kind: 'eventual' })).value).toBeUndefined();
    expect((await read(world, 'eu', quorum)).value).toMatchObject({ count: 5 });
  });

  it('is refused in time where too few regions answer', async () => {
    const world = await started();
    for (const region of ['us', 'ap']) part(world, 'eu', region);
    const [error, after] = await timed(world, read(world, 'eu', quorum, 800));
    expect(error).toMatchObject({ code: 'no_quorum', retryable: true });
    expect(after).toBeLessThanOrEqual(850);
  });

  it('costs one round trip where nothing is missing', async () => {
    const world = await started();
    await world.clock.advance(1_000);
    const from = world.clock.monotonicMillis();
    await read(world, 'eu', quorum);
    expect(world.clock.monotonicMillis() - from).toBeLessThanOrEqual(81);
  });
});
