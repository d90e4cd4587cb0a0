import type { EntityType, Field } from '#core/merge/entity-type.js';
import { lastWriterWins } from '#core/merge/policies.js';

/** A strong entity type for tests: one register `state`, where nothing else is said. */
export function strongType(
  name: string,
  more: { readonly fields?: Readonly<Record<string, Field>>; readonly acks?: EntityType['acks'] } = {},
): EntityType {
  const { fields = { state: { policy: lastWriterWins() } }, acks } = more;
  return {
    name,
    schemaVersion: 1,
    onDelete: 'update-wins',
    consistency: 'strong',
    ...(acks && { acks }),
    fields: new Map(Object.entries(fields)),
  };
}
