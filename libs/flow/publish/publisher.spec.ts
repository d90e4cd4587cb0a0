import { describe, expect, it } from 'vitest';
import { unpackEvents } from '#core/event/event-pack.js';
import { MemoryWorld } from '#kit/world/memory-world.js';

const wait = { maxWaitMillis: 5_000 };
const limits = { publishChunkEventsMax: 2, publishAheadEventsMax: 4 };
const written = 40;

async function write(world: MemoryWorld): Promise<void> {
  const commands = Array.from({ length: written }, (_, i) => world.add('likes', `post-${i}`, 1));
  await world.run(Promise.all(commands.map((command) => world.region('eu').submit(command, wait))));
}

/** Events of eu that the cluster of us was sent. */
function sentToUs(world: MemoryWorld): number {
  const records = world.clusters
    .cluster('us')
    .partitionsOf('eu')
    .flatMap((partition) => partition.records);
  return records.reduce((sum, { value }) => sum + (unpackEvents(value)?.length ?? 0), 0);
}

describe('publishing to a region that is behind', () => {
  it('goes on slowly while the region says that it gets nowhere, and at once when it gets on', async () => {
    const world = await MemoryWorld.started({ regions: ['eu', 'us'], limits });
    await world.clock.advance(1_000);
    const release = world.holdDeliveries('us');
    await write(world);
    await world.clock.advance(150);
    const early = sentToUs(world);
    expect(early).toBeGreaterThan(limits.publishAheadEventsMax);
    expect(early).toBeLessThan(written / 2);
    await world.clock.advance(200);
    expect(sentToUs(world)).toBeGreaterThan(early);
    release();
    await world.converged();
    expect(sentToUs(world)).toBe(written);
  });

  it('holds nothing back from the cluster of a region that says nothing', async () => {
    const world = await MemoryWorld.started({ regions: ['eu', 'us'], limits, asleep: ['us'] });
    await world.clock.advance(1_000);
    await write(world);
    await world.clock.advance(150);
    expect(sentToUs(world)).toBe(written);
  });
});
