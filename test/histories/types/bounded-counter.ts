import { defineAtoll } from '#declare/define-atoll.js';
import { entity } from '#declare/entity.js';
import { boundedCounter } from '#declare/policies.js';

/** What histories of bounded counters are about: a stock that is never oversold. */
export default defineAtoll({
  entities: { stock: entity({ fields: { units: boundedCounter({ min: 0 }) } }) },
});
