import { describe, expect, it } from 'vitest';
import { timingDefault } from '#flow/limits.js';
import { MemoryWorld } from '#kit/world/memory-world.js';

const wait = { maxWaitMillis: 5_000 };

describe('repairing what the carrier lost', () => {
  it('fetches a lost tail although no later record shows the gap', async () => {
    const world = await MemoryWorld.started({ regions: ['eu', 'us'] });
    world.loseRecordsTo('us', true);
    await world.run(world.region('eu').submit(world.add('likes', 'a', 2), wait));
    await world.clock.advance(3_000);
    expect(world.storedOf('us', 'eu', 'likes', 'a')).toBe(1);
    expect(world.count('gaps_fetched_total')).toBeGreaterThan(0);
  });

  it('passes on the events of a region that died after publishing to one peer only', async () => {
    const world = await MemoryWorld.started({ regions: ['eu', 'us', 'ap'] });
    world.links.cut('eu', 'ap');
    world.links.cut('ap', 'eu');
    await world.run(world.region('eu').submit(world.add('likes', 'a', 2), wait));
    await world.clock.until(() => world.storedOf('us', 'eu', 'likes', 'a') === 1, 'us stores the event');
    world.links.cut('eu', 'us');
    world.links.cut('us', 'eu');
    await world.clock.advance(3_000);
    expect(world.storedOf('ap', 'eu', 'likes', 'a')).toBe(1);
  });

  it('fetches at once when the local cluster is out of reach', async () => {
    const world = await MemoryWorld.started({ regions: ['eu', 'us'] });
    world.clusters.cluster('us').crash();
    await world.run(world.region('eu').submit(world.add('likes', 'a', 2), wait));
    await world.clock.advance(2_000);
    expect(world.storedOf('us', 'eu', 'likes', 'a')).toBe(1);
  });

  it('leaves to the carrier what the local cluster holds, however long its turn takes', async () => {
    const world = await MemoryWorld.started({ regions: ['eu', 'us'] });
    const release = world.holdDeliveries('us');
    await world.run(world.region('eu').submit(world.add('likes', 'a', 2), wait));
    await world.clock.advance(3_000);
    expect(world.storedOf('us', 'eu', 'likes', 'a')).toBe(0);
    release();
    await world.clock.until(() => world.storedOf('us', 'eu', 'likes', 'a') === 1, 'us stores the event');
    expect(world.count('gaps_fetched_total')).toBe(0);
  });

  it('fetches what the local cluster holds when somebody waits for it', async () => {
    const world = await MemoryWorld.started({ regions: ['eu', 'us'] });
    world.holdDeliveries('us');
    const { session } = await world.run(world.region('eu').submit(world.add('likes', 'a', 2), wait));
    const began = world.clock.monotonicMillis();
    const read = world.region('us').read({ type: 'likes', id: 'a' }, { ...wait, session: session ?? '' });
    const outcome = read.then(
      ({ value }) => value,
      (error: unknown) => error,
    );
    expect(await world.run(outcome)).toMatchObject({ count: 2 });
    expect(world.clock.monotonicMillis() - began).toBeLessThan(1_000);
  });

  it('fetches what the local cluster holds and does not deliver', async () => {
    const world = await MemoryWorld.started({ regions: ['eu', 'us'] });
    world.holdDeliveries('us');
    await world.run(world.region('eu').submit(world.add('likes', 'a', 2), wait));
    await world.clock.advance(timingDefault.carriedPatienceMillis + 2_000);
    expect(world.storedOf('us', 'eu', 'likes', 'a')).toBe(1);
  });

  it('leaves a long backlog to the carrier that brings it run by run', async () => {
    const limits = { publishChunkEventsMax: 2, publishAheadEventsMax: 1 };
    const world = await MemoryWorld.started({ regions: ['eu', 'us'], limits });
    await world.clock.advance(1_000);
    const release = world.holdReads('us');
    const commands = Array.from({ length: 200 }, (_, i) => world.add('likes', `post-${i}`, 1));
    await world.run(Promise.all(commands.map((command) => world.region('eu').submit(command, wait))));
    await world.clock.advance(1_000);
    release();
    await world.converged();
    expect(world.count('events_fetched_total')).toBeLessThan(20);
  });
});
