import { describe, expect, it } from 'vitest';
import type { Level } from '#core/consistency/level.js';
import { decodeEvent } from '#core/event/event-codec.js';
import type { Event } from '#core/event/event.js';
import { MemoryWorld } from '#kit/world/memory-world.js';

const wait = { maxWaitMillis: 5_000 };
const causal = { consistency: 'causal' } as const;
const causalLevel: Level = { kind: 'causal' };
const regions = ['eu', 'us', 'ap'];

/** A post, a reply to it, and what somebody says of the reply: three entities in three shards. */
function story(world: MemoryWorld) {
  const idIn = (shard: number): string => {
    for (let at = 0; ; at += 1) if (world.shardOf('likes', `e${at}`) === shard) return `e${at}`;
  };
  const [post, reply, echo] = [idIn(0), idIn(1), idIn(3)];
  const write = (region: string, id: string, session?: string) =>
    world.run(
      world
        .region(region)
        .submit({ ...world.add('likes', id, 1), ...causal, ...(session !== undefined && { session }) }, wait),
    );
  const read = (
    region: string,
    id: string,
    options: { readonly session?: string; readonly maxWaitMillis?: number } = {},
  ) =>
    world.run(world.region(region).read({ type: 'likes', id }, { ...wait, level: causalLevel, ...options }));
  /** As somebody without a session sees it. */
  const shows = async (region: string, id: string): Promise<boolean> =>
    (await world.run(world.region(region).read({ type: 'likes', id }, wait))).value !== undefined;
  const eventOf = (region: string, id: string): Event | undefined => {
    const history = world.databases
      .get(region)
      ?.shard(world.shardOf('likes', id))
      .histories.get(`likes\n${id}`);
    const last = history?.at(-1);
    return last && decodeEvent(new TextDecoder().decode(last.bytes));
  };
  return { post, reply, echo, write, read, shows, eventOf };
}

/** Nothing goes from one region to the other, in either direction. */
function part(world: MemoryWorld, a: string, b: string): void {
  world.links.cut(a, b);
  world.links.cut(b, a);
}

/** As `until`, and an assertion: it may be the very thing that does not happen. */
async function comes(world: MemoryWorld, condition: () => boolean, what: string): Promise<void> {
  const came = world.clock.until(condition, what).then(
    () => true,
    () => false,
  );
  expect(await came, what).toBe(true);
}

