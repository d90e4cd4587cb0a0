import { describe, expect, it } from 'vitest';
import { formatDot } from '#core/causality/dot.js';
import type { EntityType, Field } from '#core/merge/entity-type.js';
import { boundedCounter, lastWriterWins } from '#core/merge/policies.js';
import type { Operation } from '#core/merge/policy.js';
import { MemoryWorld } from '#kit/world/memory-world.js';
import type { WriteOutcome } from '../service.js';

const stockType: EntityType = {
  name: 'stock',
  schemaVersion: 1,
  onDelete: 'update-wins',
  consistency: 'eventual',
  fields: new Map<string, Field>([
    ['units', { policy: boundedCounter({ min: 0 }) }],
    ['name', { policy: lastWriterWins() }],
  ]),
};
const quotaType: EntityType = {
  ...stockType,
  name: 'quota',
  fields: new Map([['used', { policy: boundedCounter({ min: 0, max: 10 }) }]]),
};
const types = new Map([
  ['stock', stockType],
  ['quota', quotaType],
]);
const entity = { type: 'stock', id: 's' };

const started = (regions = ['eu', 'us', 'ap']): Promise<MemoryWorld> =>
  MemoryWorld.started({ regions, types });

function asking(
  world: MemoryWorld,
  region: string,
  operation: Operation & { readonly mutationId?: string },
  maxWaitMillis = 4_000,
): Promise<WriteOutcome> {
  const { mutationId, ...rest } = operation;
  return world.region(region).submit(
    {
      ...{ entity, kind: 'update', operations: [{ field: 'units', ...rest }] },
      ...(mutationId !== undefined && { mutationId }),
    },
    { maxWaitMillis },
  );
}

const change = (...args: Parameters<typeof asking>): Promise<WriteOutcome> => args[0].run(asking(...args));

async function read(world: MemoryWorld, region: string): Promise<unknown> {
  const { value } = await world.run(world.region(region).read(entity, { maxWaitMillis: 1_000 }));
  return value?.['units'];
}

