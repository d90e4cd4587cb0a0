import type { EntityTypes } from '#core/merge/entity-type.js';
import { isBoundedCounter } from '#core/merge/bounded-counter.js';
import type { Command } from '../service.js';

/** The types with a bounded counter, and the names of those fields. */
export function rightsFields(types: EntityTypes): ReadonlyMap<string, readonly string[]> {
  const byType = new Map<string, readonly string[]>();
  for (const [name, { fields }] of types) {
    const bounded = [...fields].filter(([, { policy }]) => isBoundedCounter(policy)).map(([field]) => field);
    if (bounded.length > 0) byType.set(name, bounded);
  }
  return byType;
}

/** Where in a command an operation stands that only regions may send; `undefined`: nowhere. */
export function ownOperationAt(types: EntityTypes, { entity, operations }: Command): number | undefined {
  const fields = types.get(entity.type)?.fields;
  const at = operations.findIndex(
    ({ field, op }) => fields?.get(field)?.policy.ownOperations?.has(op) === true,
  );
  return at < 0 ? undefined : at;
}
