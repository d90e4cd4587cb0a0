import { describe, expect, it } from 'vitest';
import { multiValue } from '#core/merge/policies.js';
import { MemoryWorld } from '#kit/world/memory-world.js';

const wait = { maxWaitMillis: 5_000 };

describe('two regions in memory', () => {
  it('shows in one region what was written in the other', async () => {
    const world = await MemoryWorld.started({ regions: ['eu', 'us'] });
    const written = await world.run(world.region('eu').submit(world.add('likes', 'a', 2), wait));
    expect(written.replayed).toBe(false);
    const seen = await world.run(
      world.region('us').read({ type: 'likes', id: 'a' }, { ...wait, session: written.session }),
    );
    expect(seen.value).toMatchObject({ count: 2 });
  });

  it('keeps concurrent adds and counts a retried command once, wherever it was retried', async () => {
    const world = await MemoryWorld.started({ regions: ['eu', 'us', 'ap'] });
    world.links.cut('eu', 'us');
    world.links.cut('us', 'eu');
    const command = { ...world.add('likes', 'a', 5), mutationId: world.freshMutationId('eu') };
    await world.run(world.region('eu').submit(command, wait));
    const retried = await world.run(world.region('us').submit(command, wait));
    expect(retried.replayed).toBe(false);
    await world.run(world.region('us').submit(world.add('likes', 'a', 1), wait));
    world.links.heal('eu', 'us');
    world.links.heal('us', 'eu');
    await world.converged();
    for (const region of ['eu', 'us', 'ap']) {
      const read = await world.run(world.region(region).read({ type: 'likes', id: 'a' }, wait));
      expect(read.value).toMatchObject({ count: 6 });
    }
    expect(world.count('aliases_total')).toBeGreaterThan(0);
  });

  it('takes no command about what no event can be about, and goes on after it', async () => {
    const world = await MemoryWorld.started({ regions: ['eu', 'us'], shards: 1 });
    const long = world.run(world.region('eu').submit(world.add('likes', '😀'.repeat(257), 1), wait));
    await expect(long).rejects.toMatchObject({ code: 'too_large' });
    const { session } = await world.run(
      world.region('eu').submit(world.add('likes', '😀'.repeat(256), 1), wait),
    );
    const read = world.region('us').read({ type: 'likes', id: '😀'.repeat(256) }, { ...wait, session });
    expect((await world.run(read)).value).toMatchObject({ count: 1 });
  });

  it('answers a retry in the same region with the first outcome', async () => {
    const world = await MemoryWorld.started({ regions: ['eu', 'us'] });
    const command = { ...world.add('likes', 'a', 5), mutationId: world.freshMutationId('eu') };
    const first = await world.run(world.region('eu').submit(command, wait));
    const again = await world.run(world.region('eu').submit(command, wait));
    expect(again).toMatchObject({ dot: first.dot, seen: first.seen, replayed: true });
    const other = world.run(
      world.region('eu').submit({ ...world.add('likes', 'a', 6), mutationId: command.mutationId }, wait),
    );
    await expect(other).rejects.toMatchObject({ code: 'mutation_reused' });
  });

  it('resolves siblings that a person decided on without naming them: the conflict says which they are', async () => {
    const slot = { field: 'slot', op: 'set' };
    const fields = new Map([['slot', { policy: multiValue() }]]);
    const declared = { schemaVersion: 1, onDelete: 'update-wins', consistency: 'eventual', fields } as const;
    const types = new Map([['meeting', { name: 'meeting', ...declared }]]);
    const world = await MemoryWorld.started({ regions: ['eu', 'us'], types });
    const entity = { type: 'meeting', id: 'a' };
    for (const region of ['eu', 'us']) {
      const operations = [{ ...slot, value: `by ${region}` }];
      await world.run(world.region(region).submit({ entity, kind: 'update', operations }, wait));
    }
    await world.converged();
    const [conflict] = await world.region('eu').conflicts({ limit: 1 });
    await world.run(
      world
        .region('eu')
        .resolveConflict(conflict?.id ?? '', { operations: [{ ...slot, value: 'later' }] }, wait),
    );
    await world.converged();
    for (const region of ['eu', 'us']) {
      const read = await world.run(world.region(region).read(entity, wait));
      expect(read.value).toEqual({ slot: 'later' });
      expect(await world.region(region).conflicts({ limit: 10, onlyUnresolved: true })).toEqual([]);
    }
  });
});