describe('rights to a bounded counter', () => {
  it('are spent where they are held, without asking anybody', async () => {
    const world = await started();
    await change(world, 'eu', { op: 'increment', by: 10 });
    world.links.isolate('eu', ['us', 'ap']);
    await change(world, 'eu', { op: 'spend', by: 10 }, 50);
    expect(await read(world, 'eu')).toEqual({ value: 0, rightsHere: 0 });
  });

  it('come from the richest peer when they are needed, and every region reads the same sum', async () => {
    const world = await started();
    await change(world, 'eu', { op: 'increment', by: 100 });
    await change(world, 'us', { op: 'increment', by: 6 });
    await world.converged();
    await change(world, 'ap', { op: 'spend', by: 20 });
    await world.converged();
    const events = await world.run(world.region('ap').history(entity, { limit: 20, offset: 0 }));
    const transfers = events.filter(({ event }) => JSON.stringify(event.changes).includes('transfer'));
    expect(transfers.map(({ event }) => event.dot.actor)).toEqual(['eu~1']);
    for (const region of ['eu', 'us', 'ap']) expect(await read(world, region)).toMatchObject({ value: 86 });
  });

  it('are collected from several regions when none has enough', async () => {
    const world = await started();
    await change(world, 'eu', { op: 'increment', by: 4 });
    await change(world, 'us', { op: 'increment', by: 3 });
    await world.converged();
    await change(world, 'ap', { op: 'spend', by: 7 });
    expect(await read(world, 'ap')).toEqual({ value: 0, rightsHere: 0 });
  });

  it('are asked for once for all who wait', async () => {
    const world = await started();
    await change(world, 'eu', { op: 'increment', by: 200 });
    await world.converged();
    await world.run(
      Promise.all(Array.from({ length: 40 }, () => asking(world, 'us', { op: 'spend', by: 1 }))),
    );
    expect(world.count('rights_asked_total')).toBeLessThanOrEqual(3);
    expect(await read(world, 'us')).toMatchObject({ value: 160 });
  });

  it('come ahead of need: a region that runs low asks before anybody waits', async () => {
    const world = await started();
    await change(world, 'eu', { op: 'increment', by: 300 });
    await world.converged();
    await change(world, 'us', { op: 'spend', by: 1 });
    await world.clock.advance(3_000);
    world.links.isolate('us', ['eu', 'ap']);
    await change(world, 'us', { op: 'spend', by: 60 }, 50);
    expect(await read(world, 'us')).toMatchObject({ value: 239 });
  });

  it('INV-12: are refused within the deadline while those who hold them are cut off, and never oversold', async () => {
    const world = await started();
    await change(world, 'eu', { op: 'increment', by: 5 });
    await world.converged();
    world.links.isolate('us', ['eu', 'ap']);
    const began = world.clock.monotonicMillis();
    await expect(change(world, 'us', { op: 'spend', by: 1 }, 700)).rejects.toMatchObject({
      code: 'insufficient_rights',
      message: expect.stringContaining('eu 5') as unknown,
    });
    const took = world.clock.monotonicMillis() - began;
    expect(took).toBeGreaterThan(600);
    expect(took).toBeLessThanOrEqual(750);
    // However long it is silent, nobody takes what us may have spent: eu sells its own, and no more.
    await world.clock.advance(120_000);
    await change(world, 'eu', { op: 'spend', by: 5 });
    await expect(change(world, 'ap', { op: 'spend', by: 1 }, 300)).rejects.toMatchObject({
      code: 'insufficient_rights',
    });
  });

  it('INV-12: stay with a region that is only cut off, however long it is silent', async () => {
    const world = await started();
    await change(world, 'us', { op: 'increment', by: 8 });
    await world.converged();
    world.links.isolate('us', ['eu', 'ap']);
    await world.clock.advance(600_000);
    await expect(change(world, 'eu', { op: 'spend', by: 1 }, 500)).rejects.toMatchObject({
      code: 'insufficient_rights',
    });
    await change(world, 'us', { op: 'spend', by: 8 }, 50);
    expect(await read(world, 'us')).toEqual({ value: 0, rightsHere: 0 });
  });

  it('are refused at once where nobody is known to hold any', async () => {
    const world = await started();
    await change(world, 'eu', { op: 'increment', by: 1 });
    const began = world.clock.monotonicMillis();
    await expect(change(world, 'eu', { op: 'spend', by: 2 })).rejects.toMatchObject({
      code: 'insufficient_rights',
    });
    expect(world.clock.monotonicMillis() - began).toBeLessThan(200);
  });

  it('move once, however often the request is sent again after its answer was lost', async () => {
    const world = await started(['eu', 'us']);
    await change(world, 'eu', { op: 'increment', by: 9 });
    await world.converged();
    // The request gets through; no answer and no event comes back.
    world.links.cut('eu', 'us');
    await expect(change(world, 'us', { op: 'spend', by: 3 }, 8_000)).rejects.toMatchObject({
      code: 'insufficient_rights',
      message: expect.stringContaining('did not answer') as unknown,
    });
    world.links.heal('eu', 'us');
    await change(world, 'us', { op: 'spend', by: 3 });
    await world.converged();
    const events = await world.run(world.region('eu').history(entity, { limit: 20, offset: 0 }));
    const transfers = events.filter(({ event }) => JSON.stringify(event.changes).includes('transfer'));
    expect(transfers).toHaveLength(1);
    expect(await read(world, 'us')).toMatchObject({ value: 6 });
  });

  it('that a command makes outside its birth region are not used before every region has seen it', async () => {
    const world = await started();
    world.links.isolate('us', ['eu', 'ap']);
    const born = world.freshMutationId('us');
    await change(world, 'eu', { op: 'increment', by: 5, mutationId: born });
    expect(await read(world, 'eu')).toEqual({ value: 5, rightsHere: 0 });
    await expect(change(world, 'eu', { op: 'spend', by: 1 }, 300)).rejects.toMatchObject({
      code: 'insufficient_rights',
    });
    await change(world, 'us', { op: 'increment', by: 5, mutationId: born });
    await change(world, 'us', { op: 'spend', by: 5 }, 100);
    for (const other of ['eu', 'ap']) {
      world.links.heal('us', other);
      world.links.heal(other, 'us');
    }
    await world.converged();
    for (const region of ['eu', 'us', 'ap'])
      expect(await read(world, region)).toEqual({ value: 0, rightsHere: 0 });
  });

  it('are claimed where a maximum leaves some to start with, once every region has seen the claim', async () => {
    const world = await started();
    const quota = { type: 'quota', id: 'q' };
    const use = (region: string, by: number, maxWaitMillis = 5_000): Promise<WriteOutcome> =>
      world.run(
        world
          .region(region)
          .submit(
            { entity: quota, kind: 'update', operations: [{ field: 'used', op: 'increment', by }] },
            { maxWaitMillis },
          ),
      );
    await use('eu', 4);
    await world.converged();
    await use('us', 6);
    await world.converged();
    await expect(use('ap', 1, 600)).rejects.toMatchObject({ code: 'insufficient_rights' });
  });

  it('end with a delete, and begin again only once every region has seen it', async () => {
    const world = await started();
    await change(world, 'eu', { op: 'increment', by: 5 });
    await world.converged();
    world.links.isolate('us', ['eu', 'ap']);
    await world.run(
      world.region('eu').submit({ entity, kind: 'delete', operations: [] }, { maxWaitMillis: 500 }),
    );
    await expect(change(world, 'eu', { op: 'increment', by: 7 }, 400)).rejects.toMatchObject({
      code: 'not_yet_stable',
    });
    for (const other of ['eu', 'ap']) {
      world.links.heal('us', other);
      world.links.heal(other, 'us');
    }
    await change(world, 'eu', { op: 'increment', by: 7 });
    await world.converged();
    expect(await read(world, 'us')).toMatchObject({ value: 7 });
  });

  it('are not touched by clients with what regions say among themselves', async () => {
    const world = await started();
    await change(world, 'eu', { op: 'increment', by: 5 });
    for (const op of ['grant', 'open', 'expire'])
      await expect(change(world, 'eu', { op, to: 'us~1', need: 5, want: 5 })).rejects.toMatchObject({
        code: 'unknown_operation',
      });
  });

  it('move to another region when a client says so', async () => {
    const world = await started();
    await change(world, 'eu', { op: 'increment', by: 5 });
    await world.clock.advance(1_000);
    await change(world, 'eu', { op: 'transfer', to: 'ap', by: 5 });
    await world.converged();
    expect(await read(world, 'eu')).toEqual({ value: 5, rightsHere: 0 });
    expect(await read(world, 'ap')).toEqual({ value: 5, rightsHere: 5 });
    await expect(change(world, 'eu', { op: 'transfer', to: 'mars', by: 1 })).rejects.toMatchObject({
      code: 'invalid_value',
    });
  });

  it('are not used while an event of the entity is parked: nobody knows what it does to them', async () => {
    const world = await MemoryWorld.started({
      ...{ regions: ['eu', 'us'], types },
      skewMillis: new Map([['eu', 3_600_000]]),
    });
    await change(world, 'us', { op: 'increment', by: 5 });
    await change(world, 'eu', { op: 'increment', by: 1 });
    await world.clock.until(() => world.storedOf('us', 'eu', 'stock', 's') === 1, 'us stores it');
    await expect(change(world, 'us', { op: 'spend', by: 1 }, 200)).rejects.toMatchObject({
      code: 'entity_quarantined',
    });
  });
});

