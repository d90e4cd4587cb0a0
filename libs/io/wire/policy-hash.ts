import { createHash } from 'node:crypto';
import { canonicalText } from '#core/event/canonical-json.js';
import type { EntityTypes } from '#core/merge/entity-type.js';
import { describeType } from '#core/merge/type-description.js';

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
