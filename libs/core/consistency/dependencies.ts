import type { Dot } from '../causality/dot.js';
import { includes, type VersionVector } from '../causality/version-vector.js';
import { firstUncovered, joinSessions, withoutStable, type SessionCursors } from './session-token.js';

/** What an event, or an entity, depends on in whatever shard: cursors, as in a session token (PROTOCOL §7). */
export type Dependencies = SessionCursors;

/** A dot of any shard, of this one too. */
export interface Dependency {
  readonly shard: number;
  readonly dot: Dot;
}

/**
 * What a causal command carries: the cursors of its token, stable ones left out. Everything else stays, also what the
 * entity's context has: a cursor stands for all dots at or below it, of other entities too.
 *
 * @returns `undefined` when nothing is left: the event then is an ordinary one.
 */
export function dependenciesOf(
  session: SessionCursors,
  stable: (shard: number) => VersionVector,
): Dependencies | undefined {
  const left = withoutStable(session, stable);
  return left.size === 0 ? undefined : left;
}

/**
 * What an entity depends on once one more event is folded. An entry leaves when it is itself stable, not when the event
 * that carried it is: whoever reads the entity may go on in a region that has not folded the entry yet (PROTOCOL §7).
 *
 * @returns `undefined` when nothing is left.
 */
export function joinDependencies(
  kept: Dependencies | undefined,
  added: Dependencies | undefined,
  stable: (shard: number) => VersionVector,
): Dependencies | undefined {
  if (kept === undefined) return added && dependenciesOf(added, stable);
  return dependenciesOf(added === undefined ? kept : joinSessions(kept, added), stable);
}

/**
 * The first dependency that an event has to wait for; `undefined` when all are covered (PROTOCOL §3).
 *
 * @param causal per shard, the cursors that dependencies are held against: stored, lowered below the first pending
 *   event. What is parked or undecided holds nothing up.
 */
export function missingDependency(
  dependencies: Dependencies | undefined,
  causal: (shard: number) => VersionVector,
): Dependency | undefined {
  return dependencies && firstUncovered(dependencies, causal);
}

/** Whether an event claims to depend on itself or on what its actor wrote after it: no region could ever fold it. */
export function dependsOnItself(event: {
  readonly shard: number;
  readonly dot: Dot;
  readonly dependencies?: Dependencies;
}): boolean {
  const own = event.dependencies?.get(event.shard);
  return own !== undefined && includes(own, event.dot);
}
