import type { EntityRef } from '#core/event/event.js';
import { parseJson } from '#core/parse-json.js';
import type { ShardCommit } from '#flow/ports/event-log.js';
import type { MemoryDatabase } from '../memory/memory-database.js';
import { BrokenInvariant } from './sim-checks.js';
import { purseType, vaultType } from './sim-types.js';

export const coinField = 'coins';
const purse = (id: string): EntityRef => ({ type: purseType, id });
/** What has one partition key. Coins only move between them, so that each list always sums to nothing. */
export const partitions: readonly (readonly EntityRef[])[] = [
  [purse('p:a'), purse('p:b'), purse('p:c')],
  // Not every region knows what a vault is before it is upgraded: the whole group is parked there.
  [purse('q:a'), purse('q:b'), { type: vaultType, id: 'q:c' }],
];

/** Looks at every commit: a group is stored in one transaction, and folded in one. */
export function lookAtGroups(database: MemoryDatabase, part: ShardCommit): void {
  const { region } = database.identity;
  const open = new Map<string, number>();
  for (const { event } of part.events) {
    const { actor } = event.dot;
    const next = open.get(actor) ?? 0;
    if ((event.group?.index ?? 0) !== next)
      throw new BrokenInvariant(`§8: ${region} stores half of a group of ${actor} in shard ${part.shard}`);
    open.set(actor, event.group && next + 1 < event.group.size ? next + 1 : 0);
  }
  for (const [actor, next] of open)
    if (next !== 0)
      throw new BrokenInvariant(`§8: ${region} stores half of a group of ${actor} in shard ${part.shard}`);
  if (part.entities.some(({ entity }) => entity.type === purseType || entity.type === vaultType))
    for (const entities of partitions) lookAtSum(database, entities);
}

function lookAtSum(database: MemoryDatabase, entities: readonly EntityRef[]): void {
  const names = new Set(entities.map(({ type, id }) => `${type}/${id}`));
  let sum = 0;
  for (const { entity, value } of database.entities.values()) {
    if (!names.has(`${entity.type}/${entity.id}`) || !value) continue;
    const shown = parseJson(Buffer.from(value).toString()) as Record<string, number>;
    sum += shown[coinField] ?? 0;
  }
  if (sum !== 0)
    throw new BrokenInvariant(
      `INV-11: ${database.identity.region} holds half of a change: the sum is ${sum}`,
    );
}
