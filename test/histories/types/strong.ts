import { z } from 'zod';
import { defineAtoll } from '#declare/define-atoll.js';
import { entity } from '#declare/entity.js';
import { addWinsSet, counter, lastWriterWins } from '#declare/policies.js';

/** What strong histories are about. */
export default defineAtoll({
  entities: {
    note: entity({ fields: { text: lastWriterWins(z.string()) }, consistency: 'strong' }),
    tags: entity({ fields: { all: addWinsSet() }, consistency: 'strong' }),
    /** Two of one partition, `x:l` and `x:r`, are changed and read together. */
    duo: entity({
      fields: { text: lastWriterWins(z.string()) },
      consistency: 'strong',
      partitionBy: { idBefore: ':' },
    }),
    tally: entity({ fields: { count: counter() }, consistency: 'strong' }),
  },
});
