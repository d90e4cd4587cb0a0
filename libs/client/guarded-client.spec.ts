import { describe, expect, expectTypeOf, it } from 'vitest';
import { UnvalidatedInput } from './errors.js';
import { guard, validated, type Basis, type StrongInput } from './guarded-client.js';
import type { CallOptions, RegionClient, WriteOptions } from './region-client.js';
import type { EntityRead, EntityRef, WriteResult } from './wire.js';

const types = { payment: { consistency: 'strong' }, cart: { consistency: 'eventual' } } as const;

/** A region that answers every read with a version, and keeps what it was asked. */
function region() {
  const asked: { readonly entity: EntityRef; readonly options: CallOptions | WriteOptions | undefined }[] =
    [];
  const client = {
    read: async (entity: EntityRef, options?: CallOptions) => {
      asked.push({ entity, options });
      return { ...entity, value: {}, version: `v-${entity.id}`, seen: {} } as unknown as EntityRead;
    },
    change: async (entity: EntityRef, _change: object, options: WriteOptions) => {
      asked.push({ entity, options });
      return { ...entity } as unknown as WriteResult;
    },
  } as Partial<RegionClient> as RegionClient;
  return { guarded: guard(client, types), asked };
}

const change = { operations: [{ field: 'state', op: 'advance', to: 'captured' }] };
const mutationId = 'm-1';

describe('a change of a strong type', () => {
  it('takes a strong read as its input, and has the home look whether it still holds', async () => {
    const { guarded, asked } = region();
    const payment = await guarded.readStrong('payment', 'p');
    expectTypeOf(payment).toEqualTypeOf<Basis<'payment', 'strong'>>();
    await guarded.changeStrong('payment', 'p', change, { mutationId, basedOn: [payment] });
    expect(asked.map(({ options }) => options)).toEqual([
      { consistency: 'strong' },
      { mutationId, ifMatch: 'v-p' },
    ]);
  });

  it('takes a strong read of another entity as it is', async () => {
    const { guarded, asked } = region();
    const other = await guarded.readStrong('payment', 'other');
    await guarded.changeStrong('payment', 'p', change, { mutationId, basedOn: [other] });
    expect(asked.at(-1)?.options).toEqual({ mutationId });
  });

  it('takes no eventual read, neither by its types nor at run time', async () => {
    const { guarded, asked } = region();
    const cart = await guarded.read('cart', 'c');
    const payment = await guarded.read('payment', 'p', { consistency: 'session' });
    const before = asked.length;
    for (const weak of [cart, payment]) {
      // @ts-expect-error: a weak read is no input of a strong change
      const refused = guarded.changeStrong('payment', 'p', change, { mutationId, basedOn: [weak] });
      await expect(refused).rejects.toThrow(UnvalidatedInput);
    }
    expect(asked.length).toBe(before);
  });

  it('takes an eventual read of its own entity when the home validates it', async () => {
    const { guarded, asked } = region();
    const payment = await guarded.read('payment', 'p');
    await guarded.changeStrong('payment', 'p', change, { mutationId, basedOn: [validated(payment)] });
    expect(asked.at(-1)?.options).toEqual({ mutationId, ifMatch: 'v-p' });
  });

  it('takes no read of another entity, although it is to be validated: this home cannot', async () => {
    const { guarded } = region();
    const cart = await guarded.read('cart', 'c');
    const basedOn = [validated(cart)];
    // @ts-expect-error: a cart cannot be validated with a change of a payment
    const refused = guarded.changeStrong('payment', 'p', change, { mutationId, basedOn });
    await expect(refused).rejects.toThrow('cart/c cannot be validated');
    const other = validated(await guarded.read('payment', 'other'));
    const unknown = guarded.changeStrong('payment', 'p', change, { mutationId, basedOn: [other] });
    await expect(unknown).rejects.toMatchObject({ code: 'unvalidated_input', retryable: false });
  });

  it('says what it was computed from, be it nothing', async () => {
    const { guarded, asked } = region();
    // @ts-expect-error: a strong change names its inputs
    await expect(guarded.changeStrong('payment', 'p', change, { mutationId })).rejects.toThrow();
    await guarded.changeStrong('payment', 'p', change, { mutationId, basedOn: [] });
    expect(asked.at(-1)?.options).toEqual({ mutationId });
  });

  it('takes no read that only looks like a strong one', async () => {
    const { guarded } = region();
    const payment = await guarded.readStrong('payment', 'p');
    const copy = { ...payment };
    const refused = guarded.changeStrong('payment', 'p', change, { mutationId, basedOn: [copy] });
    await expect(refused).rejects.toThrow('not read at level strong');
    expectTypeOf<EntityRead>().not.toExtend<StrongInput<'payment'>>();
  });

  it('takes no two versions of its entity', async () => {
    const { guarded } = region();
    const payment = await guarded.read('payment', 'p');
    const later = { ...payment, version: 'v-2' };
    const basedOn = [validated(payment), validated(later)];
    const refused = guarded.changeStrong('payment', 'p', change, { mutationId, basedOn });
    await expect(refused).rejects.toThrow('two versions');
  });

  it('is no other change, and no other type has a strong one', async () => {
    const { guarded } = region();
    // @ts-expect-error: a payment changes by changeStrong alone
    await expect(guarded.change('payment', 'p', change, { mutationId })).rejects.toThrow('is a strong type');
    // @ts-expect-error: a cart is never strong
    const strong = guarded.changeStrong('cart', 'c', change, { mutationId, basedOn: [] });
    await expect(strong).rejects.toThrow('is not a strong type');
    // @ts-expect-error: nor read at level strong
    await expect(guarded.readStrong('cart', 'c')).rejects.toThrow('is not a strong type');
    // @ts-expect-error: a strong read has a method of its own
    await guarded.read('payment', 'p', { consistency: 'strong' });
    await guarded.change('cart', 'c', change, { mutationId });
  });
});
