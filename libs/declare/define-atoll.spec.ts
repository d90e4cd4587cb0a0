import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import type { Json } from '#core/json.js';
import { DeclarationError } from './declaration-error.js';
import { checkCustomPolicies, defineAtoll, isAtoll } from './define-atoll.js';
import { entity, type EntityOperation, type EntityValue } from './entity.js';
import {
  addWinsMap,
  addWinsSet,
  boundedCounter,
  counter,
  custom,
  flag,
  growOnlyCounter,
  lastWriterWins,
  maxRegister,
  minRegister,
  multiValue,
  orderedStatus,
  removeWinsSet,
  text,
} from './policies.js';

const cart = entity({
  fields: {
    lines: addWinsMap(counter()),
    coupon: lastWriterWins(z.string().max(8)),
    note: lastWriterWins(z.string(), { default: '' }),
    slot: multiValue(z.object({ room: z.string() })),
    tags: addWinsSet(),
    state: orderedStatus(['open', 'paid']),
  },
});

function errorOf(action: () => unknown): DeclarationError {
  try {
    action();
  } catch (error) {
    if (error instanceof DeclarationError) return error;
    throw error;
  }
  throw new Error('was not refused');
}

describe('a declaration', () => {
  it('becomes the entity types that core folds', () => {
    const atoll = defineAtoll({ entities: { cart } });
    const type = atoll.entityTypes.get('cart')!;
    expect(type).toMatchObject({
      name: 'cart',
      schemaVersion: 1,
      onDelete: 'update-wins',
      consistency: 'eventual',
    });
    expect([...type.fields].map(([name, { policy, fallback }]) => [name, policy.name, fallback])).toEqual([
      ['lines', 'add-wins-map', undefined],
      ['coupon', 'last-writer-wins', undefined],
      ['note', 'last-writer-wins', ''],
      ['slot', 'multi-value', undefined],
      ['tags', 'add-wins-set', undefined],
      ['state', 'ordered-status', undefined],
    ]);
    expect(isAtoll(atoll)).toBe(true);
    expect(isAtoll({ entities: {} })).toBe(false);
  });

  it('knows every policy by its name', () => {
    const fields = {
      a: growOnlyCounter(),
      b: removeWinsSet(),
      c: flag({ concurrent: 'enable-wins' }),
      d: flag({ concurrent: 'disable-wins' }),
      e: maxRegister(),
      f: minRegister(),
      g: text(),
    };
    const type = defineAtoll({ entities: { all: entity({ fields }) } }).entityTypes.get('all')!;
    expect([...type.fields.values()].map(({ policy }) => policy.name)).toHaveLength(7);
  });

  it('types what a read shows and what a write may send', () => {
    expectTypeOf<EntityValue<typeof cart>>().toEqualTypeOf<{
      readonly lines: Readonly<Record<string, number>>;
      readonly coupon: string | null;
      readonly note: string;
      readonly slot: { room: string } | { readonly siblings: readonly { room: string }[] } | null;
      readonly tags: readonly string[];
      readonly state: 'open' | 'paid';
    }>();
    const operations: EntityOperation<typeof cart>[] = [
      { field: 'lines', op: 'at', key: 'sku-1', then: { op: 'increment', by: 2 } },
      { field: 'coupon', op: 'set', value: 'x' },
      { field: 'state', op: 'advance', to: 'paid' },
      // @ts-expect-error no such status
      { field: 'state', op: 'advance', to: 'sent' },
      // @ts-expect-error no such operation on a register
      { field: 'coupon', op: 'increment', by: 1 },
    ];
    expect(operations).toHaveLength(5);
  });

  it.each([
    '__proto__',
    'Cart',
    '1st',
    'a-b',
    'a.b',
    'a/b',
    '',
    'x'.repeat(65),
    'constructor',
    'toString',
    'hasOwnProperty',
  ])('cannot call a type or a field %j', (name) => {
    const named = <T>(value: T): Record<string, T> => Object.fromEntries([[name, value]]);
    const type = errorOf(() => defineAtoll({ entities: named(entity({ fields: { a: counter() } })) }));
    expect(type.code).toBe('invalid_name');
    const field = errorOf(() => defineAtoll({ entities: { cart: entity({ fields: named(counter()) }) } }));
    expect(field.code).toBe('invalid_name');
    expect(field.path).toBe(`entities.cart.fields.${name}`);
  });

  it('takes bounds that a counter can keep', () => {
    expect(boundedCounter({ min: -5, max: 5 }).policy.description).toMatchObject({ min: -5, max: 5 });
    for (const bounds of [{ min: 0.5 }, { min: 3, max: 3 }, { min: 0, max: Infinity }, {}]) {
      expect(errorOf(() => boundedCounter(bounds as { min: number })).code).toBe('invalid_options');
    }
    const leased = boundedCounter({ min: 0, rightsLease: { millis: 30_000 } });
    expect(leased.policy.description).toMatchObject({ leaseMillis: 30_000 });
    for (const millis of [0, 1.5, 999, Infinity])
      expect(errorOf(() => boundedCounter({ min: 0, rightsLease: { millis } })).code).toBe('invalid_options');
    const mixed = { leased, plain: boundedCounter({ min: 0 }) };
    expect(errorOf(() => entity({ fields: mixed })).code).toBe('invalid_options');
    expect(errorOf(() => addWinsMap(boundedCounter({ min: 0 }))).code).toBe('invalid_options');
  });

  it.each([
    ['no fields', () => defineAtoll({ entities: { a: entity({ fields: {} }) } }), 'invalid_options'],
    [
      'a delete rule nobody knows',
      () => entity({ fields: {}, onDelete: 'last' as never }),
      'invalid_options',
    ],
    ['a schema version of zero', () => entity({ fields: {}, schemaVersion: 0 }), 'invalid_options'],
    ['a status twice', () => orderedStatus(['a', 'a']), 'invalid_options'],
    ['no status', () => orderedStatus([]), 'invalid_options'],
    ['a flag without a rule', () => flag({} as never), 'invalid_options'],
    [
      'a default that does not fit',
      () => lastWriterWins(z.string(), { default: 7 as never }),
      'invalid_default',
    ],
    [
      'a default within a map',
      () => addWinsMap(lastWriterWins(z.string(), { default: '' })),
      'invalid_options',
    ],
    ['no schema', () => lastWriterWins({} as never), 'invalid_schema'],
    [
      'an asynchronous schema',
      () => lastWriterWins(z.any().refine(() => Promise.resolve(true))),
      'invalid_schema',
    ],
  ])('with %s is refused', (_what, declare, code) => {
    expect(errorOf(declare).code).toBe(code);
  });
});

