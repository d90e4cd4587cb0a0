import { defineAtoll } from '#declare/define-atoll.js';
import { entity } from '#declare/entity.js';
import { lastWriterWins } from '#declare/policies.js';

/** What the handover suite writes to. */
export default defineAtoll({
  entities: { payment: entity({ fields: { state: lastWriterWins() }, consistency: 'strong' }) },
});
