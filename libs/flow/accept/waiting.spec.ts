import { describe, expect, it } from 'vitest';
import { MemoryWorld } from '#kit/world/memory-world.js';

const wait = { maxWaitMillis: 5_000 };

describe('events that cannot be folded yet', () => {
  it('keeps the folded cursor below the first event that waits, and folds it once its context is here', async () => {
    const world = await MemoryWorld.started({ regions: ['eu', 'us', 'ap'] });
    // ap hears eu at once and us only late, although eu has built on what us wrote.
    world.links.cut('us', 'ap');
    world.links.cut('ap', 'us');
    world.links.cut('ap', 'eu');
    const fromUs = await world.run(world.region('us').submit(world.add('likes', 'a', 1), wait));
    await world.run(
      world.region('eu').submit({ ...world.add('likes', 'a', 1), session: fromUs.session }, wait),
    );
    await world.clock.until(
      () => world.storedOf('ap', 'eu', 'likes', 'a') === 1,
      'ap stores what it cannot fold',
    );
    expect(world.cursorOf('ap', 'eu', 'likes', 'a')).toMatchObject({ stored: 1, folded: 0 });
    const early = await world.run(world.region('ap').read({ type: 'likes', id: 'a' }, wait));
    expect(early.value).toBeUndefined();
    world.links.heal('us', 'ap');
    world.links.heal('ap', 'us');
    world.links.heal('ap', 'eu');
    await world.converged();
    expect(world.cursorOf('ap', 'eu', 'likes', 'a')).toMatchObject({ stored: 1, folded: 1 });
  });

  it('parks what follows a parked event, goes on with its own writes and with all other entities', async () => {
    const world = await MemoryWorld.started({
      regions: ['eu', 'us'],
      skewMillis: new Map([['eu', 3_600_000]]),
    });
    await world.run(world.region('eu').submit(world.add('likes', 'a', 1), wait));
    await world.clock.until(
      () => world.storedOf('us', 'eu', 'likes', 'a') === 1,
      'us stores an event of the future',
    );
    world.setSkew('eu', 0);
    const own = await world.run(world.region('us').submit(world.add('likes', 'a', 10), wait));
    expect(own.replayed).toBe(false);
    const parked = await world.run(world.region('us').quarantine(10));
    expect(parked).toMatchObject([{ state: 'parked', reason: 'beyond_drift' }]);
    const read = await world.run(world.region('us').read({ type: 'likes', id: 'a' }, wait));
    expect(read).toMatchObject({ quarantined: true, value: { count: 10 } });
    await world.run(world.region('eu').submit(world.add('likes', 'a', 1), wait));
    await world.clock.until(() => world.storedOf('us', 'eu', 'likes', 'a') === 2, 'us stores the next event');
    const after = await world.run(world.region('us').quarantine(10));
    expect(after.map(({ reason }) => reason)).toEqual(['beyond_drift', 'quarantined']);
  });
});
