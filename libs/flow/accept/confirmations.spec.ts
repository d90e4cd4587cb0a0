import { expect, it } from 'vitest';
import { MemoryWorld } from '#kit/world/memory-world.js';

it('questions about one stream do not grow with the writes that wait for its acks', async () => {
  const world = await MemoryWorld.started({ regions: ['us', 'eu', 'ap'], shards: 1 });
  await world.clock.advance(1_000);
  const release = world.holdReads('ap');
  const handlers = world.region('ap').handlers as { cursors: (shard: number) => Promise<unknown> };
  const answer = handlers.cursors;
  let asked = 0;
  handlers.cursors = (shard) => {
    asked += 1;
    return answer(shard);
  };
  const writes = Array.from({ length: 500 }, async (_, count) => {
    const options = { maxWaitMillis: 4_000, acks: 'all' as const };
    const writing = world.region('us').submit(world.add('likes', `x${count}`, 1), options);
    return writing.then(
      () => 'confirmed',
      (error: unknown) => (error as { code?: string }).code,
    );
  });
  const outcomes = new Set(await world.run(Promise.all(writes)));
  release();
  expect([...outcomes]).toEqual(['acks_incomplete']);
  expect(asked).toBeGreaterThan(0);
  expect(asked).toBeLessThan(100);
});
