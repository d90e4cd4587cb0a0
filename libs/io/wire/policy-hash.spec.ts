import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAtoll } from '#declare/define-atoll.js';
import { entity, type EntityOptions, type Fields } from '#declare/entity.js';
import { addWinsMap, counter, growOnlyCounter, lastWriterWins } from '#declare/policies.js';
import { policyHashes } from './policy-hash.js';

function hashOf(options: EntityOptions<Fields>): string | undefined {
  return policyHashes(defineAtoll({ entities: { cart: entity(options) } }).entityTypes).get('cart');
}

const fields = { lines: addWinsMap(counter()), coupon: lastWriterWins(z.string()) };

describe('the policy hash of a type', () => {
  it('is the same for the same declaration, whatever the order of its fields', () => {
    expect(hashOf({ fields })).toMatch(/^[0-9a-f]{64}$/);
    expect(hashOf({ fields: { coupon: fields.coupon, lines: fields.lines } })).toBe(hashOf({ fields }));
  });

  it.each([
    ['an inner policy', { fields: { ...fields, lines: addWinsMap(growOnlyCounter()) } }],
    ['a schema', { fields: { ...fields, coupon: lastWriterWins(z.string().max(8)) } }],
    ['a default', { fields: { ...fields, coupon: lastWriterWins(z.string(), { default: '' }) } }],
    ['another field', { fields: { ...fields, more: counter() } }],
    ['the delete rule', { fields, onDelete: 'delete-wins' }],
    ['the partition key', { fields, partitionBy: { idBefore: ':' } }],
    ['the schema version', { fields, schemaVersion: 2 }],
  ] as [string, EntityOptions<Fields>][])('changes with %s', (_what, options) => {
    expect(hashOf(options)).not.toBe(hashOf({ fields }));
  });
});
