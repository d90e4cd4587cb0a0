import { z } from 'zod';
import { defineAtoll } from '#declare/define-atoll.js';
import { entity } from '#declare/entity.js';
import {
  addWinsMap,
  addWinsSet,
  boundedCounter,
  counter,
  flag,
  lastWriterWins,
  maxRegister,
  multiValue,
  orderedStatus,
} from '#declare/policies.js';

/** One type with a field of nearly every policy, and one whose deletes win: what the surface suites write to. */
export const rimDeclaration = defineAtoll({
  entities: {
    cart: entity({
      fields: {
        lines: addWinsMap(counter()),
        coupon: lastWriterWins(z.string().max(8)),
        address: lastWriterWins(z.strictObject({ city: z.string(), lines: z.array(z.string().max(20)) })),
        slot: multiValue(z.string()),
        tags: addWinsSet(),
        gift: flag({ concurrent: 'enable-wins' }),
        views: counter(),
        best: maxRegister(),
        state: orderedStatus(['open', 'paid', 'sent']),
      },
    }),
    stock: entity({ fields: { units: boundedCounter({ min: 0 }), name: lastWriterWins(z.string()) } }),
    record: entity({ fields: { value: lastWriterWins() }, onDelete: 'delete-wins' }),
  },
});

export default rimDeclaration;
