import { harness } from '../../test/harness.js';
export const wrong = harness;
