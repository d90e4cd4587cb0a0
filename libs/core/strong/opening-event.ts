import type { EntityRef, Event } from '../event/event.js';
import { shardFor, type Layout } from '../event/shard-of.js';
import type { Json } from '../json.js';
import { formatEpoch, isAbove, parseEpoch } from './epoch.js';
import type { Opening } from './strong-chain.js';
import { isMovesEntity } from './type-record.js';

/** What openings are about: the shard itself. No declared type can have this name. */
const shardType = 'atoll.shard';
const openingField = 'opening';

/** The entity that a shard's openings name, so that all of them are found by one look-up. */
export function shardEntity(shard: number): EntityRef {
  return { type: shardType, id: String(shard) };
}

function isShardEntity(entity: EntityRef): boolean {
  return entity.type === shardType;
}

/** Entities without a state: what their events say is part of what a shard's log is. */
export function isOfTheLog(entity: EntityRef): boolean {
  return isShardEntity(entity) || isMovesEntity(entity);
}

/**
 * Whether an entity lies in a shard: a shard's own entities lie in it, whatever their hash says. Where entities of an unknown
 * type lie nobody here can tell: they are stored, parked and judged again once the type is known.
 */
export function liesIn(entity: EntityRef, shard: number, layout: Layout): boolean {
  if (isOfTheLog(entity)) return entity.id === String(shard);
  return !layout.types.has(entity.type) || shardFor(entity, layout) === shard;
}

/** What an opening adds to the envelope of the event that carries it. */
export function writeOpening(
  opening: Opening,
  shard: number,
): Pick<Event, 'entity' | 'kind' | 'changes' | 'mutation'> & {
  readonly epoch: string;
} {
  const epoch = formatEpoch(opening.epoch);
  const change: Json = { close: opening.close, previous: formatEpoch(opening.previous) };
  return {
    entity: shardEntity(shard),
    kind: 'update',
    epoch,
    changes: [{ field: openingField, policyVersion: 1, change }],
    mutation: { id: `opening.${epoch}.${shard}`, digest: '' },
  };
}

/** The opening that an event carries; `undefined` when it carries none, or one that no home could have written. */
export function readOpening({ entity, epoch: text, changes, dot, shard }: Event): Opening | undefined {
  if (!isShardEntity(entity) || entity.id !== String(shard) || text === undefined) return undefined;
  const [first] = changes;
  const change = first?.field === openingField ? first.change : undefined;
  if (typeof change !== 'object' || change === null || Array.isArray(change)) return undefined;
  const { close, previous } = change as { readonly [key: string]: Json };
  const epoch = parseEpoch(text);
  const below = typeof previous === 'string' ? parseEpoch(previous) : undefined;
  // Also no epoch at all is above none, and a chain that does not go down would be followed for ever.
  if (!epoch || !below || !isAbove(epoch, below)) return undefined;
  if (typeof close !== 'number' || !Number.isSafeInteger(close) || close < 0) return undefined;
  return { epoch, home: dot.actor, seq: dot.seq, previous: below, close };
}
