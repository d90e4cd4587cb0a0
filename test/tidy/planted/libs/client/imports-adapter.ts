import { opens } from '#io/postgres/opens.js';
export const wrong = opens;
