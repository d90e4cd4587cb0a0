import { expect, it } from 'vitest';
import type { ReadOptions, ReadOutcome } from '#flow/service.js';
import { MemoryWorld } from '#kit/world/memory-world.js';

const entity = { type: 'likes', id: 'a' };
const wait = { maxWaitMillis: 5_000 };

/** The answer, if it is there after one turn; the world's clock stands still meanwhile. */
async function answeredNow(
  world: MemoryWorld,
  region: string,
  options: Partial<ReadOptions> = {},
): Promise<ReadOutcome | undefined> {
  let answer: ReadOutcome | undefined;
  const reading = world.region(region).read(entity, { ...wait, ...options });
  void reading.then((outcome) => (answer = outcome));
  await Promise.resolve();
  await Promise.resolve();
  const atOnce = answer;
  await world.run(reading);
  return atOnce;
}

it('a read is answered at once from what the owner of the shard remembers, at every level that asks nobody', async () => {
  const world = await MemoryWorld.started({ regions: ['eu', 'us'] });
  const eu = world.region('eu');
  const { session, seen } = await world.run(eu.submit(world.add('likes', 'a', 3), wait));
  for (const level of ['eventual', 'session', 'causal'] as const) {
    const answer = await answeredNow(world, 'eu', { session, level: { kind: level } });
    expect(answer).toMatchObject({
      entity,
      value: { count: 3 },
      seen,
      quarantined: false,
      openConflicts: [],
    });
    expect(answer?.session).toEqual(expect.any(String));
  }
  expect(await answeredNow(world, 'eu', { level: { kind: 'quorum' } })).toBeUndefined();
});

it('a read is not answered at once where nothing is remembered', async () => {
  const world = await MemoryWorld.started({ regions: ['eu', 'us'] });
  expect(await answeredNow(world, 'eu')).toBeUndefined();
});

it('a read waits for what its session depends on, although an older state is remembered', async () => {
  const world = await MemoryWorld.started({ regions: ['eu', 'us'], linkMillis: 40 });
  const [eu, us] = [world.region('eu'), world.region('us')];
  await world.run(us.submit(world.add('likes', 'a', 1), wait));
  await world.converged();
  const { session } = await world.run(eu.submit(world.add('likes', 'a', 2), wait));
  expect(await answeredNow(world, 'us')).toMatchObject({ value: { count: 1 } });
  const { value } = await world.run(us.read(entity, { ...wait, session }));
  expect(value).toMatchObject({ count: 3 });
});

it('a token that no member signed is refused, also where the entity is remembered', async () => {
  const world = await MemoryWorld.started({ regions: ['eu', 'us'] });
  const eu = world.region('eu');
  await world.run(eu.submit(world.add('likes', 'a', 3), wait));
  await expect(eu.read(entity, { ...wait, session: 'x.y' })).rejects.toMatchObject({
    code: 'invalid_session',
  });
  await expect(eu.read({ type: 'no', id: 'a' }, wait)).rejects.toMatchObject({ code: 'unknown_type' });
});