describe('reservations', () => {
  const id = ({ dot, shard }: WriteOutcome): string => formatDot(dot, shard);

  it('set units aside until they are confirmed or cancelled', async () => {
    const world = await started();
    await change(world, 'eu', { op: 'increment', by: 5 });
    const first = await change(world, 'eu', { op: 'reserve', by: 2, forMillis: 60_000 });
    const second = await change(world, 'eu', { op: 'reserve', by: 3, forMillis: 60_000 });
    expect(await read(world, 'eu')).toEqual({ value: 0, rightsHere: 0, reserved: 5 });
    await change(world, 'eu', { op: 'confirm', reservation: id(first) });
    await change(world, 'eu', { op: 'cancel', reservation: id(second) });
    await world.converged();
    expect(await read(world, 'us')).toEqual({ value: 3, rightsHere: 0 });
    await expect(change(world, 'eu', { op: 'cancel', reservation: id(first) })).rejects.toMatchObject({
      code: 'reservation_not_found',
    });
  });

  it('are settled by the region that made them only', async () => {
    const world = await started();
    await change(world, 'eu', { op: 'increment', by: 5 });
    const made = await change(world, 'eu', { op: 'reserve', by: 2, forMillis: 60_000 });
    await world.converged();
    await expect(change(world, 'us', { op: 'confirm', reservation: id(made) })).rejects.toMatchObject({
      code: 'reservation_elsewhere',
    });
  });

  it('are not known that nobody ever made, of whatever life of the region they speak', async () => {
    const world = await started();
    await change(world, 'eu', { op: 'increment', by: 5 });
    await expect(change(world, 'eu', { op: 'confirm', reservation: 'eu~never:1:1' })).rejects.toMatchObject({
      code: 'reservation_not_found',
      message: expect.stringContaining('not known here') as unknown,
    });
  });

  it('are not confirmed once they have expired, even before anybody has cancelled them', async () => {
    const world = await started();
    await change(world, 'eu', { op: 'increment', by: 5 });
    const made = await change(world, 'eu', { op: 'reserve', by: 5, forMillis: 1_000 });
    const process = world.region('eu');
    const confirmed = process.submit(
      {
        ...{ entity, kind: 'update' },
        operations: [
          { field: 'units', op: 'increment', by: 1 },
          { field: 'units', op: 'confirm', reservation: id(made) },
        ],
      },
      { maxWaitMillis: 100 },
    );
    world.setSkew('eu', 1_000);
    await expect(world.run(confirmed)).rejects.toMatchObject({
      code: 'reservation_not_found',
      message: expect.stringContaining('expired') as unknown,
    });
  });

  it('expire by an event of the region that made them, and are not confirmed after that', async () => {
    const world = await started();
    await change(world, 'eu', { op: 'increment', by: 5 });
    const made = await change(world, 'eu', { op: 'reserve', by: 5, forMillis: 2_000 });
    await world.clock.advance(5_000);
    await expect(change(world, 'eu', { op: 'confirm', reservation: id(made) })).rejects.toMatchObject({
      code: 'reservation_not_found',
    });
    await world.converged();
    expect(await read(world, 'us')).toEqual({ value: 5, rightsHere: 0 });
    expect(await read(world, 'eu')).toEqual({ value: 5, rightsHere: 5 });
  });
});
