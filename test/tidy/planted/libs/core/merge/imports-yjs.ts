import * as Y from 'yjs';
export const wrong = Y;
