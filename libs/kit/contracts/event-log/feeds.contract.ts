import { expect, test } from 'vitest';
import type { EventLog } from '#flow/ports/event-log.js';
import { cart, conflictRow, mutationRow, otherActor, Writer } from './fixtures.js';

type Opened = () => { readonly log: EventLog; readonly other: EventLog };

/** Conflicts, marks, positions and mutation records: what is kept beside the events. */
export function feedsContract(opened: Opened): void {
  test('records conflicts and finds them by id, entity, type and whether they are resolved, newest first', async () => {
    const { log } = opened();
    const writer = await Writer.of(log);
    const rows = [
      conflictRow('b', { detectedMillis: 20, resolvedBy: { actor: otherActor, seq: 3 } }),
      conflictRow('a', {
        ...{ detectedMillis: 30, field: '*', lowChange: 'x\u0000y', highChange: { ['__proto__']: 1 } },
      }),
      conflictRow('c', { detectedMillis: 20, entity: cart('2') }),
      conflictRow('d', { detectedMillis: 4, entity: { type: 'profile', id: '1' } }),
    ];
    const [b, a, c, d] = rows;
    await writer.write({ conflicts: rows });
    expect(await log.conflicts({ limit: 10 })).toEqual([a, c, b, d]);
    expect(await log.conflicts({ limit: 2, after: a! })).toEqual([c, b]);
    expect(await log.conflicts({ limit: 10, after: c! })).toEqual([b, d]);
    expect(await log.conflicts({ limit: 10, after: { detectedMillis: 20, id: 'bb' } })).toEqual([b, d]);
    expect(await log.conflicts({ limit: 10, type: 'cart' })).toEqual([a, c, b]);
    const entity = cart('1');
    expect(await log.conflicts({ limit: 10, entity })).toEqual([a, b]);
    expect(await log.conflicts({ limit: 10, entity, after: a! })).toEqual([b]);
    expect(await log.conflicts({ limit: 10, entity, fields: ['*', 'other'] })).toEqual([a]);
    expect(await log.conflicts({ limit: 10, entity, fields: [] })).toEqual([]);
    expect(await log.conflicts({ limit: 10, entity, onlyUnresolved: true })).toEqual([a]);
    expect(await log.conflicts({ limit: 10, onlyUnresolved: true, after: a! })).toEqual([c, d]);
    await writer.write({ conflicts: [conflictRow('e', { detectedMillis: 31 })] });
    const fields = ['*', conflictRow('e').field];
    expect(await log.openConflicts(entity, fields, 10)).toEqual(['e', 'a']);
    expect(await log.openConflicts(entity, fields, 1)).toEqual(['e']);
    expect(await log.openConflicts(entity, ['*'], 10)).toEqual(['a']);
    expect(await log.openConflicts(cart('3'), fields, 10)).toEqual([]);
    expect(await log.conflict('c')).toEqual(c);
    expect(await log.conflict('f')).toBeUndefined();
  });

  test('withdraws conflicts', async () => {
    const { log } = opened();
    const writer = await Writer.of(log);
    await writer.write({ conflicts: [conflictRow('a'), conflictRow('b')] });
    await writer.write({ withdrawnConflicts: ['a', 'never-recorded'] });
    expect((await log.conflicts({ limit: 10 })).map(({ id }) => id)).toEqual(['b']);
  });

  test('names the lower of two events that resolve a conflict, in whatever order they come', async () => {
    const { log } = opened();
    const writer = await Writer.of(log);
    const dots = [3, 1, 2].map((seq) => ({ actor: otherActor, seq }));
    await writer.write({ conflicts: [conflictRow('a'), conflictRow('b')] });
    for (const by of dots) await writer.write({ resolvedConflicts: [{ id: 'a', by }] });
    await writer.write({
      resolvedConflicts: [...dots.map((by) => ({ id: 'b', by })), { id: 'unknown', by: dots[0]! }],
    });
    expect((await log.conflict('a'))?.resolvedBy).toEqual({ actor: otherActor, seq: 1 });
    expect((await log.conflict('b'))?.resolvedBy).toEqual({ actor: otherActor, seq: 1 });
    await writer.write({ resolvedConflicts: [{ id: 'a', by: { actor: 'ap~z', seq: 99 } }] });
    expect((await log.conflict('a'))?.resolvedBy).toEqual({ actor: 'ap~z', seq: 99 });
  });

  test('resolves a conflict that the same batch records, and none that it withdraws', async () => {
    const { log } = opened();
    const writer = await Writer.of(log);
    const by = { actor: otherActor, seq: 3 };
    await writer.write({ conflicts: [conflictRow('b')] });
    await writer.write({
      conflicts: [conflictRow('a')],
      withdrawnConflicts: ['b'],
      resolvedConflicts: [
        { id: 'a', by },
        { id: 'b', by },
      ],
    });
    expect(await log.conflicts({ limit: 10 })).toEqual([conflictRow('a', { resolvedBy: by })]);
  });

  test('keeps a conflict resolved, and its time, when it is recorded again', async () => {
    const { log } = opened();
    const writer = await Writer.of(log);
    const by = { actor: otherActor, seq: 3 };
    await writer.write({ conflicts: [conflictRow('a', { resolvedBy: by, detectedMillis: 5 })] });
    await writer.write({ conflicts: [conflictRow('a', { detectedMillis: 9, lowChange: 'fuller' })] });
    expect(await log.conflict('a')).toEqual(
      conflictRow('a', { resolvedBy: by, detectedMillis: 5, lowChange: 'fuller' }),
    );
  });

  test('keeps a publish mark per shard and cluster, and lets it go back', async () => {
    const { log } = opened();
    await log.saveMarks([
      { shard: 0, cluster: 'eu', seq: 5 },
      { shard: 0, cluster: 'us', seq: 7 },
      { shard: 1, cluster: 'eu', seq: 1 },
    ]);
    await log.saveMarks([{ shard: 0, cluster: 'us', seq: 3 }]);
    await log.saveMarks([]);
    expect((await log.loadShard(0)).marks).toEqual(
      new Map([
        ['eu', 5],
        ['us', 3],
      ]),
    );
    expect((await log.loadShard(1)).marks).toEqual(new Map([['eu', 1]]));
    expect((await log.loadShard(2)).marks).toEqual(new Map());
  });

  test('keeps a position per topic and partition', async () => {
    const { log } = opened();
    expect(await log.positions()).toEqual([]);
    await log.savePositions([
      { topic: 'b', partition: 10, offset: '12345678901234567890' },
      { topic: 'b', partition: 9, offset: '1' },
      { topic: 'a', partition: 11, offset: '-1' },
    ]);
    await log.savePositions([{ topic: 'b', partition: 9, offset: '2' }]);
    expect(await log.positions()).toEqual([
      { topic: 'a', partition: 11, offset: '-1' },
      { topic: 'b', partition: 9, offset: '2' },
      { topic: 'b', partition: 10, offset: '12345678901234567890' },
    ]);
  });

  test('drops only mutation records that are both old and stable, and remembers the horizon', async () => {
    const { log, other } = opened();
    const writer = await Writer.of(log);
    const { actor } = log.identity;
    const records = [
      mutationRow({ actor, seq: 1 }, { id: 'old', bornMillis: 100 }),
      mutationRow({ actor, seq: 2 }, { id: 'on-horizon', bornMillis: 200 }),
      mutationRow({ actor, seq: 3 }, { id: 'young', bornMillis: 201 }),
      mutationRow({ actor, seq: 4 }, { id: 'not-stable', bornMillis: 100 }),
      mutationRow({ actor: otherActor, seq: 1 }, { id: 'of-other', bornMillis: 100 }),
    ];
    await writer.write({ mutations: records });
    expect(await log.mutationHorizonMillis()).toBe(0);
    expect(await log.dropMutations(200, new Map([[0, new Map([[actor, 3]])]]))).toBe(2);
    const left = await log.prepare({ entities: [], mutations: records.map(({ id }) => id) });
    expect(left.mutations.map(({ id }) => id).sort()).toEqual(['not-stable', 'of-other', 'young']);
    expect(await other.mutationHorizonMillis()).toBe(200);

    expect(await log.dropMutations(50, new Map())).toBe(0);
    expect(await log.mutationHorizonMillis()).toBe(200);
  });

  test("tells its database's clock, to every process the same", async () => {
    const { log, other } = opened();
    const before = Date.now();
    const first = await log.nowMillis();
    const second = await other.nowMillis();
    // On the machine of the tests it is the same clock, but for what the two round it to.
    expect(first).toBeGreaterThan(before - 1_000);
    expect(second).toBeGreaterThanOrEqual(first);
    expect(second).toBeLessThan(Date.now() + 1_000);
  });

  test('tells the latest birth of any mutation record, per region', async () => {
    const { log, other } = opened();
    const writer = await Writer.of(log);
    const born = (region: string, millis: string): string => `${region}.${millis}-7000-8000-0123456789ab`;
    expect(await log.newestBirths([])).toEqual(new Map());
    const ids = [
      ...[born('eu', '00000000-0002'), born('eu', '00000000-0001'), born('eu-b', '00000000-0009')],
      ...['eu.late-key', 'us.0-key', 'order-17'],
    ];
    const { actor } = log.identity;
    await writer.write({ mutations: ids.map((id, at) => mutationRow({ actor, seq: at + 1 }, { id })) });
    expect(await other.newestBirths(['eu', 'us', 'ap', 'eu-b'])).toEqual(
      new Map([
        ['eu', 2],
        ['us', Infinity],
        ['ap', -Infinity],
        ['eu-b', 9],
      ]),
    );
  });
}
