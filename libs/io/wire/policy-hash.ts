import { createHash } from 'node:crypto';
import { canonicalText } from '#core/event/canonical-json.js';
import type { Json } from '#core/json.js';
import type { EntityType, EntityTypes } from '#core/merge/entity-type.js';

/** Everything about a type that decides how its events fold and read, as JSON. */
function describeType(type: EntityType): Json {
  const { name, schemaVersion, onDelete, consistency, fields, partitionBy } = type;
  const described: [string, Json][] = [];
  for (const [field, { policy, fallback }] of fields) {
    described.push([field, { policy: policy.description, fallback: fallback ?? null }]);
  }
  const whole = { name, schemaVersion, onDelete, consistency, fields: Object.fromEntries(described) };
  return partitionBy ? { ...whole, partitionBy: { idBefore: partitionBy.idBefore } } : whole;
}

/** SHA-256 (hex) over the canonical description, per type: what two regions compare when they connect (PROTOCOL §12). */
export function policyHashes(types: EntityTypes): ReadonlyMap<string, string> {
  const hashes = new Map<string, string>();
  for (const [name, type] of types) {
    hashes.set(
      name,
      createHash('sha256')
        .update(canonicalText(describeType(type)), 'utf8')
        .digest('hex'),
    );
  }
  return hashes;
}
