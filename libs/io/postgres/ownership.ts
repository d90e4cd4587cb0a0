import type { Fence, ProcessRow, ShardOwner } from '#flow/ports/event-log.js';
import { int2Array, int8Array } from './binary-array.js';
import type { Connections } from './connections.js';
import type { Row, Statement } from './statement.js';
import { fenceColumns, ownerColumns, readFence, readOwner } from './rows.js';

export interface ProcessAddress {
  readonly id: string;
  readonly address: string;
}

export interface OwnedShard {
  readonly shard: number;
  readonly ownerEpoch: number;
}

/** Leases are by Postgres' clock alone: processes need not agree on the time (PROTOCOL §1). */
const leaseEnd = (millis: string): string =>
  `clock_timestamp() + ${millis}::float8 * interval '1 millisecond'`;

const takeOverShard: Statement = {
  name: 'atoll_take_over',
  text: `
    update atoll.shard_owner
    set owner = $2, owner_address = $3, owner_epoch = owner_epoch + 1, lease_until = ${leaseEnd('$4')}
    where shard = $1::int2 and (lease_until < clock_timestamp() or owner = $2)
    returning owner_epoch`,
};

const readOwners: Statement = {
  name: 'atoll_owners',
  text: `select ${ownerColumns} from atoll.shard_owner where shard between $1::int2 and $2::int2 order by shard`,
};

export async function takeOver(
  connections: Connections,
  shard: number,
  process: ProcessAddress,
  leaseMillis: number,
): Promise<
  { readonly kind: 'taken'; readonly ownerEpoch: number } | { readonly kind: 'held'; readonly by: ShardOwner }
> {
  const [taken] = await connections.run(takeOverShard, [shard, process.id, process.address, leaseMillis]);
  if (taken !== undefined) return { kind: 'taken', ownerEpoch: Number(taken[0]) };
  const [holder] = await connections.run(readOwners, [shard, shard]);
  if (holder === undefined) throw new RangeError(`there is no shard ${shard} in this region`);
  return { kind: 'held', by: readOwner(holder) };
}

export async function owners(connections: Connections, shards: number): Promise<readonly ShardOwner[]> {
  return (await connections.run(readOwners, [0, shards - 1])).map(readOwner);
}

const reclaimShard: Statement = {
  name: 'atoll_reclaim',
  text: `
    update atoll.shard_owner set owner_epoch = owner_epoch + 1
    where shard = $1::int2 and owner_epoch = $2::int8
    returning ${fenceColumns}`,
};

export async function reclaim(
  connections: Connections,
  shard: number,
  ownerEpoch: number,
): Promise<{ readonly kind: 'kept'; readonly fence: Fence } | { readonly kind: 'lost' }> {
  const [row] = await connections.run(reclaimShard, [shard, ownerEpoch]);
  return row === undefined ? { kind: 'lost' } : { kind: 'kept', fence: readFence(row) };
}

/** Rows are locked in shard order before they change, as every statement over several shards does it. */
const heldShards = `
  mine as (select * from unnest($1::int2[], $2::int8[]) as mine (shard, owner_epoch)),
  held as (
    select shard_owner.shard from atoll.shard_owner join mine using (shard, owner_epoch)
    order by shard_owner.shard for update of shard_owner
  )`;

const renewShards: Statement = {
  name: 'atoll_renew',
  text: `
    with ${heldShards}, renewed as (
      update atoll.shard_owner set lease_until = ${leaseEnd('$3')}
      from held join mine using (shard)
      where shard_owner.shard = held.shard and shard_owner.owner_epoch = mine.owner_epoch
      returning shard_owner.shard
    ), seen as (
      insert into atoll.process (id, address, last_seen) values ($4, $5, clock_timestamp())
      on conflict (id) do update set address = excluded.address, last_seen = excluded.last_seen
    ), forgotten as (
      delete from atoll.process where id <> $4 and last_seen < clock_timestamp() - interval '1 hour'
    )
    select shard from renewed`,
};

export async function renew(
  connections: Connections,
  process: ProcessAddress,
  shards: readonly OwnedShard[],
  leaseMillis: number,
): Promise<readonly number[]> {
  const values = [...shardArrays(shards), leaseMillis, process.id, process.address];
  const renewed = shardSet(await connections.run(renewShards, values));
  return ascending(shards.map(({ shard }) => shard).filter((shard) => !renewed.has(shard)));
}

const releaseShards: Statement = {
  name: 'atoll_release',
  text: `
    with ${heldShards}
    update atoll.shard_owner set lease_until = '-infinity'
    from held join mine using (shard)
    where shard_owner.shard = held.shard and shard_owner.owner_epoch = mine.owner_epoch`,
};

export async function release(connections: Connections, shards: readonly OwnedShard[]): Promise<void> {
  await connections.run(releaseShards, shardArrays(shards));
}

const readStillOwned: Statement = {
  name: 'atoll_still_owned',
  text: `
    select shard_owner.shard from atoll.shard_owner
    join unnest($1::int2[], $2::int8[]) as mine (shard, owner_epoch) using (shard, owner_epoch)`,
};

export async function stillOwned(
  connections: Connections,
  shards: readonly OwnedShard[],
): Promise<readonly number[]> {
  const owned = shardSet(await connections.run(readStillOwned, shardArrays(shards)));
  return ascending(shards.map(({ shard }) => shard).filter((shard) => owned.has(shard)));
}

const readProcesses: Statement = {
  name: 'atoll_processes',
  text: `
    select id, address, greatest(0, extract(epoch from clock_timestamp() - last_seen) * 1000)
    from atoll.process order by id`,
};

export async function processes(connections: Connections): Promise<readonly ProcessRow[]> {
  return (await connections.run(readProcesses)).map(([id, address, ageMillis]) => ({
    id: id as string,
    address: address as string,
    ageMillis: Number(ageMillis),
  }));
}

function shardArrays(shards: readonly OwnedShard[]): readonly [Buffer, Buffer] {
  return [int2Array(shards.map(({ shard }) => shard)), int8Array(shards.map(({ ownerEpoch }) => ownerEpoch))];
}

function shardSet(rows: readonly Row[]): ReadonlySet<number> {
  return new Set(rows.map(([shard]) => Number(shard)));
}

function ascending(shards: readonly number[]): readonly number[] {
  return [...shards].sort((a, b) => a - b);
}
