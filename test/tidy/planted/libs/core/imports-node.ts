import { createHash } from 'node:crypto';
export const wrong = createHash;
