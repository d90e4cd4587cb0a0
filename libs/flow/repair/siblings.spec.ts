import { describe, expect, it } from 'vitest';
import type { EntityType } from '#core/merge/entity-type.js';
import { boundedCounter } from '#core/merge/policies.js';
import { MemoryWorld } from '#kit/world/memory-world.js';
import type { ReadOptions } from '../service.js';

const stock: EntityType = {
  name: 'stock',
  schemaVersion: 1,
  onDelete: 'update-wins',
  consistency: 'eventual',
  fields: new Map([['units', { policy: boundedCounter({ min: 0 }, { leaseMillis: 1_000 }) }]]),
};
const wait = { maxWaitMillis: 5_000 };

/** By the id of the process, as `MemoryWorld` names it. */
const nameOf = (processId: string): string => (processId === 'us-1' ? 'us' : 'us#2');

it.each(['us-1', 'us-2'])(
  'rights come from a region that lives to %s, however it hears that region',
  async (processId) => {
    const world = await MemoryWorld.started({
      regions: ['eu', 'us', 'ap'],
      types: new Map([['stock', stock]]),
      shards: 2,
      pairs: ['us'],
    });
    await world.clock.advance(10_000);
    const owners = await world.run(world.region('us').owners());
    const ids = Array.from({ length: 20 }, (_, count) => `s${count}`);
    const id = ids.find((one) => owners[world.shardOf('stock', one)]!.owner === processId)!;
    const change = async (region: string, op: string, by: number): Promise<string> => {
      const command = {
        entity: { type: 'stock', id },
        kind: 'update' as const,
        operations: [{ field: 'units', op, by }],
      };
      const writing = world.region(region).submit(command, { maxWaitMillis: 4_000 });
      return world.run(
        writing.then(
          () => 'ok',
          (error: unknown) => String(error),
        ),
      );
    };
    expect(await change('eu', 'increment', 50)).toBe('ok');
    await world.converged();
    await world.clock.advance(5_000);
    expect(await change('us', 'spend', 10)).toBe('ok');
  },
);

describe.each(['owner', 'other'] as const)('while the cluster holds more, the %s process', (at) => {
  async function lab() {
    const world = await MemoryWorld.started({ regions: ['eu', 'us'], shards: 2, pairs: ['us'] });
    await world.clock.advance(10_000);
    const owners = await world.run(world.region('us').owners());
    expect(new Set(owners.map(({ owner }) => owner)).size).toBe(2);
    const owner = nameOf(owners[world.shardOf('likes', 'a')]!.owner);
    const other = owner === 'us' ? 'us#2' : 'us';
    world.holdDeliveries('us');
    const { session } = await world.run(world.region('eu').submit(world.add('likes', 'a', 2), wait));
    const read = async (options: Partial<ReadOptions>): Promise<unknown> => {
      const region = world.region(at === 'owner' ? owner : other);
      const reading = region.read({ type: 'likes', id: 'a' }, { ...wait, ...options });
      return world.run(
        reading.then(
          ({ value }) => value,
          (error: unknown) => (error as { code?: string }).code,
        ),
      );
    };
    return { session, read };
  }

  it('serves a session in time', async () => {
    const { session, read } = await lab();
    expect(await read({ session })).toMatchObject({ count: 2 });
  });

  it('serves a quorum read in time', async () => {
    const { read } = await lab();
    expect(await read({ level: { kind: 'quorum' } })).toMatchObject({ count: 2 });
  });
});
