import { sessionWith, type SessionCursors } from '#core/consistency/session-token.js';
import type { EntityRef } from '#core/event/event.js';
import type { Sessions } from '../read/sessions.js';
import type { ReadOutcome } from '../service.js';
import type { StrongService } from './strong-service.js';

export interface AskedStrongly {
  readonly entity: EntityRef;
  readonly shard: number;
  readonly session: SessionCursors;
  readonly deadlineMillis: number;
}

/** Reads from the homes of the shards. What a session has seen is in what its home knows, or in what is newer. */
export class StrongReads {
  constructor(
    private readonly parts: { readonly readStrong: StrongService['read']; readonly sessions: Sessions },
  ) {}

  /** One after the other, in one session. @throws AtollError level_not_available, not_home, no_majority */
  async read(asked: readonly AskedStrongly[]): Promise<readonly ReadOutcome[]> {
    const { readStrong, sessions } = this.parts;
    const outcomes: ReadOutcome[] = [];
    let token: SessionCursors | undefined;
    for (const { entity, shard, session, deadlineMillis } of asked) {
      const { value, seen, epoch } = await readStrong(shard, entity, deadlineMillis);
      token = sessionWith(token ?? session, shard, seen);
      const told = { openConflicts: [], quarantined: false, stalenessMillis: 0 };
      outcomes.push({ entity, value, seen, epoch, session: sessions.issue(token), ...told });
    }
    return outcomes;
  }
}
