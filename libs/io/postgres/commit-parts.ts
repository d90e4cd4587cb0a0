import type { Actor, Dot } from '#core/causality/dot.js';
import type { ShardCommit } from '#flow/ports/event-log.js';
import { conflictWrites } from '#flow/ports/shard-commit-rules.js';
import { fenced, type ActorNumber, type CommitPart } from './commit-part.js';
import { strongParts } from './strong-parts.js';

const fenceColumns: CommitPart['columns'] = [
  ['shard', 'int2'],
  ['owner_epoch', 'int8'],
  ['batch', 'int8'],
  ['last_seq', 'int8'],
  ['next_seq', 'int8'],
  ['hybrid_floor', 'int8'],
];

/**
 * The fence: everything else of a shard is written only together with its row here (PROTOCOL §1). The rows are locked
 * in shard order first, so that two processes can never wait for each other.
 */
export const fencePart: CommitPart = {
  name: 'fence',
  rare: false,
  columns: fenceColumns,
  sql: (rows) => fenceUpdate(rows, ''),
  gather: ({ shard, fence, lastSeq, hybridFloorMillis }, _numberOf, push) =>
    push(shard, fence.ownerEpoch, fence.batch, fence.lastSeq, lastSeq, hybridFloorMillis),
};

/** The fence of a batch that may promise an epoch: one row can be updated once in a statement. */
export const promisingFencePart: CommitPart = {
  ...fencePart,
  columns: [...fenceColumns, ['promised', 'text']],
  sql: (rows) => fenceUpdate(rows, ', promised_epoch = coalesce(new.promised, owned.promised_epoch)'),
  gather: ({ shard, fence, lastSeq, hybridFloorMillis, promised }, _numberOf, push) =>
    push(shard, fence.ownerEpoch, fence.batch, fence.lastSeq, lastSeq, hybridFloorMillis, promised ?? null),
};

function fenceUpdate(rows: string, more: string): string {
  return `
    update atoll.shard_owner as owned
    set batch = owned.batch + 1, last_seq = new.next_seq,
        hybrid_floor = greatest(owned.hybrid_floor, new.hybrid_floor)${more}
    from locked join ${rows} on new.shard = locked.shard
    where owned.shard = locked.shard and owned.owner_epoch = new.owner_epoch
      and owned.batch = new.batch and owned.last_seq = new.last_seq
    returning owned.shard, owned.batch`;
}

/** More than one statement can carry. */
const arrivalsPerBatch = 2 ** 16;

const eventPart: CommitPart = {
  name: 'events',
  rare: false,
  columns: [
    ['shard', 'int2'],
    ['actor', 'int2'],
    ['seq', 'int8'],
    ['arrival', 'int8'],
    ['type', 'text'],
    ['id', 'text'],
    ['hash', 'hex'],
    ['bytes', 'bytea'],
  ],
  // `arrival` orders events by batch and, within a batch, by place: wall time does neither.
  sql: (rows) => `
    insert into atoll.event (seq, arrival, shard, actor, type, id, hash, bytes)
    select new.seq, new.arrival, new.shard, new.actor, new.type, new.id, new.hash, new.bytes
    from ${rows} where ${fenced}`,
  gather: ({ events, fence }, numberOf, push) => {
    let arrival = (fence.batch + 1) * arrivalsPerBatch;
    for (const { event, bytes, hash } of events) {
      const { shard, dot, entity } = event;
      push(shard, numberOf(dot.actor), dot.seq, arrival, entity.type, entity.id, hash, bytes);
      arrival += 1;
    }
  },
};

const entityPart: CommitPart = {
  name: 'entities',
  rare: false,
  columns: [
    ['shard', 'int2'],
    ['type', 'text'],
    ['id', 'text'],
    ['state', 'utf8'],
    ['value', 'utf8'],
  ],
  sql: (rows) => `
    insert into atoll.entity (shard, type, id, state, value)
    select new.shard, new.type, new.id, new.state, new.value
    from ${rows} where ${fenced}
    on conflict (type, id) do update set state = excluded.state, value = excluded.value`,
  gather: ({ entities }, _numberOf, push) => {
    for (const { shard, entity, state, value } of entities) push(shard, entity.type, entity.id, state, value);
  },
};

