import type { Level } from '#core/consistency/level.js';
import { joinSessions, sessionWith, type SessionCursors } from '#core/consistency/session-token.js';
import type { EntityRef } from '#core/event/event.js';
import type { EntityState } from '#core/merge/entity-state.js';
import type { EntityType } from '#core/merge/entity-type.js';

/** One read, as far as it is known before anything is looked at. */
export interface AskedRead {
  readonly type: EntityType;
  readonly entity: EntityRef;
  readonly shard: number;
  readonly session: SessionCursors;
  readonly level: Level;
  readonly deadlineMillis: number;
}

/** What was found, and since when it can be missing anything. */
export interface ReadState extends Omit<AskedRead, 'level' | 'deadlineMillis'> {
  /** Whether the token that comes back also has what the entity depends on. */
  readonly causal: boolean;
  readonly state: EntityState;
  readonly quarantined: boolean;
  readonly sinceMillis: number | undefined;
}

/** What was read, and at level causal what that depends on (PROTOCOL §7), beside what the session depended on before. */
export function sessionAfter({ session, shard, state, causal }: ReadState): SessionCursors {
  const seen = sessionWith(session, shard, state.seen);
  return causal && state.dependencies ? joinSessions(seen, state.dependencies) : seen;
}
