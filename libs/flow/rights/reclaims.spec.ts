import { describe, expect, it } from 'vitest';
import type { EntityType, Field } from '#core/merge/entity-type.js';
import { boundedCounter, lastWriterWins } from '#core/merge/policies.js';
import type { Operation } from '#core/merge/policy.js';
import { MemoryWorld } from '#kit/world/memory-world.js';
import type { FieldOperation, WriteOutcome } from '../service.js';

const leaseMillis = 1_000;
const stock: EntityType = {
  name: 'stock',
  schemaVersion: 1,
  onDelete: 'update-wins',
  consistency: 'eventual',
  fields: new Map<string, Field>([
    ['units', { policy: boundedCounter({ min: 0 }, { leaseMillis }) }],
    ['name', { policy: lastWriterWins() }],
  ]),
};
const plain: EntityType = {
  ...stock,
  name: 'plain',
  fields: new Map<string, Field>([['units', { policy: boundedCounter({ min: 0 }) }]]),
};
const types = new Map([
  ['stock', stock],
  ['plain', plain],
]);
const entity = { type: 'stock', id: 's' };
const regions = ['eu', 'us', 'ap'];

/** us holds 50, and everybody knows. */
async function started(): Promise<MemoryWorld> {
  const world = await MemoryWorld.started({ regions, types });
  await world.clock.advance(1_000);
  await change(world, 'us', { op: 'increment', by: 50 });
  await world.converged();
  return world;
}

function asking(
  world: MemoryWorld,
  region: string,
  operation: Operation & { readonly mutationId?: string },
  maxWaitMillis = 4_000,
): Promise<WriteOutcome> {
  const { mutationId, ...rest } = operation;
  const command = { entity, kind: 'update' as const, operations: [{ field: 'units', ...rest }] };
  return world
    .region(region)
    .submit({ ...command, ...(mutationId !== undefined && { mutationId }) }, { maxWaitMillis });
}

const change = (...args: Parameters<typeof asking>): Promise<WriteOutcome> => args[0].run(asking(...args));

async function read(world: MemoryWorld, region: string): Promise<unknown> {
  const { value } = await world.run(world.region(region).read(entity, { maxWaitMillis: 1_000 }));
  return value?.['units'];
}

const reclaimed = (world: MemoryWorld): number => world.count('rights_reclaimed_total');

describe('rights under a lease', () => {
  it('are used while a majority is heard, also with one region down', async () => {
    const world = await started();
    world.links.isolate('ap', ['eu', 'us']);
    await world.clock.advance(5_000);
    await change(world, 'us', { op: 'spend', by: 10 });
    expect(await read(world, 'us')).toMatchObject({ value: 40 });
  });

  it('are not used by a region that has not heard a majority within the lease', async () => {
    const world = await started();
    world.links.isolate('us', ['eu', 'ap']);
    await world.clock.advance(leaseMillis + 500);
    const refused = change(world, 'us', { op: 'spend', by: 1 }, 300);
    await expect(refused).rejects.toMatchObject({ code: 'rights_lapsed', retryable: true });
    expect(await read(world, 'us')).toMatchObject({ value: 50 });
  });

  it('INV-12: go to those who need them once the lease has lapsed, and what their holder spent alone never counts', async () => {
    const world = await started();
    const mutationId = world.freshMutationId('us');
    world.links.isolate('us', ['eu', 'ap']);
    // Within its lease us may still try: but nobody stores it, and it is not told that it counts.
    const alone = asking(world, 'us', { op: 'spend', by: 10, mutationId }, 400);
    await expect(world.run(alone)).rejects.toMatchObject({ code: 'rights_lapsed' });
    expect(await read(world, 'us')).toMatchObject({ value: 40 });
    await change(world, 'eu', { op: 'spend', by: 50 }, 10_000);
    expect(reclaimed(world)).toBe(1);
    world.links.rejoin('us', ['eu', 'ap']);
    await world.converged();
    for (const region of regions)
      expect(await read(world, region)).toMatchObject({ value: 0, rightsHere: 0 });
    const again = change(world, 'us', { op: 'spend', by: 10, mutationId });
    await expect(again).rejects.toMatchObject({ code: 'rights_reclaimed', retryable: false });
    await expect(change(world, 'us', { op: 'spend', by: 1 }, 500)).rejects.toMatchObject({
      code: 'insufficient_rights',
    });
  });

  it('keep what a majority stores of their holder, whoever takes them over', async () => {
    const world = await started();
    world.links.cut('us', 'eu');
    world.links.cut('eu', 'us');
    // ap alone has it when us is gone.
    await change(world, 'us', { op: 'spend', by: 10 });
    world.links.isolate('us', ['ap']);
    await change(world, 'eu', { op: 'spend', by: 40 }, 10_000);
    expect(await read(world, 'eu')).toMatchObject({ value: 0 });
    const more = change(world, 'eu', { op: 'spend', by: 1 }, 6_000);
    await expect(more).rejects.toMatchObject({ code: 'insufficient_rights' });
  });

  it('stay with a region that some other region hears', async () => {
    const world = await started();
    world.links.isolate('us', ['eu']);
    const short = change(world, 'eu', { op: 'spend', by: 50 }, 12_000);
    await expect(short).rejects.toMatchObject({ code: 'insufficient_rights' });
    expect(reclaimed(world)).toBe(0);
    await change(world, 'us', { op: 'spend', by: 50 });
  });

  it('come back to life when the region is heard again before they were taken over', async () => {
    const world = await started();
    world.links.isolate('us', ['eu', 'ap']);
    await world.clock.advance(2 * leaseMillis + 500);
    const short = asking(world, 'eu', { op: 'spend', by: 50 }, 500);
    await expect(world.run(short)).rejects.toMatchObject({ code: 'insufficient_rights' });
    world.links.rejoin('us', ['eu', 'ap']);
    await change(world, 'us', { op: 'spend', by: 50 }, 8_000);
    expect(reclaimed(world)).toBe(0);
  });

  it('are taken over once, also when two regions want them', async () => {
    const world = await started();
    world.links.isolate('us', ['eu', 'ap']);
    const both = [
      asking(world, 'eu', { op: 'spend', by: 20 }, 20_000),
      asking(world, 'ap', { op: 'spend', by: 30 }, 20_000),
    ];
    await world.run(Promise.all(both));
    expect(reclaimed(world)).toBe(1);
    expect(await read(world, 'ap')).toMatchObject({ value: 0 });
  });

  it('are handed on as soon as their giver knows that the transfer counts, with a region down', async () => {
    const world = await started();
    world.links.isolate('ap', ['eu', 'us']);
    await change(world, 'eu', { op: 'spend', by: 30 });
    expect(await read(world, 'eu')).toMatchObject({ value: 20 });
  });

  it('are used by no command that was born elsewhere, nor beside fields that are no counters', async () => {
    const world = await started();
    const mutationId = world.freshMutationId('eu');
    const foreign = change(world, 'us', { op: 'spend', by: 1, mutationId });
    await expect(foreign).rejects.toMatchObject({ code: 'born_elsewhere' });
    const operations: readonly FieldOperation[] = [
      { field: 'units', op: 'spend', by: 1 },
      { field: 'name', op: 'set', value: 'tea' },
    ];
    const mixed = world.region('us').submit({ entity, kind: 'update', operations }, { maxWaitMillis: 500 });
    await expect(world.run(mixed)).rejects.toMatchObject({ code: 'invalid_value' });
  });
});

