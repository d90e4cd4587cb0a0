import { describe, expect, it } from 'vitest';
import type { EntityType } from '#core/merge/entity-type.js';
import type { ReadOutcome } from '../service.js';
import type { AskedRead } from './read-state.js';
import { readTogether } from './read-together.js';

const account: EntityType = {
  name: 'account',
  schemaVersion: 1,
  onDelete: 'update-wins',
  consistency: 'strong',
  partitionBy: { idBefore: ':' },
  fields: new Map(),
};
const asked = (id: string): AskedRead => ({
  type: account,
  entity: { type: 'account', id },
  shard: 0,
  session: new Map(),
  level: { kind: 'eventual' },
  deadlineMillis: 100,
});

/** Each reading of an entity sees the next of its seqs; the last one stays. */
function reading(seqs: Readonly<Record<string, readonly number[]>>) {
  const reads: string[] = [];
  const read = (some: readonly AskedRead[]): Promise<readonly ReadOutcome[]> =>
    Promise.resolve(
      some.map(({ entity }) => {
        const count = reads.filter((id) => id === entity.id).length;
        reads.push(entity.id);
        const all = seqs[entity.id] ?? [];
        const seq = all[Math.min(count, all.length - 1)] ?? 0;
        return {
          entity,
          value: { seq },
          seen: new Map([['us~1', seq]]),
          session: '',
          openConflicts: [],
          quarantined: false,
          stalenessMillis: 0,
        };
      }),
    );
  return { reads, read, nowMillis: () => reads.length };
}
const seqsOf = (outcomes: readonly ReadOutcome[]): unknown[] => outcomes.map(({ value }) => value?.seq);

describe('entities with one partition key', () => {
  it('are read until none of them has changed since it was read before', async () => {
    const world = reading({ 'k:a': [1, 3], 'k:b': [2, 4] });
    expect(seqsOf(await readTogether([asked('k:a'), asked('k:b')], world))).toEqual([3, 4]);
    expect(world.reads).toHaveLength(6);
  });

  it('wait for no entity that none is beside, and it alone is read once', async () => {
    const world = reading({ 'k:a': [1], 'k:b': [1], 'l:a': [1, 2, 3, 4] });
    const ids = ['k:a', 'l:a', 'k:b'];
    expect(seqsOf(await readTogether(ids.map(asked), world))).toEqual([1, 2, 1]);
    const alone = reading({ 'k:a': [1, 2], 'l:a': [1, 2] });
    expect(seqsOf(await readTogether(['k:a', 'l:a', 'k:a'].map(asked), alone))).toEqual([1, 1, 2]);
  });

  it('are refused at the deadline when they never stand still', async () => {
    const ever = Array.from({ length: 200 }, (_, at) => at);
    const work = readTogether([asked('k:a'), asked('k:b')], reading({ 'k:a': ever, 'k:b': ever }));
    await expect(work).rejects.toMatchObject({ code: 'deadline_exceeded' });
  });
});
