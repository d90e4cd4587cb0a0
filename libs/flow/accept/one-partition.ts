import { AtollError, type FieldError } from '#core/errors.js';
import { groupSizeMax } from '#core/event/event.js';
import { entityKey, partitionKey } from '#core/event/shard-of.js';
import type { EntityTypes } from '#core/merge/entity-type.js';
import type { Command, CommandPart } from '../service.js';

/**
 * Lets an atomic change of several entities pass only where a home can decide all of it at once: all are of strong types and
 * share a declared partition key, and none is named twice (PROTOCOL §8).
 *
 * @throws AtollError unknown_type, not_one_partition, duplicate_entity, too_large
 */
export function checkOnePartition(command: Command, types: EntityTypes): void {
  if (!command.also) return;
  const parts: readonly CommandPart[] = [command, ...command.also];
  if (parts.length > groupSizeMax)
    throw new AtollError('too_large', `an atomic change has at most ${groupSizeMax} entities`);
  const keys = new Set<string>();
  const named = new Map<string, number>();
  for (const [at, { entity }] of parts.entries()) {
    keys.add(keyOf(entity, types, at));
    const earlier = named.get(entityKey(entity));
    if (earlier !== undefined)
      throw refusal('duplicate_entity', at, `${entityKey(entity)} is named by change ${earlier} already`);
    if (keys.size > 1) throw refusal('not_one_partition', at, 'it has another partition key than the others');
    named.set(entityKey(entity), at);
  }
}

function keyOf({ type: name, id }: CommandPart['entity'], types: EntityTypes, at: number): string {
  const type = types.get(name);
  if (!type) throw refusal('unknown_type', at, `there is no entity type ${name}`);
  if (type.consistency !== 'strong') throw refusal('not_one_partition', at, `${name} is not declared strong`);
  if (!type.partitionBy) throw refusal('not_one_partition', at, `${name} declares no partition key`);
  return partitionKey(type.partitionBy, id);
}

function refusal(code: FieldError['code'], at: number, detail: string): AtollError {
  return new AtollError(code, detail, { fields: [{ path: `/changes/${at}`, code, detail }] });
}
