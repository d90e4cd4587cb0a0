import { assert } from '#core/assert.js';
import { compareDots, dotKey } from '#core/causality/dot.js';
import type { Dot } from '#core/causality/dot.js';
import type { ConflictRow, ShardCommit } from './event-log.js';

/**
 * Stops the process when a batch breaks what every event log relies on.
 *
 * One statement carries the whole batch, and a statement cannot touch one row twice: so within a batch an entity is
 * written once, a dot is not both waiting and settled, and a conflict is not both recorded and withdrawn.
 */
export function assertCommitRules(shards: readonly ShardCommit[]): void {
  const numbers = new Set<number>();
  for (const commit of shards) {
    assert(!numbers.has(commit.shard), 'INV-1: a batch has one part per shard');
    numbers.add(commit.shard);
    assertShardRules(commit);
  }
}

function assertShardRules(commit: ShardCommit): void {
  const { shard } = commit;
  assert(commit.lastSeq >= commit.fence.lastSeq, 'INV-3: the last seq of a shard never goes back');
  assert(
    commit.events.every((stored) => stored.event.shard === shard) &&
      commit.entities.every((row) => row.shard === shard) &&
      commit.mutations.every((row) => row.shard === shard) &&
      commit.conflicts.every((row) => row.shard === shard),
    'INV-1: every row of a part belongs to its shard',
  );
  assertOnce(
    commit.entities.map((row) => `${row.entity.type}\n${row.entity.id}`),
    'PROTOCOL §2: within a batch an entity is written once',
  );
  assertOnce(
    commit.cursors.map((row) => row.actor),
    'within a batch a cursor is written once',
  );
  assertOnce(
    [...commit.waiting.map((row) => dotKey(row.dot)), ...commit.settled.map(dotKey)],
    'within a batch a dot waits or is settled, once',
  );
  assertOnce(
    [...commit.conflicts.map((row) => row.id), ...commit.withdrawnConflicts],
    'within a batch a conflict is recorded or withdrawn, once',
  );
}

function assertOnce(keys: readonly string[], sentence: string): void {
  assert(keys.length < 2 || new Set(keys).size === keys.length, sentence);
}

/** The conflicts of a batch as they are to be written, and the resolutions that reach conflicts recorded earlier. */
export interface ConflictWrites {
  readonly recorded: readonly ConflictRow[];
  readonly resolved: readonly { readonly id: string; readonly by: Dot }[];
}

/** Resolutions of conflicts that the same batch records go into their rows; those of withdrawn ones go nowhere. */
export function conflictWrites(commit: ShardCommit): ConflictWrites {
  if (commit.resolvedConflicts.length === 0) return { recorded: commit.conflicts, resolved: [] };
  const by = new Map<string, Dot>();
  for (const { id, by: dot } of commit.resolvedConflicts)
    by.set(id, firstResolution(by.get(id) ?? null, dot));
  for (const id of commit.withdrawnConflicts) by.delete(id);

  const recorded = commit.conflicts.map((row) => {
    const dot = by.get(row.id);
    by.delete(row.id);
    return dot === undefined ? row : { ...row, resolvedBy: firstResolution(row.resolvedBy, dot) };
  });
  return { recorded, resolved: [...by].map(([id, dot]) => ({ id, by: dot })) };
}

/** Of two events that resolve one conflict the lower dot is named, in every region and whatever came first. */
export function firstResolution(standing: Dot | null, dot: Dot): Dot {
  return standing === null || compareDots(dot, standing) < 0 ? dot : standing;
}
