import { z } from 'zod';
import { defineAtoll } from '#declare/define-atoll.js';
import { entity } from '#declare/entity.js';
import { addWinsSet, counter, lastWriterWins } from '#declare/policies.js';

/** What histories below the level strong are about. */
export default defineAtoll({
  entities: {
    note: entity({ fields: { text: lastWriterWins(z.string()) } }),
    pair: entity({ fields: { left: lastWriterWins(z.string()), right: lastWriterWins(z.string()) } }),
    tags: entity({ fields: { all: addWinsSet() } }),
    tally: entity({ fields: { count: counter() } }),
  },
});
