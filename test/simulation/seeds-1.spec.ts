import { it } from 'vitest';
import { runSeeds } from './seeds.js';

it('keeps every invariant and converges, seeds 1 to 100', () => runSeeds(1, 100), 300_000);
