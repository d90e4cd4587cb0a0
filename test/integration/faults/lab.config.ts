import tour from '#cli/tour/atoll.config.js';
import { defineAtoll } from '#declare/define-atoll.js';

const { payment: _strong, ...eventual } = tour.entities;

/** The types of the tour without its strong one: where nobody asks for a home, none is elected. */
export default defineAtoll({ entities: eventual });
