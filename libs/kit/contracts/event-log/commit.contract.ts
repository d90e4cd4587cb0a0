import { expect, test } from 'vitest';
import { CommitRefused, type EventLog, type ShardCommit } from '#flow/ports/event-log.js';
import {
  cart,
  conflictRow,
  cursorRow,
  entityRow,
  longLeaseMillis,
  mutationRow,
  otherActor,
  owned,
  part,
  processB,
  storedEvent,
  Writer,
} from './fixtures.js';

type Opened = () => { readonly log: EventLog; readonly other: EventLog };

/** One of everything, so that a test can say "nothing of it" or "all of it". */
function everything(log: EventLog, seq = 1): Partial<ShardCommit> {
  const dot = { actor: log.identity.actor, seq };
  const waitingDot = { actor: otherActor, seq };
  return {
    lastSeq: seq,
    hybridFloorMillis: 1_000 * seq,
    events: [storedEvent({ dot, entity: cart('1') }), storedEvent({ dot: waitingDot, entity: cart('2') })],
    entities: [entityRow(cart('1'))],
    cursors: [cursorRow(dot.actor, seq), cursorRow(otherActor, seq, seq - 1)],
    mutations: [mutationRow(dot)],
    waiting: [{ dot: waitingDot, entity: cart('2'), state: 'pending', waitsFor: { actor: 'ap~x', seq: 9 } }],
    conflicts: [conflictRow(`conflict-${seq}`)],
  };
}

/** Everything a reader could find of `everything`. */
async function found(log: EventLog): Promise<Record<string, number>> {
  const { actor } = log.identity;
  const prepared = await log.prepare({ entities: [cart('1')], mutations: [`m-${actor}-1`] });
  const image = await log.loadShard(0);
  return {
    events:
      (await log.range({ shard: 0, actor, from: 1, limit: 10, bytesMax: 1e6 })).length +
      (await log.range({ shard: 0, actor: otherActor, from: 1, limit: 10, bytesMax: 1e6 })).length,
    entities: prepared.entities.length,
    cursors: image.cursors.length,
    mutations: prepared.mutations.length,
    waiting: image.waiting.length,
    conflicts: (await log.conflicts({ limit: 10 })).length,
    floor: image.hybridFloorMillis,
  };
}

const nothing = { events: 0, entities: 0, cursors: 0, mutations: 0, waiting: 0, conflicts: 0, floor: 0 };
const all = { events: 2, entities: 1, cursors: 2, mutations: 1, waiting: 1, conflicts: 1, floor: 1_000 };