describe('causal writes', () => {
  it('are seen by nobody before what their writer had seen, although they arrive first', async () => {
    const world = await MemoryWorld.started({ regions });
    const { post, reply, write, read, shows } = story(world);
    world.links.cut('eu', 'ap');
    const { session } = await write('eu', post);
    const seen = await read('us', post, { session });
    await write('us', reply, seen.session);
    await world.clock.until(() => world.storedOf('ap', 'us', 'likes', reply) === 1, 'ap stores the reply');
    expect(world.cursorOf('ap', 'us', 'likes', reply)).toEqual(
      expect.objectContaining({ stored: 1, folded: 0 }),
    );
    expect([await shows('ap', post), await shows('ap', reply)]).toEqual([false, false]);
    world.links.heal('eu', 'ap');
    await comes(world, () => world.cursorOf('ap', 'us', 'likes', reply).folded === 1, 'ap shows the reply');
    expect(await shows('ap', post)).toBe(true);
  });

  it('wait for no cause that could not be fetched: any region that stores it passes it on', async () => {
    const world = await MemoryWorld.started({ regions });
    const { post, reply, write, shows } = story(world);
    part(world, 'eu', 'ap');
    const { session } = await write('eu', post);
    await world.clock.until(() => world.storedOf('us', 'eu', 'likes', post) === 1, 'us stores the post');
    part(world, 'eu', 'us');
    await write('us', reply, session);
    await comes(world, () => world.cursorOf('ap', 'us', 'likes', reply).folded === 1, 'ap shows the reply');
    expect(await shows('ap', post)).toBe(true);
  });

  it('are decided only where what they depend on is', async () => {
    const world = await MemoryWorld.started({ regions });
    const { post, reply, write } = story(world);
    part(world, 'eu', 'us');
    part(world, 'eu', 'ap');
    const { session } = await write('eu', post);
    await expect(write('us', reply, session)).rejects.toMatchObject({ code: 'not_covered_yet' });
  });

  it('wait where they are decided, too, for what is stored there and not folded yet', async () => {
    const world = await MemoryWorld.started({ regions });
    const { post, reply, echo, write, read } = story(world);
    part(world, 'ap', 'us');
    const first = await write('ap', post);
    const seen = await read('eu', post, { session: first.session });
    const second = await write('eu', reply, seen.session);
    await world.clock.until(() => world.storedOf('us', 'eu', 'likes', reply) === 1, 'us stores the reply');
    expect(world.cursorOf('us', 'eu', 'likes', reply).folded).toBe(0);
    // A session that saw the reply alone.
    const { session } = await world.run(world.region('eu').submit({ ...world.add('likes', reply, 1) }, wait));
    expect(second.session).not.toBe(session);
    await write('us', echo, session);
    expect(world.cursorOf('us', 'eu', 'likes', reply)).toMatchObject({ stored: 2, folded: 2 });
  });

  it('carry nothing once everybody has what they depend on', async () => {
    const world = await MemoryWorld.started({ regions });
    const { post, reply, write, eventOf } = story(world);
    const first = await write('eu', post);
    await write('eu', reply, first.session);
    expect(eventOf('eu', reply)?.dependencies).toEqual(new Map([[0, new Map([['eu~1', 1]])]]));
    await world.converged();
    await world.clock.advance(2_000);
    await write('eu', reply, first.session);
    expect(eventOf('eu', reply)?.dependencies).toBeUndefined();
  });

  it('are not held up by a cause that is parked', async () => {
    const world = await MemoryWorld.started({ regions, skewMillis: new Map([['eu', 3_600_000]]) });
    const { post, reply, write } = story(world);
    const { session } = await write('eu', post);
    await world.clock.until(() => world.storedOf('us', 'eu', 'likes', post) === 1, 'us stores the post');
    await write('us', reply, session);
    await comes(world, () => world.cursorOf('ap', 'us', 'likes', reply).folded === 1, 'ap shows the reply');
    expect(world.cursorOf('ap', 'eu', 'likes', post)).toEqual(
      expect.objectContaining({ stored: 1, folded: 0 }),
    );
  });

  it('are not held up by what waits for ever in an entity that is parked', async () => {
    const world = await MemoryWorld.started({
      regions: [...regions, 'sa'],
      skewMillis: new Map([['us', 3_600_000]]),
    });
    const { post, reply, write, read } = story(world);
    part(world, 'sa', 'ap');
    part(world, 'us', 'eu');
    part(world, 'us', 'sa');
    const first = await write('sa', post);
    const second = await write('eu', post, (await read('eu', post, { session: first.session })).session);
    await world.clock.until(
      () => world.storedOf('ap', 'eu', 'likes', post) === 1,
      'ap stores what it cannot fold',
    );
    await write('us', post);
    await world.clock.until(
      () => world.storedOf('ap', 'us', 'likes', post) === 1,
      'ap parks an event of the future',
    );
    await write('eu', reply, second.session);
    await comes(world, () => world.cursorOf('ap', 'eu', 'likes', reply).folded === 1, 'ap shows the reply');
    const held = await world.run(world.region('ap').quarantine(10));
    expect(held.map(({ reason }) => reason).sort()).toEqual(['beyond_drift', 'quarantined', 'quarantined']);
  });

  it('do not depend on anything at level session', async () => {
    const world = await MemoryWorld.started({ regions });
    const { post, reply, write, eventOf } = story(world);
    const { session } = await write('eu', post);
    await world.run(world.region('eu').submit({ ...world.add('likes', reply, 1), session }, wait));
    expect(eventOf('eu', reply)?.dependencies).toBeUndefined();
  });
});

