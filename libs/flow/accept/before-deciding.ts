import { compare, firstMissing, type VersionVector } from '#core/causality/version-vector.js';
import type { EntityState } from '#core/merge/entity-state.js';
import type { EntityType } from '#core/merge/entity-type.js';
import type { Consistency } from '#core/strong/type-moves.js';
import type { MutationRow } from '../ports/event-log.js';
import { isLeftOutIn } from '../rights/closings-here.js';
import { wasLeftOut } from '../rights/leased-writes.js';
import { refuse, type CommandDecision, type Refused } from './batch-decisions.js';
import { dependenciesFor, type PreparedCommand } from './prepared-command.js';

/** What became of the first try of a command that is sent again. */
export function replayOf(
  command: PreparedCommand,
  row: MutationRow,
  type: EntityType | undefined,
  state: EntityState,
): CommandDecision {
  if (type && isLeftOutIn(type, state, row.dot)) return { kind: 'refused', error: wasLeftOut() };
  return { kind: 'replayed', row, ...dependenciesFor(command, state) };
}

/**
 * Why a command rests on another version than the one that is here. A strong change takes `observed` for a comparison too:
 * what a client computed from a read of whatever level is validated where the change is decided, at its home.
 */
export function staleInput(
  { ifMatch, observed }: PreparedCommand,
  as: Consistency,
  seen: VersionVector,
): Refused | undefined {
  if (ifMatch && compare(ifMatch, seen) !== 'equal') {
    const where = as === 'strong' ? 'at its home' : 'in this region';
    return refuse('precondition_failed', `If-Match names another version than the entity has ${where}`);
  }
  if (!observed) return undefined;
  if (as === 'strong' && compare(observed, seen) !== 'equal')
    return refuse('precondition_failed', 'what was observed is not what the home has: it was read too early');
  return firstMissing({ wanted: observed, have: seen })
    ? refuse('not_covered_yet', 'what was observed is not here yet')
    : undefined;
}
