import type { EntityTypes, PartitionRule } from '../merge/entity-type.js';
import type { EntityRef } from './event.js';

/** How many shards a region has unless it was created otherwise. */
export const shardsDefault = 16;
export const shardsMax = 1024;

/**
 * The shard of an entity whose type has no partition key: FNV-1a (32 bit, over UTF-16 code units, low byte first) of `type/id`, modulo the number of
 * shards. Part of the format: the same in every region, for ever.
 */
export function shardOf(entity: EntityRef, shards: number): number {
  let hash = mix(0x811c9dc5, entity.type);
  hash = step(hash, 0x2f);
  return (mix(hash, entity.id) >>> 0) % shards;
}

/** What decides where entities lie, besides their names. The same in every region, for ever. */
export interface Layout {
  readonly shards: number;
  readonly types: EntityTypes;
}

/** The part of the id that alone decides the shard (PROTOCOL §8). */
export function partitionKey({ idBefore }: PartitionRule, id: string): string {
  const at = id.indexOf(idBefore);
  return at < 0 ? id : id.slice(0, at);
}

/**
 * Where an entity lies by the declaration of its type: types with a partition key hash the key alone, without their name, so
 * that entities of several types lie together. Part of the format.
 */
export function shardFor(entity: EntityRef, { shards, types }: Layout): number {
  const rule = types.get(entity.type)?.partitionBy;
  if (!rule) return shardOf(entity, shards);
  return shardOf({ type: '', id: partitionKey(rule, entity.id) }, shards);
}

/** The key of an entity in maps and on Kafka: `type/id`. A type's name has no slash. */
export function entityKey(entity: EntityRef): string {
  return `${entity.type}/${entity.id}`;
}

function mix(start: number, text: string): number {
  let hash = start;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    hash = step(hash, unit & 0xff);
    hash = step(hash, unit >>> 8);
  }
  return hash;
}

function step(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, 0x01000193);
}