describe("rights on an operator's word", () => {
  const counter = { type: 'plain', id: 'p' };
  const on = (world: MemoryWorld, region: string, op: string, by: number): Promise<WriteOutcome> =>
    world.run(
      world
        .region(region)
        .submit(
          { entity: counter, kind: 'update', operations: [{ field: 'units', op, by }] },
          { maxWaitMillis: 2_000 },
        ),
    );
  const value = async (world: MemoryWorld, region: string): Promise<unknown> =>
    (await world.run(world.region(region).read(counter, { maxWaitMillis: 100 }))).value?.['units'];

  async function filled(): Promise<MemoryWorld> {
    const world = await MemoryWorld.started({ regions, types });
    await on(world, 'us', 'increment', 50);
    await world.converged();
    return world;
  }

  it('are handed on by a region that is taken down', async () => {
    const world = await filled();
    const dry = await world.run(world.region('us').drainRights('eu', false));
    expect(dry).toMatchObject({ executed: false, found: 1, counters: [{ spend: 50, done: false }] });
    const run = await world.run(world.region('us').drainRights('eu', true));
    expect(run).toMatchObject({ executed: true, counters: [{ entity: counter, actor: 'us~1', done: true }] });
    await world.converged();
    expect(await value(world, 'eu')).toEqual({ value: 50, rightsHere: 50 });
  });

  it('come from a region whose database is destroyed, and not without everybody else', async () => {
    const world = await filled();
    world.links.isolate('us', ['eu', 'ap']);
    world.links.isolate('ap', ['eu']);
    const refused = await world.run(world.region('eu').reclaimRights('us', true));
    expect(refused.counters).toMatchObject([{ done: false }]);
    world.links.rejoin('ap', ['eu']);
    const run = await world.run(world.region('eu').reclaimRights('us', true));
    expect(run.counters).toMatchObject([{ entity: counter, actor: 'us~1', spend: 50, done: true }]);
    await on(world, 'eu', 'spend', 50);
    expect(await value(world, 'eu')).toEqual({ value: 0, rightsHere: 0 });
  });

  it('INV-12: are never used twice, also when the operator was wrong', async () => {
    const world = await filled();
    world.links.isolate('us', ['eu', 'ap']);
    await on(world, 'us', 'spend', 30);
    await world.run(world.region('eu').reclaimRights('us', true));
    await on(world, 'eu', 'spend', 50);
    world.links.rejoin('us', ['eu', 'ap']);
    await world.converged();
    for (const region of regions) expect(await value(world, region)).toEqual({ value: 0, rightsHere: 0 });
  });
});
