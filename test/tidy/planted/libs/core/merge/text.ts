import * as Y from 'yjs';
import pg from 'pg';
export const right = Y;
export const wrong = pg;
