import { defineAtoll } from '#declare/define-atoll.js';
import { entity } from '#declare/entity.js';
import { counter, lastWriterWins } from '#declare/policies.js';

/** What the suites of strong types write to. */
export default defineAtoll({
  entities: {
    payment: entity({ fields: { state: lastWriterWins() }, consistency: 'strong' }),
    account: entity({
      fields: { balance: counter() },
      consistency: 'strong',
      partitionBy: { idBefore: ':' },
    }),
  },
});