const cursorPart: CommitPart = {
  name: 'cursors',
  rare: false,
  columns: [
    ['shard', 'int2'],
    ['actor', 'int2'],
    ['stored', 'int8'],
    ['folded', 'int8'],
    ['hash', 'hex'],
  ],
  sql: (rows) => `
    insert into atoll.cursor (stored, folded, shard, actor, hash)
    select new.stored, new.folded, new.shard, new.actor, new.hash
    from ${rows} where ${fenced}
    on conflict (shard, actor) do update
    set stored = excluded.stored, folded = excluded.folded, hash = excluded.hash`,
  gather: ({ shard, cursors }, numberOf, push) => {
    for (const { actor, stored, folded, hash } of cursors) push(shard, numberOf(actor), stored, folded, hash);
  },
};

const mutationPart: CommitPart = {
  name: 'mutations',
  rare: false,
  columns: [
    ['shard', 'int2'],
    ['actor', 'int2'],
    ['seq', 'int8'],
    ['group_index', 'int4'],
    ['born_millis', 'int8'],
    ['id', 'text'],
    ['type', 'text'],
    ['entity_id', 'text'],
    ['digest', 'text'],
  ],
  sql: (rows) => `
    insert into atoll.mutation (seq, born_millis, group_index, shard, actor, id, type, entity_id, digest)
    select new.seq, new.born_millis, new.group_index, new.shard, new.actor, new.id, new.type, new.entity_id, new.digest
    from ${rows} where ${fenced}`,
  gather: ({ mutations }, numberOf, push) => {
    for (const { shard, dot, groupIndex, bornMillis, id, entity, digest } of mutations) {
      push(shard, numberOf(dot.actor), dot.seq, groupIndex, bornMillis, id, entity.type, entity.id, digest);
    }
  },
};

const waitingPart: CommitPart = {
  name: 'waits',
  rare: true,
  columns: [
    ['shard', 'int2'],
    ['actor', 'int2'],
    ['seq', 'int8'],
    ['type', 'text'],
    ['id', 'text'],
    ['state', 'text'],
    ['waits_actor', 'int2'],
    ['waits_seq', 'int8'],
    ['waits_shard', 'int2'],
    ['reason', 'text'],
  ],
  sql: (rows) => `
    insert into atoll.waiting (shard, actor, seq, type, id, state, waits_actor, waits_seq, waits_shard, reason)
    select new.shard, new.actor, new.seq, new.type, new.id, new.state, new.waits_actor, new.waits_seq, new.waits_shard,
      new.reason
    from ${rows} where ${fenced}
    on conflict (shard, actor, seq) do update
    set type = excluded.type, id = excluded.id, state = excluded.state, waits_actor = excluded.waits_actor, waits_seq = excluded.waits_seq,
        waits_shard = excluded.waits_shard, reason = excluded.reason`,
  gather: ({ shard, waiting }, numberOf, push) => {
    for (const { dot, entity, state, waitsFor, waitsIn, reason } of waiting) {
      const [waitsActor, waitsSeq] = nullableDot(waitsFor ?? null, numberOf);
      push(
        shard,
        numberOf(dot.actor),
        dot.seq,
        entity.type,
        entity.id,
        state,
        waitsActor,
        waitsSeq,
        waitsIn ?? null,
        reason ?? null,
      );
    }
  },
};

const settledPart: CommitPart = {
  name: 'settled',
  rare: true,
  columns: [
    ['shard', 'int2'],
    ['actor', 'int2'],
    ['seq', 'int8'],
  ],
  sql: (rows) => `
    delete from atoll.waiting using ${rows}
    where ${fenced} and waiting.shard = new.shard and waiting.actor = new.actor and waiting.seq = new.seq`,
  gather: ({ shard, settled }, numberOf, push) => {
    for (const { actor, seq } of settled) push(shard, numberOf(actor), seq);
  },
};

/** Of two events that resolve one conflict the one with the lower dot stays named, whatever came first. */
function firstResolution(standing: string, other: string): string {
  return `(
    select given.no, given.seq
    from (values (${standing}.resolved_actor, ${standing}.resolved_seq), (${other}.resolved_actor, ${other}.resolved_seq))
         as given (no, seq)
    join atoll.actor on actor.no = given.no
    order by actor.name, given.seq limit 1)`;
}

