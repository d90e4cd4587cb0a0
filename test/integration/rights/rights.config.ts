import { defineAtoll } from '#declare/define-atoll.js';
import { entity } from '#declare/entity.js';
import { boundedCounter } from '#declare/policies.js';

/** What the suite of rights leases sells. */
export default defineAtoll({
  entities: {
    ticket: entity({ fields: { left: boundedCounter({ min: 0, rightsLease: { millis: 1_000 } }) } }),
  },
});
