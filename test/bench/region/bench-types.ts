import { z } from 'zod';
import { defineAtoll } from '#declare/define-atoll.js';
import { entity } from '#declare/entity.js';
import {
  addWinsMap,
  addWinsSet,
  counter,
  flag,
  lastWriterWins,
  maxRegister,
  multiValue,
  text,
} from '#declare/policies.js';

const bodies = z.string().max(4096);

/**
 * What the benches write to: one text with a schema, as most records of a service have, and one type for each family of
 * merge policies.
 */
export const benchTypes = defineAtoll({
  entities: {
    document: entity({ fields: { body: lastWriterWins(bodies) } }),
    choice: entity({ fields: { body: multiValue(bodies) } }),
    tally: entity({ fields: { count: counter() } }),
    tags: entity({ fields: { tags: addWinsSet() } }),
    cart: entity({ fields: { lines: addWinsMap(counter()) } }),
    lamp: entity({ fields: { on: flag({ concurrent: 'enable-wins' }) } }),
    record: entity({ fields: { best: maxRegister() } }),
    note: entity({ fields: { body: text() } }),
  },
});

/** For processes that load their declaration by its path. */
export default benchTypes;
