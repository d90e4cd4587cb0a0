import { expect, it } from 'vitest';
import { simulate } from '#kit/world/simulation.js';

it('gives one hash for one seed, and another for another', async () => {
  const [first, again, other] = [await simulate(7), await simulate(7), await simulate(8)];
  expect(again.trace).toEqual(first.trace);
  expect(again.hash).toBe(first.hash);
  expect(other.hash).not.toBe(first.hash);
}, 60_000);