/** The fence, and that a part of a batch is stored wholly or not at all (INV-1). */
export function commitContract(opened: Opened): void {
  test('keeps a promised epoch with the fence, and what was refused instead of its record', async () => {
    const { log } = opened();
    const dot = { actor: log.identity.actor, seq: 1 };
    const stale = await owned(log);
    const writer = await Writer.of(log);
    await writer.write({ ...everything(log), promised: '1.7' });
    expect((await log.loadShard(0)).promised).toBe('1.7');
    const refused = { dot, entity: cart('1'), epoch: '1.7', mutationId: `m-${dot.actor}-1` };
    await writer.write({ lastSeq: 1, refused: [refused], voided: [mutationRow(dot)] });
    expect((await log.loadShard(0)).promised).toBe('1.7');
    expect(await log.refused({ limit: 10 })).toEqual([{ ...refused, shard: 0 }]);
    const of = (...mutationIds: string[]) => log.refused({ mutationIds, limit: 10 });
    expect(await of('another', refused.mutationId)).toHaveLength(1);
    expect([await of('another'), await of()]).toEqual([[], []]);
    const { mutations } = await log.prepare({ entities: [], mutations: [refused.mutationId] });
    expect(mutations).toEqual([]);
    expect(await log.commit([part(stale, { promised: '1.9' })])).toEqual({ fenced: [0] });
    expect((await log.loadShard(0)).promised).toBe('1.7');
  });

  test('stores all rows of a part, counts its batch and remembers its last seq', async () => {
    const { log } = opened();
    const fence = await owned(log);
    expect(await log.commit([part(fence, everything(log))])).toEqual({ fenced: [] });
    expect(await found(log)).toEqual(all);
    expect((await log.loadShard(0)).fence).toEqual({ ownerEpoch: 1, batch: 1, lastSeq: 1 });
  });

  test('does nothing for an empty batch', async () => {
    const { log } = opened();
    expect(await log.commit([])).toEqual({ fenced: [] });
  });

  test.each([
    ['owner epoch', { ownerEpoch: 2 }],
    ['batch', { batch: 1 }],
    ['last seq', { lastSeq: 1 }],
  ])('writes nothing of a part whose %s does not match', async (_what, wrong) => {
    const { log } = opened();
    const fence = await owned(log);
    expect(await log.commit([part({ ...fence, ...wrong }, everything(log))])).toEqual({ fenced: [0] });
    expect(await found(log)).toEqual(nothing);
    expect((await log.loadShard(0)).fence).toEqual(fence);
  });

  test('stores the other parts of a batch when one is fenced', async () => {
    const { log } = opened();
    const fence = await owned(log, 0);
    const writers = [await Writer.of(log, 1), await Writer.of(log, 2)];
    const { actor } = log.identity;
    const parts = writers.map((writer, index) =>
      writer.next({
        events: [storedEvent({ dot: { actor, seq: 1 }, entity: cart(`c${index}`), shard: index + 1 })],
        entities: [entityRow(cart(`c${index}`), index + 1)],
        lastSeq: 1,
      }),
    );
    const fenced = part({ ...fence, batch: 5 }, everything(log));
    expect(await log.commit([...parts, fenced])).toEqual({ fenced: [0] });
    expect(await found(log)).toEqual(nothing);
    expect((await log.prepare({ entities: [cart('c0'), cart('c1')], mutations: [] })).entities).toHaveLength(
      2,
    );
  });

  test('fences the former owner after a takeover, and a reclaimed epoch', async () => {
    const { log, other } = opened();
    const fence = await owned(log);
    await log.release([{ shard: 0, ownerEpoch: 1 }]);
    await other.takeOver(0, processB, longLeaseMillis);
    expect(await log.commit([part(fence, everything(log))])).toEqual({ fenced: [0] });
    const current = (await other.loadShard(0)).fence;
    await other.reclaim(0, 2);
    expect(await other.commit([part(current, everything(log))])).toEqual({ fenced: [0] });
    expect(await found(log)).toEqual(nothing);
  });

  test('lets one of two batches with the same fence win, however they meet', async () => {
    const { log, other } = opened();
    let fence = await owned(log);
    for (let round = 0; round < 20; round += 1) {
      const next = part(fence, { lastSeq: fence.lastSeq + 1 });
      const outcomes = await Promise.all([log.commit([next]), other.commit([next])]);
      expect(outcomes.map(({ fenced }) => fenced.length).sort()).toEqual([0, 1]);
      fence = (await log.loadShard(0)).fence;
      expect(fence).toMatchObject({ batch: round + 1, lastSeq: round + 1 });
    }
  });

  test('never waits in a circle when batches over the same shards meet in any order', async () => {
    const { log, other } = opened();
    const shards = [0, 1, 2];
    for (let round = 0; round < 20; round += 1) {
      const fences = await Promise.all(shards.map((shard) => owned(log, shard)));
      const parts = shards.map((shard) => part(fences[shard]!, { shard }));
      const renewal = fences.map(({ ownerEpoch }, shard) => ({ shard, ownerEpoch }));
      const outcomes = await Promise.all([
        log.commit(parts),
        other.renew(processB, [...renewal].reverse(), longLeaseMillis),
        other.commit([...parts].reverse()),
      ]);
      expect(outcomes[0].fenced.length + outcomes[2].fenced.length).toBe(3);
    }
  });

  test('refuses a batch with an event whose dot is taken, and stores nothing of it (INV-8)', async () => {
    const { log } = opened();
    const writer = await Writer.of(log);
    const second = await Writer.of(log, 1);
    const dot = { actor: log.identity.actor, seq: 1 };
    await writer.write({ events: [storedEvent({ dot, entity: cart('1') })], lastSeq: 1 });

    const again = writer.next({
      events: [storedEvent({ dot, entity: cart('other') })],
      entities: [entityRow(cart('x'))],
    });
    const neighbour = second.next({ entities: [entityRow(cart('y'), 1)] });
    await expect(log.commit([again, neighbour])).rejects.toBeInstanceOf(CommitRefused);
    expect((await log.prepare({ entities: [cart('x'), cart('y')], mutations: [] })).entities).toEqual([]);

    await writer.write({ events: [storedEvent({ dot: { ...dot, seq: 2 }, entity: cart('1') })], lastSeq: 2 });
    expect(await log.range({ shard: 0, actor: dot.actor, from: 1, limit: 10, bytesMax: 1e6 })).toHaveLength(
      2,
    );
  });

  test('refuses a second record of one mutation, group index and actor, but takes copies of other actors', async () => {
    const { log } = opened();
    const writer = await Writer.of(log);
    const dot = { actor: log.identity.actor, seq: 1 };
    await writer.write({ mutations: [mutationRow(dot, { id: 'm' })] });
    const again = writer.next({ mutations: [mutationRow({ ...dot, seq: 2 }, { id: 'm' })] });
    await expect(log.commit([again])).rejects.toBeInstanceOf(CommitRefused);
    await writer.write({
      mutations: [
        mutationRow({ actor: otherActor, seq: 1 }, { id: 'm' }),
        mutationRow({ ...dot, seq: 3 }, { id: 'm', groupIndex: 1 }),
      ],
    });
    expect((await log.prepare({ entities: [], mutations: ['m'] })).mutations).toHaveLength(3);
  });

  test('refuses a text that it could not give back', async () => {
    const { log } = opened();
    const writer = await Writer.of(log);
    const hostile = writer.next({ entities: [entityRow(cart('a\0b'))] });
    await expect(log.commit([hostile])).rejects.toBeInstanceOf(CommitRefused);
    await writer.write({ entities: [entityRow(cart('a'))] });
  });

  test('does not refuse a batch for bad rows of a part that is fenced', async () => {
    const { log } = opened();
    const writer = await Writer.of(log);
    const second = await Writer.of(log, 1);
    const dot = { actor: log.identity.actor, seq: 1 };
    await writer.write({ mutations: [mutationRow(dot, { id: 'm' })] });
    const stale = part(
      { ownerEpoch: 1, batch: 0, lastSeq: 0 },
      { mutations: [mutationRow(dot, { id: 'm' })] },
    );
    const fine = second.next({ entities: [entityRow(cart('y'), 1)] });
    expect(await log.commit([stale, fine])).toEqual({ fenced: [0] });
  });

  test('overwrites an entity, a cursor and a waiting event, and lets settled ones go', async () => {
    const { log } = opened();
    const writer = await Writer.of(log);
    await writer.write(everything(log));
    const dot = { actor: otherActor, seq: 1 };
    await writer.write({
      entities: [{ ...entityRow(cart('1'), 0, '{"state":2}'), value: null }],
      cursors: [cursorRow(otherActor, 5, 3)],
      waiting: [{ dot, entity: cart('2'), state: 'parked', reason: 'unknown policy version' }],
    });
    const image = await log.loadShard(0);
    expect(image.waiting).toEqual([
      { dot, entity: cart('2'), state: 'parked', reason: 'unknown policy version' },
    ]);
    expect(image.cursors.find(({ actor }) => actor === otherActor)).toEqual(cursorRow(otherActor, 5, 3));
    const { entities } = await log.prepare({ entities: [cart('1')], mutations: [] });
    expect(entities).toEqual([{ entity: cart('1'), shard: 0, state: '{"state":2}' }]);

    await writer.write({ settled: [dot, { actor: 'ap~never-waited', seq: 3 }] });
    expect((await log.loadShard(0)).waiting).toEqual([]);
  });

  test('never lowers the hybrid floor of a shard', async () => {
    const { log } = opened();
    const writer = await Writer.of(log);
    await writer.write({ hybridFloorMillis: 1_700_000_000_500 });
    await writer.write({ hybridFloorMillis: 1_700_000_000_100 });
    expect((await log.loadShard(0)).hybridFloorMillis).toBe(1_700_000_000_500);
  });

  test('stops on a batch that touches one row twice', async () => {
    const { log } = opened();
    const writer = await Writer.of(log);
    const dot = { actor: otherActor, seq: 1 };
    const waits = { dot, entity: cart('1'), state: 'pending', waitsFor: dot } as const;
    await expect(log.commit([writer.next({ waiting: [waits], settled: [dot] })])).rejects.toThrow(
      'waits or is settled',
    );
    const twice = writer.next({ entities: [entityRow(cart('1')), entityRow(cart('1'))] });
    await expect(log.commit([twice])).rejects.toThrow('written once');
  });
}
