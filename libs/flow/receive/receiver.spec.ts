import { describe, expect, it } from 'vitest';
import { packEvents, unpackEvents } from '#core/event/event-pack.js';
import { kitAuth } from '#kit/memory/memory-auth.js';
import { MemoryWorld } from '#kit/world/memory-world.js';

const wait = { maxWaitMillis: 5_000 };

/** Nothing of a region is stored before it was heard (PROTOCOL §12). */
const acquainted = (world: MemoryWorld): Promise<void> => world.clock.advance(500);

/** Writes in eu while us hears nothing of it, and answers eu's record as it lies on eu's own cluster. */
async function recordOfEu(world: MemoryWorld): Promise<{
  readonly shard: number;
  readonly value: Uint8Array;
  readonly mac: Uint8Array;
  readonly key: string;
}> {
  await acquainted(world);
  world.links.cut('eu', 'us');
  await world.run(world.region('eu').submit(world.add('likes', 'a', 2), wait));
  const shard = world.shardOf('likes', 'a');
  const partition = world.clusters.cluster('eu').partition('eu', shard);
  await world.clock.until(() => partition.records.length > 0, 'eu published to its own cluster');
  const [record] = partition.records;
  if (record?.mac === undefined) throw new Error('there is a record, with its MAC');
  return { shard, ...record, mac: record.mac };
}

async function injected(
  change: (record: { value: Uint8Array; mac: Uint8Array; key: string }) => {
    value: Uint8Array;
    mac: Uint8Array;
    key: string;
  },
): Promise<MemoryWorld> {
  const world = await MemoryWorld.started({ regions: ['eu', 'us'] });
  const { shard, ...record } = await recordOfEu(world);
  world.clusters.cluster('us').inject('eu', shard, change(record));
  await world.clock.advance(100);
  return world;
}

const storedHere = (world: MemoryWorld): number =>
  world.databases.get('us')?.shard(world.shardOf('likes', 'a')).cursors.get('eu~1')?.stored ?? 0;

describe('records put straight on the topic', () => {
  it('are stored when a member sent them', async () => {
    expect(storedHere(await injected((record) => record))).toBe(1);
  });

  it('take no dot when nobody signed them', async () => {
    const world = await injected((record) => ({ ...record, mac: new Uint8Array(32) }));
    expect(storedHere(world)).toBe(0);
    expect(world.count('records_refused_total')).toBe(1);
  });

  it('take no dot when another member signed them', async () => {
    const world = await injected((record) => ({ ...record, mac: kitAuth('us').sign(record.value) }));
    expect(storedHere(world)).toBe(0);
  });

  it('take no dot when they are not events', async () => {
    const value = Buffer.from('{"v":1,"actor":"eu~1"}');
    const world = await injected((record) => ({ ...record, value, mac: kitAuth('eu').sign(value) }));
    expect(storedHere(world)).toBe(0);
    expect(world.count('records_refused_total')).toBe(1);
  });

  it('take no dot when they speak for another region', async () => {
    const world = await injected((record) => {
      const value = Buffer.from(
        Buffer.from(record.value).toString().replace('"actor":"eu~1"', '"actor":"ap~1"'),
      );
      return { ...record, value, mac: kitAuth('eu').sign(value) };
    });
    expect(storedHere(world)).toBe(0);
  });

  it('stop nothing: what follows is stored', async () => {
    const world = await injected((record) => ({ ...record, mac: new Uint8Array(32) }));
    world.links.heal('eu', 'us');
    await world.converged();
    expect(storedHere(world)).toBe(1);
  });

  /** Two events of eu as one record, as the test has changed them. */
  async function packed(
    change: (events: readonly Uint8Array[]) => readonly Uint8Array[],
    cutOff = 0,
  ): Promise<MemoryWorld> {
    const world = await MemoryWorld.started({ regions: ['eu', 'us'] });
    await acquainted(world);
    world.links.cut('eu', 'us');
    for (const by of [2, 3]) await world.run(world.region('eu').submit(world.add('likes', 'a', by), wait));
    const shard = world.shardOf('likes', 'a');
    const partition = world.clusters.cluster('eu').partition('eu', shard);
    const published = (): readonly Uint8Array[] =>
      partition.records.flatMap(({ value }) => unpackEvents(value) ?? []);
    await world.clock.until(() => published().length === 2, 'eu published both to its own cluster');
    const pack = packEvents(change(published()));
    const value = pack.subarray(0, pack.length - cutOff);
    world.clusters
      .cluster('us')
      .inject('eu', shard, { key: String(shard), value, mac: kitAuth('eu').sign(value) });
    await world.clock.advance(100);
    return world;
  }

  it('are stored one by one when they share a record', async () => {
    expect(storedHere(await packed((events) => events))).toBe(2);
  });

  it('are stored up to the one that is not an event', async () => {
    const world = await packed(([first]) => [first ?? new Uint8Array(), Uint8Array.from([0x7b])]);
    expect(storedHere(world)).toBe(1);
    expect(world.count('records_refused_total')).toBe(1);
  });

  it('take no dot when the record they share is cut off', async () => {
    const world = await packed((events) => events, 1);
    expect(storedHere(world)).toBe(0);
    expect(world.count('records_refused_total')).toBe(1);
  });

  it('stop the stream when they claim a stored dot for another event', async () => {
    const world = await injected((record) => record);
    const value = Buffer.from(
      Buffer.from(
        world.clusters.cluster('eu').partition('eu', world.shardOf('likes', 'a')).records[0]?.value ?? [],
      )
        .toString()
        .replace('"by":2', '"by":3')
        .replace('[["count",1,2]]', '[["count",1,3]]'),
    );
    world.clusters
      .cluster('us')
      .inject('eu', world.shardOf('likes', 'a'), { key: 'likes/a', value, mac: kitAuth('eu').sign(value) });
    await world.clock.until(() => world.count('forks_total') > 0, 'the fork is noticed');
    expect(storedHere(world)).toBe(1);
  });
});
