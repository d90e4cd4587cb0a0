import { encodeVector, decodeVector, type VersionVector } from '../causality/version-vector.js';
import type { EntityRef, Event } from '../event/event.js';
import type { Json } from '../json.js';
import type { StrongEvent } from './strong-chain.js';
import { parseEpoch } from './epoch.js';
import type { TypeRecord } from './type-moves.js';

/** What records about moved types are of: the shard that they are for. No declared type can have this name. */
const movesType = 'atoll.type';
const field = 'move';

/** The entity that all records of a shard about its types name, so that they are found by one look-up. */
export function movesEntity(shard: number): EntityRef {
  return { type: movesType, id: String(shard) };
}

export function isMovesEntity(entity: EntityRef): boolean {
  return entity.type === movesType;
}

/** What is written: `closed` as an eventual event of its region's own stream, all others by the home. */
export type WrittenRecord = { readonly type: string; readonly phase: number } & (
  | { readonly kind: 'closing' | 'closed' }
  | { readonly kind: 'opened' | 'aborted' | 'loosened'; readonly upTo: VersionVector }
);

/** What a record adds to the envelope of the event that carries it. @param unique tells two tries of a home apart */
export function writeTypeRecord(
  record: WrittenRecord,
  shard: number,
  unique: string,
): Pick<Event, 'entity' | 'kind' | 'changes' | 'mutation' | 'schemaVersion'> {
  const { kind, type, phase } = record;
  const upTo = 'upTo' in record ? { upTo: encodeVector(record.upTo) } : {};
  const change: Json = { kind, type, phase, ...upTo };
  return {
    entity: movesEntity(shard),
    kind: 'update',
    schemaVersion: 1,
    changes: [{ field, policyVersion: 1, change }],
    mutation: { id: `atoll.type.${shard}.${unique}`, digest: '' },
  };
}

/** The record that an event carries; `undefined` when it carries none, or one that nobody could have written so. */
export function readTypeRecord({ entity, changes, dot, shard, epoch: text }: Event): TypeRecord | undefined {
  if (!isMovesEntity(entity) || entity.id !== String(shard)) return undefined;
  const change = changes[0]?.field === field ? changes[0].change : undefined;
  if (typeof change !== 'object' || change === null || Array.isArray(change)) return undefined;
  const { kind, type, phase, upTo } = change as { readonly [key: string]: Json };
  if (typeof type !== 'string' || typeof phase !== 'number' || !Number.isSafeInteger(phase) || phase < 0)
    return undefined;
  if (kind === 'closed')
    return text === undefined ? { kind, type, phase, actor: dot.actor, seq: dot.seq } : undefined;
  const epoch = parseEpoch(text ?? '');
  if (text === undefined || !epoch) return undefined;
  if (kind === 'closing') return { kind, type, phase };
  const vector = decodeVector(upTo);
  if (!vector || (kind !== 'opened' && kind !== 'aborted' && kind !== 'loosened')) return undefined;
  return { kind, type, phase, at: { epoch, seq: dot.seq }, upTo: vector };
}

/** Where a strong event stands in the strong log. */
export function strongEventOf({ dot, epoch: text }: Event): StrongEvent | undefined {
  const epoch = text === undefined ? undefined : parseEpoch(text);
  return epoch && { epoch, actor: dot.actor, seq: dot.seq };
}
