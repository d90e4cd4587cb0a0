import type { EntityRef } from '#core/event/event.js';
import { entityKey } from '#core/event/shard-of.js';
import type { EntityType } from '#core/merge/entity-type.js';
import type { EventLog } from '../ports/event-log.js';
import { SharedRun } from '../shared-run.js';

const openConflictsMax = 100;

interface Asked {
  readonly run: SharedRun<readonly string[]>;
  waiting: number;
}

/**
 * The conflicts of an entity that a person has to decide. Whoever replaces siblings reads them first, and where many write
 * one entity many ask for the same at once: they share a statement that was begun after each of them asked.
 */
export class OpenConflicts {
  private readonly asked = new Map<string, Asked>();

  constructor(private readonly log: Pick<EventLog, 'openConflicts'>) {}

  /** The ids of the newest ones, in order. @throws LogUnavailable */
  async of(entity: EntityRef, type: EntityType): Promise<readonly string[]> {
    const key = entityKey(entity);
    const asked = this.asked.get(key) ?? { run: new SharedRun(() => this.look(entity, type)), waiting: 0 };
    this.asked.set(key, asked);
    asked.waiting += 1;
    try {
      return await asked.run.next();
    } finally {
      asked.waiting -= 1;
      if (asked.waiting === 0) this.asked.delete(key);
    }
  }

  private async look(entity: EntityRef, type: EntityType): Promise<readonly string[]> {
    const decided = [...type.fields].filter(([, { policy }]) => policy.replacesObserved);
    const fields = decided.map(([name]) => name);
    // The same in every region, whichever was found first here (INV-4).
    return (await this.log.openConflicts(entity, fields, openConflictsMax)).toSorted();
  }
}
