import { moves } from '#flow/moves.js';
export const wrong = moves;
