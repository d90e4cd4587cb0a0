import { describe, expect, it } from 'vitest';
import type { Json } from '../json.js';
import type { EntityType } from './entity-type.js';
import {
  addWinsMap,
  boundedCounter,
  counter,
  flag,
  lastWriterWins,
  orderedStatus,
  removeWinsSet,
  addWinsSet,
} from './policies.js';
import type { AnyPolicy, ValueSchema } from './policy.js';
import { misfits } from './type-change.js';
import { describeType, type TypeDescription } from './type-description.js';

const schemaOf = (description: Json): ValueSchema => ({
  description,
  check: (value) => ({ kind: 'valid', value }),
});

type Options = Partial<Omit<EntityType, 'fields'>> & {
  readonly fields?: Readonly<Record<string, AnyPolicy>>;
};

const fieldsBefore = {
  lines: addWinsMap(lastWriterWins(schemaOf({ type: 'string' }))),
  coupon: lastWriterWins(schemaOf({ type: 'string' })),
  state: orderedStatus(['open', 'paid', 'sent']),
  gift: flag({ concurrent: 'enable-wins' }),
};

function cart({ fields = fieldsBefore, ...more }: Options = {}): TypeDescription {
  return describeType({
    name: 'cart',
    schemaVersion: 3,
    onDelete: 'update-wins',
    consistency: 'eventual',
    ...more,
    fields: new Map(Object.entries(fields).map(([name, policy]) => [name, { policy }])),
  });
}

const change = (fields: Readonly<Record<string, AnyPolicy>>, more: Options = {}): TypeDescription =>
  cart({ ...more, fields: { ...fieldsBefore, ...fields } });

describe('a declaration', () => {
  it.each([
    ['as it was', cart()],
    ['with a further field', change({ more: counter() })],
    ['with a higher schema version', cart({ schemaVersion: 4 })],
    ['with other acks', cart({ acks: '1' })],
    [
      'with another schema and a higher schema version',
      change({ coupon: lastWriterWins(schemaOf({ type: 'number' })) }, { schemaVersion: 4 }),
    ],
    [
      'with another schema within a map',
      change({ lines: addWinsMap(lastWriterWins(schemaOf({ type: 'number' }))) }, { schemaVersion: 4 }),
    ],
    [
      'with statuses between and behind those it had',
      change({ state: orderedStatus(['open', 'held', 'paid', 'sent', 'back']) }, { schemaVersion: 4 }),
    ],
  ])('%s fits all that was stored', (_what, now) => {
    expect(misfits(cart(), now)).toEqual([]);
  });

  it.each([
    ['another rule for deletes', cart({ onDelete: 'delete-wins' }), /onDelete was 'update-wins'/],
    ['another consistency', cart({ consistency: 'strong' }), /'atoll type move'/],
    ['a partition key', cart({ partitionBy: { idBefore: ':' } }), /partitionBy decides/],
  ])('with %s fits only where nothing of its version is stored', (_what, now, detail) => {
    expect(misfits(cart(), now)).toEqual([
      { needsNone: { schema: 3 }, detail: expect.stringMatching(detail) },
    ]);
  });

  /** Nothing of it is a matter of values alone. */
  const newVersion = { schemaVersion: 4 };
  const { gift: _gift, ...withoutGift } = fieldsBefore;
  it.each([
    ['gift', 'left out', cart({ fields: withoutGift, schemaVersion: 4 })],
    ['gift', 'with another option', change({ gift: flag({ concurrent: 'disable-wins' }) }, newVersion)],
    ['gift', 'of another policy', change({ gift: counter() }, newVersion)],
    ['coupon', 'of a policy of another version', change({ coupon: newer(fieldsBefore.coupon) }, newVersion)],
    ['lines', 'with another policy within', change({ lines: addWinsMap(counter()) }, newVersion)],
    ['state', 'with one status less', change({ state: orderedStatus(['open', 'sent']) }, newVersion)],
    ['state', 'in another order', change({ state: orderedStatus(['open', 'sent', 'paid']) }, newVersion)],
    [
      'state',
      'with another first status',
      change({ state: orderedStatus(['new', 'open', 'paid', 'sent']) }, newVersion),
    ],
  ])('whose field %s is %s fits only where no event of its version is on it', (field, _what, now) => {
    expect(misfits(cart(), now)).toEqual([
      { needsNone: { schema: 3, field }, detail: expect.stringContaining(`cart.${field} `) },
    ]);
  });

  it('with other options at one schema version fits only where no event of that version is on the field', () => {
    const now = change({ coupon: lastWriterWins(schemaOf({ type: 'number' })) });
    expect(misfits(cart(), now)).toEqual([
      {
        needsNone: { schema: 3, field: 'coupon' },
        detail: 'cart.coupon has other options than before; raise schemaVersion above 3',
      },
    ]);
  });

  it('of a lower schema version fits only where none of a higher one is stored', () => {
    expect(misfits(cart(), cart({ schemaVersion: 2 }))).toEqual([
      { needsNone: { schemaAbove: 2 }, detail: expect.stringContaining('it only grows') },
    ]);
  });

  it('misses a field that has the name of what every object has', () => {
    const before = cart({ fields: { ...fieldsBefore, constructor: counter() } });
    expect(misfits(before, cart()).map(({ detail }) => detail)).toEqual([
      expect.stringMatching(/^cart\.constructor is not declared any more/),
    ]);
  });

  it('tells all that does not fit, in words that name both policies', () => {
    const before = cart({ fields: { units: boundedCounter({ min: 0 }), tags: addWinsSet() } });
    const now = cart({ fields: { units: boundedCounter({ min: 1 }), tags: removeWinsSet() } });
    const details = misfits(before, now).map(({ detail }) => detail);
    expect(details).toEqual([
      expect.stringMatching(
        /^cart\.units was bounded-counter 1 \{.*"min":0\} and is bounded-counter 1 \{.*"min":1\};/,
      ),
      expect.stringMatching(/^cart\.tags was add-wins-set 1 and is remove-wins-set 1;/),
    ]);
  });
});

function newer(policy: AnyPolicy): AnyPolicy {
  const version = policy.version + 1;
  return { ...policy, version, description: { ...(policy.description as object), version } };
}
