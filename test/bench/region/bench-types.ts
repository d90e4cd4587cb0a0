import { z } from 'zod';
import { defineAtoll } from '#declare/define-atoll.js';
import { entity } from '#declare/entity.js';
import { lastWriterWins } from '#declare/policies.js';

/** What the benches write to: one text with a schema, as most records of a service have. */
export const benchTypes = defineAtoll({
  entities: { document: entity({ fields: { body: lastWriterWins(z.string().max(4096)) } }) },
});