describe('causal reads', () => {
  it('take over what the writer had seen, so that it is there wherever the reader goes on', async () => {
    const world = await MemoryWorld.started({ regions });
    const { post, reply, write, read } = story(world);
    world.links.cut('eu', 'ap');
    const first = await write('eu', post);
    const seen = await read('us', post, { session: first.session });
    await write('us', reply, seen.session);
    const reader = await read('us', reply);
    const after = await read('ap', post, { session: reader.session });
    expect(after.value).toMatchObject({ count: 1 });
  });

  it('pass it on from reader to reader', async () => {
    const world = await MemoryWorld.started({ regions });
    const { post, reply, echo, write, read } = story(world);
    part(world, 'eu', 'ap');
    part(world, 'us', 'ap');
    const first = await write('eu', post);
    const seen = await read('us', post, { session: first.session });
    await write('us', reply, seen.session);
    await world.clock.until(
      () => world.cursorOf('eu', 'us', 'likes', reply).folded === 1,
      'eu has the reply',
    );
    const other = await read('eu', reply);
    const last = await write('eu', echo, other.session);
    const late = read('ap', post, { session: last.session, maxWaitMillis: 200 });
    await expect(late).rejects.toMatchObject({ code: 'not_covered_yet' });
    const echoed = await read('us', echo, { session: last.session });
    await expect(read('ap', post, { session: echoed.session, maxWaitMillis: 200 })).rejects.toMatchObject({
      code: 'not_covered_yet',
    });
  });

  it('keep what an entity depends on although whoever brought it is everywhere', async () => {
    const world = await MemoryWorld.started({ regions, skewMillis: new Map([['eu', 3_600_000]]) });
    const { post, reply, write, read } = story(world);
    const first = await write('eu', post);
    await write('us', reply, first.session);
    await world.clock.advance(3_000);
    await world.run(world.region('us').submit(world.add('likes', reply, 1), wait));
    const reader = await read('us', reply);
    const there = read('ap', post, { session: reader.session });
    await expect(there).rejects.toMatchObject({ code: 'entity_quarantined' });
  });

  it('keep what an entity depends on until that itself is everywhere, also over other writes', async () => {
    const world = await MemoryWorld.started({ regions });
    const { post, reply, write, read } = story(world);
    part(world, 'eu', 'ap');
    part(world, 'us', 'ap');
    const first = await write('eu', post);
    await write('eu', reply, first.session);
    await world.run(world.region('eu').submit(world.add('likes', reply, 1), wait));
    const reader = await read('eu', reply);
    await expect(read('ap', post, { session: reader.session, maxWaitMillis: 200 })).rejects.toMatchObject({
      code: 'not_covered_yet',
    });
    for (const other of ['eu', 'us']) {
      world.links.heal(other, 'ap');
      world.links.heal('ap', other);
    }
    await world.converged();
    await world.clock.advance(2_000);
    expect(cursorsIn((await read('eu', reply)).session)).toEqual({});
  });
});

function cursorsIn(token: string): unknown {
  const body = Buffer.from(token.split('.')[0] ?? '', 'base64url').toString();
  return (JSON.parse(body) as { readonly cursors: unknown }).cursors;
}

describe('the changes feed', () => {
  it('tells an effect after its cause, whatever their shards', async () => {
    const world = await MemoryWorld.started({ regions });
    const { post, echo, write } = story(world);
    const start = await world.run(world.region('eu').barrier());
    // The cause lies in the higher shard: by shard alone it would be told last.
    const { session } = await write('eu', echo);
    await write('eu', post, session);
    const told: string[] = [];
    const feed = world
      .region('eu')
      .changes({ after: start }, async ({ entity }) => void told.push(entity.id));
    await world.clock.until(() => told.length === 2, 'both are told');
    feed.stop();
    expect(told).toEqual([echo, post]);
    await world.run(feed.ended);
  });
});
