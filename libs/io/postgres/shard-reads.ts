import type { RegionCursorRow, ShardImage } from '#flow/ports/event-log.js';
import type { Connections } from './connections.js';
import { cursorColumns, fenceColumns, readCursor, readFence, readWaiting, waitingColumns } from './rows.js';

/** What an owner must know of a shard, from one snapshot. */
export async function loadShard(connections: Connections, shard: number): Promise<ShardImage> {
  return connections.transaction('begin isolation level repeatable read read only', async (client) => {
    const read = async (text: string): Promise<readonly unknown[][]> =>
      (await client.query<unknown[]>({ text, values: [shard], rowMode: 'array' })).rows;

    const [owner] = await read(
      `select ${fenceColumns}, shard_owner.hybrid_floor, shard_owner.promised_epoch from atoll.shard_owner where shard = $1::int2`,
    );
    if (owner === undefined) throw new RangeError(`there is no shard ${shard} in this region`);
    const cursors = await read(`
      select ${cursorColumns} from atoll.cursor join atoll.actor on actor.no = cursor.actor
      where cursor.shard = $1::int2 order by actor.name`);
    const waiting = await read(`
      select ${waitingColumns} from atoll.waiting join atoll.actor on actor.no = waiting.actor
      left join atoll.actor as waited on waited.no = waiting.waits_actor
      where waiting.shard = $1::int2 order by actor.name, waiting.seq`);
    const marks = await read('select cluster, seq from atoll.publish_mark where shard = $1::int2');
    return {
      fence: readFence(owner),
      hybridFloorMillis: Number(owner[3]),
      promised: owner[4] as string,
      cursors: cursors.map(readCursor),
      waiting: waiting.map((row) => {
        const { shard: _shard, ...rest } = readWaiting(row);
        return rest;
      }),
      marks: new Map(marks.map(([cluster, seq]) => [cluster as string, Number(seq)])),
    };
  });
}

const readCursors = {
  name: 'atoll_cursors',
  text: `
    select ${cursorColumns}, cursor.shard, least(cursor.stored, pending.first - 1)
    from atoll.cursor join atoll.actor on actor.no = cursor.actor
    left join (
      select shard, actor, min(seq) as first from atoll.waiting where state = 'pending' group by shard, actor
    ) as pending on pending.shard = cursor.shard and pending.actor = cursor.actor
    order by cursor.shard, actor.name`,
};

/** Every shard is named, also one that has no cursor yet. */
export async function allCursors(
  connections: Connections,
  shards: number,
): Promise<ReadonlyMap<number, readonly RegionCursorRow[]>> {
  const byShard = new Map<number, RegionCursorRow[]>(
    Array.from({ length: shards }, (_, shard) => [shard, []]),
  );
  for (const row of await connections.run(readCursors))
    byShard.get(Number(row[4]))?.push({ ...readCursor(row), causal: Number(row[5]) });
  return byShard;
}
