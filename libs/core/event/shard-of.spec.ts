import { describe, expect, it } from 'vitest';
import type { EntityType, EntityTypes } from '../merge/entity-type.js';
import { partitionKey, shardFor, shardOf } from './shard-of.js';

const type = (name: string, idBefore?: string): [string, EntityType] => [
  name,
  {
    name,
    schemaVersion: 1,
    onDelete: 'update-wins',
    consistency: 'strong',
    fields: new Map(),
    ...(idBefore !== undefined && { partitionBy: { idBefore } }),
  },
];
const types: EntityTypes = new Map([type('account', ':'), type('receipt', '/'), type('plain')]);
const shard = (name: string, id: string): number => shardFor({ type: name, id }, { shards: 1_024, types });

describe('a partition key', () => {
  it('is what stands before the first separator, or the whole id', () => {
    expect(partitionKey({ idBefore: ':' }, 'acme:a:b')).toBe('acme');
    expect(partitionKey({ idBefore: '::' }, 'acme:a::b')).toBe('acme:a');
    expect(partitionKey({ idBefore: ':' }, 'acme')).toBe('acme');
    expect(partitionKey({ idBefore: ':' }, ':a')).toBe('');
  });

  it('alone decides the shard, for all types that declare one', () => {
    expect(shard('account', 'acme:a')).toBe(shard('account', 'acme:b'));
    expect(shard('account', 'acme:a')).toBe(shard('receipt', 'acme/1'));
    expect(shard('account', 'acme:a')).not.toBe(shard('account', 'other:a'));
  });

  it('keeps its place for ever, and so does an entity without one', () => {
    expect(shard('account', 'acme:a')).toBe(shardOf({ type: '', id: 'acme' }, 1_024));
    expect(shard('account', 'acme:a')).toBe(548);
    expect(shard('plain', 'acme:a')).toBe(shardOf({ type: 'plain', id: 'acme:a' }, 1_024));
    expect(shard('unknown', 'acme:a')).toBe(shardOf({ type: 'unknown', id: 'acme:a' }, 1_024));
  });
});