describe('a custom policy', () => {
  const longest = {
    name: 'longest-word',
    version: 1,
    operations: ['say'],
    initial: '',
    samples: [
      { op: 'say', word: 'a' },
      { op: 'say', word: 'bb' },
      { op: 'say', word: 'ccc' },
    ],
    decide: (_value: string, { word }: { readonly [name: string]: Json }) => ({ change: String(word) }),
    apply: (value: string, word: string) => (word.length > value.length ? word : value),
  };

  it('starts when its laws hold, also within a map', () => {
    const fields = { word: custom(longest), words: addWinsMap(custom(longest)) };
    expect(() => checkCustomPolicies(defineAtoll({ entities: { note: entity({ fields }) } }))).not.toThrow();
  });

  it('stops the service when two orders give two values, and shows which', () => {
    const last = custom({ ...longest, apply: (_value: string, word: string) => word });
    for (const field of [last, addWinsMap(last)]) {
      const atoll = defineAtoll({ entities: { note: entity({ fields: { word: field } }) } });
      const error = errorOf(() => checkCustomPolicies(atoll));
      expect(error.code).toBe('laws_broken');
      expect(error.message).toMatch(
        /^entities\.note\.fields\.word: breaks the law 'convergent'.*Counter-example: \{/,
      );
    }
  });

  it.each([
    ['the name of another policy', { name: 'counter' }],
    ['a name that is none', { name: 'Longest Word' }],
    ['no version', { version: 0 }],
    ['no operations', { operations: [] }],
    ['no samples', { samples: [] }],
    ['an initial value that is not JSON', { initial: new Date() as never }],
  ])('with %s is refused', (_what, wrong) => {
    expect(errorOf(() => custom({ ...longest, ...wrong })).code).toBe('invalid_options');
  });
});

describe('a schema', () => {
  const checkOf = (schema: Parameters<typeof lastWriterWins>[0]) => (value: Json) =>
    lastWriterWins(schema).policy.decide(
      [],
      { op: 'set', value },
      {
        dot: { actor: 'us~1', seq: 1 },
        time: { wallMillis: 1, counter: 0, actor: 'us~1' },
        hasObserved: false,
      },
    );

  it('refuses a value with the path of what is wrong', () => {
    const check = checkOf(z.object({ 'a/b': z.array(z.object({ '~': z.string().max(3) })) }));
    expect(check({ 'a/b': [{ '~': 'yes' }, { '~': 'too long' }] })).toMatchObject({
      kind: 'rejected',
      code: 'invalid_value',
      path: '/value/a~1b/1/~0',
    });
  });

  it('may normalize a value, when it leaves its own result as it is', () => {
    expect(checkOf(z.string().trim())(' x ')).toMatchObject({ kind: 'accepted', change: { value: 'x' } });
    expect(checkOf(z.string().transform((text) => text.length))('abc')).toMatchObject({ kind: 'rejected' });
    expect(checkOf(z.string().transform((text) => `${text}!`))('abc')).toMatchObject({ kind: 'rejected' });
  });

  it('must make JSON', () => {
    expect(checkOf(z.coerce.date())('2026-11-22')).toMatchObject({ kind: 'rejected', code: 'invalid_value' });
  });

  it('is part of what regions compare, as JSON Schema', () => {
    const described = (schema: Parameters<typeof lastWriterWins>[0]) =>
      JSON.stringify(lastWriterWins(schema).policy.description);
    expect(described(z.string().max(8))).toContain('"maxLength":8');
    expect(described(z.string().max(8))).not.toBe(described(z.string().max(9)));
    expect(described(z.string())).toBe(described(z.string()));
    expect(described(z.string().describe('A name').meta({ title: 'Name' }))).toBe(described(z.string()));
    expect(described(z.object({ title: z.string() }))).toContain('"title"');
  });
});
