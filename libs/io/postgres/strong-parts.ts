import { fenced, type CommitPart } from './commit-part.js';

/** What only strong events write. */
const refusedPart: CommitPart = {
  name: 'refusals',
  rare: true,
  columns: [
    ['shard', 'int2'],
    ['actor', 'int2'],
    ['seq', 'int8'],
    ['type', 'text'],
    ['id', 'text'],
    ['epoch', 'text'],
    ['mutation_id', 'text'],
  ],
  sql: (rows) => `
    insert into atoll.refused (shard, actor, seq, type, id, epoch, mutation_id)
    select new.shard, new.actor, new.seq, new.type, new.id, new.epoch, new.mutation_id
    from ${rows} where ${fenced}`,
  gather: ({ shard, refused }, numberOf, push) => {
    for (const { dot, entity, epoch, mutationId } of refused)
      push(shard, numberOf(dot.actor), dot.seq, entity.type, entity.id, epoch, mutationId);
  },
};

const voidedPart: CommitPart = {
  name: 'voided',
  rare: true,
  columns: [
    ['shard', 'int2'],
    ['actor', 'int2'],
    ['group_index', 'int4'],
    ['id', 'text'],
  ],
  sql: (rows) => `
    delete from atoll.mutation using ${rows}
    where ${fenced} and mutation.id = new.id and mutation.group_index = new.group_index
      and mutation.actor = new.actor`,
  gather: ({ shard, voided }, numberOf, push) => {
    for (const { dot, groupIndex, id } of voided) push(shard, numberOf(dot.actor), groupIndex, id);
  },
};

export const strongParts: readonly CommitPart[] = [refusedPart, voidedPart];
