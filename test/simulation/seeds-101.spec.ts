import { it } from 'vitest';
import { runSeeds } from './seeds.js';

it('keeps every invariant and converges, seeds 101 to 200', () => runSeeds(101, 100), 300_000);
