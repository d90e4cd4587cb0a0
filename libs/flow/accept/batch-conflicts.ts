import type { Dot } from '#core/causality/dot.js';
import type { ConflictRow, ShardCommit } from '../ports/event-log.js';
import type { ConflictChanges } from './entity-step.js';

/** What a batch does to the conflicts of its shard. */
export class BatchConflicts {
  private readonly here = new Map<string, ConflictRow>();
  private readonly withdrawn = new Set<string>();
  private readonly resolved: { readonly id: string; readonly by: Dot }[] = [];

  note(changes: ConflictChanges): void {
    for (const id of changes.withdrawn) {
      if (!this.here.delete(id)) this.withdrawn.add(id);
    }
    for (const row of changes.found) {
      this.withdrawn.delete(row.id);
      this.here.set(row.id, row);
    }
  }

  resolve(id: string, by: Dot): void {
    const here = this.here.get(id);
    if (here) this.here.set(id, { ...here, resolvedBy: here.resolvedBy ?? by });
    else this.resolved.push({ id, by });
  }

  /** As parts of the batch's commit. */
  rows(): Pick<ShardCommit, 'conflicts' | 'withdrawnConflicts' | 'resolvedConflicts'> {
    return {
      conflicts: [...this.here.values()],
      withdrawnConflicts: [...this.withdrawn],
      resolvedConflicts: this.resolved,
    };
  }
}
