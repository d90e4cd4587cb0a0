import { afterEach, expect, it, vi } from 'vitest';
import { MemoryWorld } from '#kit/world/memory-world.js';
import { LogUnavailable } from './ports/event-log.js';
import { sleep } from './ports/clock.js';
import { Positions } from './receive/positions.js';

afterEach(() => vi.restoreAllMocks());

it('a process that stops leaves no lease behind, although its database takes a moment', async () => {
  const world = await MemoryWorld.started({ regions: ['us', 'eu'], shards: 4 });
  await world.clock.advance(2_000);
  vi.spyOn(Positions.prototype, 'save').mockImplementation(() => sleep(world.clock, 800));
  await world.run(world.region('us').stop());
  const leases = world.databases.get('us')!.shards.map(({ leaseUntilMillis }) => leaseUntilMillis);
  expect(leases).toEqual([-Infinity, -Infinity, -Infinity, -Infinity]);
});

it('a process stops while its database is away and what it received fills the queue', async () => {
  const limits = { applyQueueBytesMax: 1_000, batchItemsMax: 2 };
  const world = await MemoryWorld.started({ regions: ['us', 'eu'], shards: 1, limits });
  const write = (): Promise<unknown> =>
    world.run(world.region('us').submit(world.add('likes', 'a', 1), { maxWaitMillis: 5_000 }));
  await write();
  await world.converged();
  world.databases.get('eu')!.commit = () => {
    throw new LogUnavailable('the database is away');
  };
  for (let more = 0; more < 20; more += 1) await write();
  await world.clock.advance(2_000);
  let hasStopped = false;
  const stopping = world.region('eu').stop();
  void stopping.then(() => (hasStopped = true));
  await world.clock.advance(120_000);
  expect(hasStopped).toBe(true);
});
