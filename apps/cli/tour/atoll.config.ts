import { z } from 'zod';
import { defineAtoll } from '#declare/define-atoll.js';
import { entity } from '#declare/entity.js';
import {
  addWinsMap,
  addWinsSet,
  boundedCounter,
  counter,
  flag,
  growOnlyCounter,
  lastWriterWins,
  maxRegister,
  minRegister,
  multiValue,
  orderedStatus,
  removeWinsSet,
  text,
} from '#declare/policies.js';

/** The entity types of the tour, and of a dev stack that is given no others. */
export default defineAtoll({
  entities: {
    product: entity({ fields: { sold: counter(), name: lastWriterWins(z.string().max(200)) } }),
    cart: entity({
      fields: {
        lines: addWinsMap(counter()),
        returned: addWinsMap(counter()),
        coupon: lastWriterWins(z.string().max(64)),
      },
    }),
    viewing: entity({
      fields: { positionMillis: maxRegister(), device: lastWriterWins(z.string().max(64)) },
    }),
    post: entity({ fields: { likes: growOnlyCounter() } }),
    profile: entity({
      fields: {
        name: lastWriterWins(z.string().max(200)),
        city: lastWriterWins(z.string().max(200)),
        newsletter: flag({ concurrent: 'disable-wins' }),
      },
    }),
    meeting: entity({ fields: { slot: multiValue(z.string().max(64)) } }),
    article: entity({ fields: { tags: addWinsSet(), hidden: removeWinsSet() } }),
    sensor: entity({ fields: { lowest: minRegister(), highest: maxRegister(), readings: counter() } }),
    dns: entity({
      fields: { address: lastWriterWins(z.ipv4()), ttlSeconds: lastWriterWins(z.int().min(1).max(604_800)) },
      onDelete: 'delete-wins',
    }),
    /** Never sold below nothing, in any region, also while the links are cut. */
    stock: entity({ fields: { units: boundedCounter({ min: 0 }) } }),
    /** Captured once, whatever happens: there is one place that decides. */
    payment: entity({
      fields: { cents: lastWriterWins(z.int().min(1)), capturedBy: lastWriterWins(z.string().max(64)) },
      consistency: 'strong',
    }),
    order: entity({ fields: { state: orderedStatus(['placed', 'packed', 'sent', 'delivered']) } }),
    note: entity({ fields: { body: text() } }),
    /** Written by the tour to measure how long a write takes to the other regions. */
    probe: entity({ fields: { beat: maxRegister() } }),
  },
});
