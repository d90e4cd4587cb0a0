import { z } from 'zod';
import { defineAtoll } from '#declare/define-atoll.js';
import { entity } from '#declare/entity.js';
import { lastWriterWins } from '#declare/policies.js';

/** What the cost of every level is measured with. */
export default defineAtoll({
  entities: {
    note: entity({ fields: { text: lastWriterWins(z.string()) } }),
    account: entity({ fields: { text: lastWriterWins(z.string()) }, consistency: 'strong' }),
  },
});
