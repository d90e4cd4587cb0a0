import { expect, test } from 'vitest';
import type { EventLog } from '#flow/ports/event-log.js';
import { longLeaseMillis, owned, part, processA, processB } from './fixtures.js';

type Opened = () => { readonly log: EventLog; readonly other: EventLog };

/** Leases and epochs: who may write a shard (PROTOCOL §1). */
export function ownershipContract(opened: Opened): void {
  test('gives a shard that nobody owns to the first who asks, at the next epoch', async () => {
    const { log } = opened();
    expect(await log.takeOver(1, processA, longLeaseMillis)).toEqual({ kind: 'taken', ownerEpoch: 1 });
    const owner = (await log.owners())[1];
    expect(owner).toMatchObject({ shard: 1, owner: processA.id, address: processA.address, ownerEpoch: 1 });
    expect(owner?.leaseRemainingMillis).toBeGreaterThan(longLeaseMillis / 2);
  });

  test('names no owner of a shard that nobody ever owned', async () => {
    const { log } = opened();
    expect((await log.owners())[2]).toEqual({
      shard: 2,
      owner: '',
      address: '',
      ownerEpoch: 0,
      leaseRemainingMillis: 0,
    });
    expect(await log.owners()).toHaveLength(log.identity.shards);
  });

  test('keeps a shard for its owner while the lease runs', async () => {
    const { log, other } = opened();
    await owned(log);
    const outcome = await other.takeOver(0, processB, longLeaseMillis);
    expect(outcome).toMatchObject({ kind: 'held', by: { shard: 0, owner: processA.id, ownerEpoch: 1 } });
    expect((await log.loadShard(0)).fence.ownerEpoch).toBe(1);
  });

  test('gives a shard to its owner again, at the next epoch', async () => {
    const { log } = opened();
    await owned(log);
    expect(await log.takeOver(0, processA, longLeaseMillis)).toEqual({ kind: 'taken', ownerEpoch: 2 });
  });

  test('gives a shard to another process once the lease has lapsed', async () => {
    const { log, other } = opened();
    await log.takeOver(0, processA, 1);
    await expect
      .poll(() => other.takeOver(0, processB, longLeaseMillis))
      .toEqual({ kind: 'taken', ownerEpoch: 2 });
    expect((await log.owners())[0]).toMatchObject({ owner: processB.id, address: processB.address });
  });

  test('gives a released shard to another process at once', async () => {
    const { log, other } = opened();
    await owned(log);
    await log.release([{ shard: 0, ownerEpoch: 1 }]);
    expect(await other.takeOver(0, processB, longLeaseMillis)).toEqual({ kind: 'taken', ownerEpoch: 2 });
  });

  test('does not let a former owner release the shard of the next', async () => {
    const { log, other } = opened();
    await owned(log);
    await log.release([{ shard: 0, ownerEpoch: 1 }]);
    await other.takeOver(0, processB, longLeaseMillis);
    await log.release([{ shard: 0, ownerEpoch: 1 }]);
    expect(await log.takeOver(0, processA, longLeaseMillis)).toMatchObject({ kind: 'held' });
  });

  test('extends the leases of a renewal and names the shards that were lost', async () => {
    const { log, other } = opened();
    await log.takeOver(0, processA, longLeaseMillis);
    await log.takeOver(1, processA, 1);
    await log.takeOver(2, processA, longLeaseMillis);
    await log.release([{ shard: 2, ownerEpoch: 1 }]);
    await other.takeOver(2, processB, longLeaseMillis);

    const mine = [2, 1, 0].map((shard) => ({ shard, ownerEpoch: 1 }));
    expect(await log.renew(processA, mine, longLeaseMillis)).toEqual([2]);
    expect((await log.owners())[1]?.leaseRemainingMillis).toBeGreaterThan(longLeaseMillis / 2);
    expect((await log.owners())[2]).toMatchObject({ owner: processB.id });
  });

  test('lists the processes that renewed, with or without shards', async () => {
    const { log, other } = opened();
    await log.renew(processA, [], longLeaseMillis);
    await other.renew(processB, [], longLeaseMillis);
    const listed = await log.processes();
    expect(listed.map(({ id, address }) => ({ id, address }))).toEqual([processA, processB]);
    for (const row of listed) expect(row.ageMillis).toBeGreaterThanOrEqual(0);
  });

  test('reclaims a shard at the next epoch, with the fence that was committed last', async () => {
    const { log } = opened();
    const fence = await owned(log);
    await log.commit([part(fence, { lastSeq: 7 })]);
    const fenceNow = { ownerEpoch: 2, batch: 1, lastSeq: 7 };
    expect(await log.reclaim(0, 1)).toEqual({ kind: 'kept', fence: fenceNow });
    expect((await log.loadShard(0)).fence).toEqual(fenceNow);
  });

  test('says that a reclaimed shard is lost when another process has it', async () => {
    const { log, other } = opened();
    await owned(log);
    await log.release([{ shard: 0, ownerEpoch: 1 }]);
    await other.takeOver(0, processB, longLeaseMillis);
    expect(await log.reclaim(0, 1)).toEqual({ kind: 'lost' });
    expect((await log.loadShard(0)).fence.ownerEpoch).toBe(2);
  });

  test('tells which of the given shards are still owned at the given epoch', async () => {
    const { log } = opened();
    await owned(log, 0);
    await owned(log, 1);
    await owned(log, 2);
    await log.reclaim(1, 1);
    const asked = [2, 1, 0].map((shard) => ({ shard, ownerEpoch: 1 }));
    expect(await log.stillOwned(asked)).toEqual([0, 2]);
    expect(await log.stillOwned([])).toEqual([]);
  });

  test('keeps one winner when two processes take a shard at once', async () => {
    const { log, other } = opened();
    const outcomes = await Promise.all([
      log.takeOver(0, processA, longLeaseMillis),
      other.takeOver(0, processB, longLeaseMillis),
    ]);
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(['held', 'taken']);
  });
}
