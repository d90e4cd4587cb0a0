import type { VersionVector } from '#core/causality/version-vector.js';
import { latestBirthMillis } from '#core/event/mutation-id.js';
import { int2Array, int4Array, int8Array, textArray } from './binary-array.js';
import type { Connections } from './connections.js';
import type { Statement } from './statement.js';

export interface PublishMark {
  readonly shard: number;
  readonly cluster: string;
  readonly seq: number;
}

export interface KafkaPosition {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
}

const writeMarks: Statement = {
  name: 'atoll_save_marks',
  text: `
    insert into atoll.publish_mark (shard, cluster, seq)
    select * from unnest($1::int2[], $2::text[], $3::int8[]) order by 1, 2
    on conflict (shard, cluster) do update set seq = excluded.seq`,
};

/** Several marks of one shard and cluster may be given: the last counts. */
export async function saveMarks(connections: Connections, marks: readonly PublishMark[]): Promise<void> {
  const last = [...new Map(marks.map((mark) => [`${mark.shard} ${mark.cluster}`, mark])).values()];
  if (last.length === 0) return;
  await connections.run(writeMarks, [
    int2Array(last.map(({ shard }) => shard)),
    textArray(last.map(({ cluster }) => cluster)),
    int8Array(last.map(({ seq }) => seq)),
  ]);
}

const writePositions: Statement = {
  name: 'atoll_save_positions',
  text: `
    insert into atoll.kafka_position (topic, partition, "offset")
    select * from unnest($1::text[], $2::int4[], $3::text[]) order by 1, 2
    on conflict (topic, partition) do update set "offset" = excluded."offset"`,
};

export async function savePositions(
  connections: Connections,
  positions: readonly KafkaPosition[],
): Promise<void> {
  const last = [...new Map(positions.map((given) => [`${given.topic} ${given.partition}`, given])).values()];
  if (last.length === 0) return;
  await connections.run(writePositions, [
    textArray(last.map(({ topic }) => topic)),
    int4Array(last.map(({ partition }) => partition)),
    textArray(last.map(({ offset }) => offset)),
  ]);
}

/** Ids that name a region lie together, in the order of their births, and with them hardly any bare key. */
const readNewestMutations: Statement = {
  name: 'atoll_newest_mutations',
  text: `
    select wanted.region, (
      select mutation.id from atoll.mutation
      where mutation.id >= wanted.region || '.' and mutation.id < wanted.region || '.g'
      order by mutation.id desc limit 1)
    from unnest($1::text[]) as wanted (region)`,
};

export async function newestBirths(
  connections: Connections,
  regions: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const rows = await connections.run(readNewestMutations, [textArray([...regions])]);
  return new Map(
    rows.map(([region, id]) => [region as string, latestBirthMillis((id as string | null) ?? undefined)]),
  );
}

const readPositions: Statement = {
  name: 'atoll_positions',
  text: 'select topic, partition, "offset" from atoll.kafka_position order by topic, partition',
};

export async function positions(connections: Connections): Promise<readonly KafkaPosition[]> {
  return (await connections.run(readPositions)).map(([topic, partition, offset]) => ({
    topic: topic as string,
    partition: Number(partition),
    offset: offset as string,
  }));
}

const horizonName = 'mutation_horizon_millis';

const raiseHorizon: Statement = {
  name: 'atoll_raise_mutation_horizon',
  text: `
    insert into atoll.setting (name, value) values ('${horizonName}', $1)
    on conflict (name) do update set value = excluded.value where setting.value::int8 < excluded.value::int8`,
};

/** A bounded number of rows at a time: one long transaction would keep everything else from being cleaned up. */
const rowsPerDrop = 10_000;

/** From the oldest on, and only as far as the horizon: a table of a day's records is not to be read each minute. */
const dropRecords: Statement = {
  name: 'atoll_drop_mutations',
  text: `
    with gone as (
      delete from atoll.mutation where ctid = any (array(
        select mutation.ctid
        from atoll.mutation
        where mutation.born_millis <= $1::int8 and exists (
          select from atoll.actor
          join unnest($2::int2[], $3::text[], $4::int8[]) as stable (shard, actor, seq) on stable.actor = actor.name
          where actor.no = mutation.actor and stable.shard = mutation.shard and mutation.seq <= stable.seq)
        order by mutation.born_millis
        limit ${rowsPerDrop}
      ))
      returning 1
    )
    select count(*) from gone`,
};

/** The horizon goes up before the first record goes: an id whose record may be gone is refused (PROTOCOL §5). */
export async function dropMutations(
  connections: Connections,
  horizonMillis: number,
  stable: ReadonlyMap<number, VersionVector>,
): Promise<number> {
  await connections.run(raiseHorizon, [String(horizonMillis)]);
  const rows = [...stable].flatMap(([shard, vector]) =>
    [...vector].map(([actor, seq]) => ({ shard, actor, seq })),
  );
  const values = [
    horizonMillis,
    int2Array(rows.map(({ shard }) => shard)),
    textArray(rows.map(({ actor }) => actor)),
    int8Array(rows.map(({ seq }) => seq)),
  ];
  let dropped = 0;
  for (;;) {
    const [row] = await connections.run(dropRecords, values);
    const count = Number(row?.[0] ?? 0);
    dropped += count;
    if (count < rowsPerDrop) return dropped;
  }
}

const readHorizon: Statement = {
  name: 'atoll_mutation_horizon',
  text: `select value from atoll.setting where name = '${horizonName}'`,
};

export async function mutationHorizonMillis(connections: Connections): Promise<number> {
  const [row] = await connections.run(readHorizon);
  return row === undefined ? 0 : Number(row[0]);
}

const readClock: Statement = {
  name: 'atoll_now',
  text: 'select extract(epoch from clock_timestamp()) * 1000',
};

export async function nowMillis(connections: Connections): Promise<number> {
  const [row] = await connections.run(readClock);
  return Number(row?.[0]);
}
