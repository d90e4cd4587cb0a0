import { expect, it } from 'vitest';
import { MemoryWorld } from '#kit/world/memory-world.js';
import { CommitRefused, LogUnavailable } from '../ports/event-log.js';

it('a stream goes on after a refused batch whose first half met an outage', async () => {
  const world = await MemoryWorld.started({ regions: ['us', 'eu', 'ap'], shards: 1 });
  const write = (): Promise<unknown> =>
    world.run(world.region('us').submit(world.add('likes', 'a', 1), { maxWaitMillis: 5_000 }));
  await write();
  await world.converged();
  const database = world.databases.get('eu')!;
  const release = world.holdDeliveries('eu');
  for (let more = 0; more < 4; more += 1) await write();
  const commit = database.commit.bind(database);
  const faults = [new CommitRefused('one row is refused'), new LogUnavailable('the database restarts')];
  let hasBegun = false;
  database.commit = (parts) => {
    hasBegun ||= parts.some(({ events }) => events.length > 1);
    const fault = hasBegun ? faults.shift() : undefined;
    if (fault) throw fault;
    return commit(parts);
  };
  release();
  await world.clock.advance(20_000);
  expect(faults).toEqual([]);
  await write();
  await world.clock.advance(60_000);
  expect(world.storedOf('ap', 'us', 'likes', 'a')).toBe(6);
  expect(world.storedOf('eu', 'us', 'likes', 'a')).toBe(6);
});