const conflictPart: CommitPart = {
  name: 'conflicts',
  rare: true,
  columns: [
    ['shard', 'int2'],
    ['id', 'text'],
    ['type', 'text'],
    ['entity_id', 'text'],
    ['field', 'text'],
    ['policy', 'text'],
    ['low_actor', 'int2'],
    ['low_seq', 'int8'],
    ['high_actor', 'int2'],
    ['high_seq', 'int8'],
    ['low_change', 'text'],
    ['high_change', 'text'],
    ['resolved_actor', 'int2'],
    ['resolved_seq', 'int8'],
    ['detected_millis', 'int8'],
  ],
  sql: (rows) => `
    insert into atoll.conflict as standing (shard, id, type, entity_id, field, policy, low_actor, low_seq, high_actor,
      high_seq, low_change, high_change, resolved_actor, resolved_seq, detected_millis)
    select new.shard, new.id, new.type, new.entity_id, new.field, new.policy, new.low_actor, new.low_seq, new.high_actor,
      new.high_seq, new.low_change::json, new.high_change::json, new.resolved_actor, new.resolved_seq, new.detected_millis
    from ${rows} where ${fenced}
    on conflict (id) do update
    set low_change = excluded.low_change, high_change = excluded.high_change,
        (resolved_actor, resolved_seq) = ${firstResolution('standing', 'excluded')}`,
  gather: (commit, numberOf, push) => {
    for (const row of conflictWrites(commit).recorded) {
      const { shard, id, entity, field, policy, low, high } = row;
      push(
        ...[shard, id, entity.type, entity.id, field, policy],
        ...[numberOf(low.actor), low.seq, numberOf(high.actor), high.seq],
        ...[JSON.stringify(row.lowChange), JSON.stringify(row.highChange)],
        ...nullableDot(row.resolvedBy, numberOf),
        row.detectedMillis,
      );
    }
  },
};

const withdrawnPart: CommitPart = {
  name: 'withdrawn',
  rare: true,
  columns: [
    ['shard', 'int2'],
    ['id', 'text'],
  ],
  sql: (rows) => `
    delete from atoll.conflict using ${rows}
    where ${fenced} and conflict.shard = new.shard and conflict.id = new.id`,
  gather: ({ shard, withdrawnConflicts }, _numberOf, push) => {
    for (const id of withdrawnConflicts) push(shard, id);
  },
};

const resolvedPart: CommitPart = {
  name: 'resolved',
  rare: true,
  columns: [
    ['shard', 'int2'],
    ['id', 'text'],
    ['resolved_actor', 'int2'],
    ['resolved_seq', 'int8'],
  ],
  sql: (rows) => `
    update atoll.conflict as standing
    set (resolved_actor, resolved_seq) = ${firstResolution('standing', 'new')}
    from ${rows}
    where ${fenced} and standing.shard = new.shard and standing.id = new.id`,
  gather: (commit, numberOf, push) => {
    for (const { id, by } of conflictWrites(commit).resolved)
      push(commit.shard, id, numberOf(by.actor), by.seq);
  },
};

/** All parts behind the fence. No two of them touch one row: `assertCommitRules` sees to it. */
export const commitParts: readonly CommitPart[] = [
  eventPart,
  entityPart,
  cursorPart,
  mutationPart,
  waitingPart,
  settledPart,
  conflictPart,
  withdrawnPart,
  resolvedPart,
  ...strongParts,
];

function nullableDot(
  dot: Dot | null,
  numberOf: ActorNumber,
): readonly [number, number] | readonly [null, null] {
  return dot === null ? [null, null] : [numberOf(dot.actor), dot.seq];
}

/** Every actor that the rows of a batch name. */
export function actorsOf(shards: readonly ShardCommit[]): ReadonlySet<Actor> {
  const actors = new Set<Actor>();
  for (const commit of shards) {
    for (const { event } of commit.events) actors.add(event.dot.actor);
    for (const { actor } of commit.cursors) actors.add(actor);
    for (const { dot } of commit.mutations) actors.add(dot.actor);
    for (const { dot, waitsFor } of commit.waiting) actors.add(dot.actor).add(waitsFor?.actor ?? dot.actor);
    for (const { actor } of commit.settled) actors.add(actor);
    for (const { low, high, resolvedBy } of commit.conflicts) {
      actors
        .add(low.actor)
        .add(high.actor)
        .add(resolvedBy?.actor ?? low.actor);
    }
    for (const { by } of commit.resolvedConflicts) actors.add(by.actor);
    for (const { dot } of [...commit.refused, ...commit.voided]) actors.add(dot.actor);
  }
  return actors;
}
