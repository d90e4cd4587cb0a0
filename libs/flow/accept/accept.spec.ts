import { describe, expect, it } from 'vitest';
import { timingDefault } from '#flow/limits.js';
import { MemoryWorld } from '#kit/world/memory-world.js';

const wait = { maxWaitMillis: 2_000 };

describe('accepting commands', () => {
  it('refuses a mutation id that is older than its record is kept, and executes nothing', async () => {
    const world = await MemoryWorld.started({ regions: ['eu', 'us'] });
    const old = 'eu.00000000-0001-7000-8000-000000000001';
    const refused = world.run(
      world.region('eu').submit({ ...world.add('likes', 'a', 1), mutationId: old }, wait),
    );
    await expect(refused).rejects.toMatchObject({ code: 'mutation_expired' });
    const read = await world.run(world.region('eu').read({ type: 'likes', id: 'a' }, wait));
    expect(read.value).toBeUndefined();
  });

  it('refuses a mutation id whose record is dropped while the command waits to be decided', async () => {
    const world = await MemoryWorld.started({ regions: ['eu', 'us'] });
    const { mutationRetentionMillis, janitorMillis } = timingDefault;
    const born = world.clock.wallMillis() - mutationRetentionMillis + janitorMillis / 2;
    const birth = born.toString(16).padStart(12, '0');
    const mutationId = `eu.${birth.slice(0, 8)}-${birth.slice(8)}-7000-8000-000000000001`;
    // The database answers only after the janitor has been there.
    const release = world.holdReads('eu');
    const submitted = world
      .region('eu')
      .submit({ ...world.add('likes', 'a', 1), mutationId }, { maxWaitMillis: 4 * janitorMillis });
    const refused = expect(submitted).rejects.toMatchObject({ code: 'mutation_expired' });
    await world.clock.advance(2 * janitorMillis);
    release();
    await world.clock.advance(janitorMillis);
    await refused;
  });

  it('answers one retry that came twice in one batch with one event', async () => {
    const world = await MemoryWorld.started({ regions: ['eu', 'us'] });
    const command = { ...world.add('likes', 'a', 1), mutationId: world.freshMutationId('eu') };
    const eu = world.region('eu');
    const [first, second] = await world.run(
      Promise.all([eu.submit(command, wait), eu.submit(command, wait)]),
    );
    expect(second.dot).toEqual(first.dot);
    const read = await world.run(eu.read({ type: 'likes', id: 'a' }, wait));
    expect(read.value).toMatchObject({ count: 1 });
  });

  it('lets a command that the database refuses fail alone', async () => {
    const world = await MemoryWorld.started({ regions: ['eu', 'us'] });
    const eu = world.region('eu');
    // One mutation id for two entities of one batch: nobody has recorded it yet, so only the database's key tells.
    const ids = Array.from({ length: 40 }, (_, index) => `e${index}`);
    const [one = '', ...others] = ids.filter((id) => world.shardOf('likes', id) === 0);
    const other = ids.find((id) => world.shardOf('likes', id) === 2) ?? '';
    const mutationId = world.freshMutationId('eu');
    const outcomes = await world.run(
      Promise.allSettled([
        eu.submit({ ...world.add('likes', one, 1), mutationId }, wait),
        eu.submit({ ...world.add('likes', other, 1), mutationId }, wait),
        ...others.map((id) => eu.submit(world.add('likes', id, 1), wait)),
      ]),
    );
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused.map(({ reason }) => (reason as { code: string }).code)).toEqual(['mutation_reused']);
    expect(world.count('bisections_total')).toBeGreaterThan(0);
  });

  it('refuses when the version read is not the one here', async () => {
    const world = await MemoryWorld.started({ regions: ['eu', 'us'] });
    const eu = world.region('eu');
    const { seen } = await world.run(eu.submit(world.add('likes', 'a', 1), wait));
    await world.run(eu.submit({ ...world.add('likes', 'a', 1), ifMatch: seen }, wait));
    const stale = world.run(eu.submit({ ...world.add('likes', 'a', 1), ifMatch: seen }, wait));
    await expect(stale).rejects.toMatchObject({ code: 'precondition_failed' });
  });

  it('names the operation that a policy refuses', async () => {
    const world = await MemoryWorld.started({ regions: ['eu', 'us'] });
    const operations = [
      { field: 'count', op: 'increment', by: 1 },
      { field: 'count', op: 'increment', by: 0.5 },
    ];
    const refused = world.run(
      world.region('eu').submit({ entity: { type: 'likes', id: 'a' }, kind: 'update', operations }, wait),
    );
    await expect(refused).rejects.toMatchObject({ fields: [{ path: '/operations/1/by' }] });
  });

  it('waits for what the session has seen elsewhere, and says so when it does not come', async () => {
    const world = await MemoryWorld.started({ regions: ['eu', 'us'] });
    const { session } = await world.run(world.region('eu').submit(world.add('likes', 'a', 1), wait));
    const after = await world.run(
      world.region('us').submit({ ...world.add('likes', 'a', 1), session }, wait),
    );
    expect([...after.seen.keys()].sort()).toEqual(['eu~1', 'us~1']);
    world.links.cut('eu', 'us');
    world.links.cut('us', 'eu');
    const ahead = await world.run(world.region('eu').submit(world.add('likes', 'a', 1), wait));
    const late = world.run(
      world.region('us').read({ type: 'likes', id: 'a' }, { ...wait, session: ahead.session }),
    );
    await expect(late).rejects.toMatchObject({ code: 'not_covered_yet', retryable: true });
  });

  it('refuses a session token that was changed', async () => {
    const world = await MemoryWorld.started({ regions: ['eu', 'us'] });
    const eu = world.region('eu');
    const { session } = await world.run(eu.submit(world.add('likes', 'a', 1), wait));
    const [body = '', mac = ''] = session.split('.');
    const forged = `${Buffer.from(Buffer.from(body, 'base64url').toString().replace('[1]', '[9]')).toString('base64url')}.${mac}`;
    for (const token of [forged, 'nonsense', '', `${body}.`, `${session}.x`]) {
      await expect(
        world.run(eu.read({ type: 'likes', id: 'a' }, { ...wait, session: token })),
      ).rejects.toMatchObject({ code: 'invalid_session' });
    }
  });
});
