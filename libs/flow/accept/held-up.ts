import { includes } from '#core/causality/version-vector.js';
import { refuse, type Refused } from './batch-decisions.js';
import type { BatchWaiting } from './batch-waiting.js';
import type { BatchWorld } from './batch-world.js';
import type { PreparedCommand } from './prepared-command.js';

/** Why a command cannot be decided now: something of the entity that it depends on, or that its own region minted, is not folded. */
export function heldUp(
  command: PreparedCommand,
  waiting: BatchWaiting,
  world: Pick<BatchWorld, 'ownActor' | 'holdsRights'>,
): Refused | undefined {
  if (waiting.isEmpty) return undefined;
  for (const row of waiting.rows(command.key)) {
    const isOwn = row.dot.actor === world.ownActor;
    // What a parked event does to the rights here nobody knows.
    const holdsRights = row.state === 'parked' && world.holdsRights(command.entity.type);
    if (!isOwn && !holdsRights && !includes(command.depends, row.dot)) continue;
    if (row.state === 'parked')
      return refuse('entity_quarantined', 'an event of this entity is parked until somebody acts');
    return refuse('not_covered_yet', 'an event that the session has seen is not folded here yet');
  }
  return undefined;
}
