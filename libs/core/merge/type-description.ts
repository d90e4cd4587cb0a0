import type { Json } from '../json.js';
import type { DeleteRule, EntityType } from './entity-type.js';

/**
 * Everything about a type that decides how its events fold and read, as JSON: what two regions compare when they connect,
 * and what a database remembers of the declaration that its events were written under (PROTOCOL §12). A type and not an
 * interface, for only that is assignable to `Json`.
 */
export type TypeDescription = {
  readonly name: string;
  readonly schemaVersion: number;
  readonly onDelete: DeleteRule;
  readonly consistency: EntityType['consistency'];
  readonly fields: Readonly<Record<string, FieldDescription>>;
  readonly partitionBy?: { readonly idBefore: string };
};

export type FieldDescription = {
  /** The policy's own: name, version and options. */
  readonly policy: Json;
  readonly fallback: Json;
};

export function describeType(type: EntityType): TypeDescription {
  const { name, schemaVersion, onDelete, consistency, fields, partitionBy } = type;
  const described: [string, FieldDescription][] = [];
  for (const [field, { policy, fallback }] of fields) {
    described.push([field, { policy: policy.description, fallback: fallback ?? null }]);
  }
  const whole = { name, schemaVersion, onDelete, consistency, fields: Object.fromEntries(described) };
  return partitionBy ? { ...whole, partitionBy: { idBefore: partitionBy.idBefore } } : whole;
}
