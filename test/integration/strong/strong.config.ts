import { defineAtoll } from '#declare/define-atoll.js';
import { entity } from '#declare/entity.js';
import { counter, growOnlyCounter, lastWriterWins } from '#declare/policies.js';

/** What the suites of strong types write to. */
export default defineAtoll({
  entities: {
    payment: entity({ fields: { state: lastWriterWins() }, consistency: 'strong' }),
    /** Moved between eventual and strong. */
    basket: entity({ fields: { visits: growOnlyCounter() } }),
    account: entity({
      fields: { balance: counter() },
      consistency: 'strong',
      partitionBy: { idBefore: ':' },
    }),
  },
});
