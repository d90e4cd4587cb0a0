import { describe, expect, it } from 'vitest';
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
});
