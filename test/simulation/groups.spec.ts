import { expect, it } from 'vitest';
import { simulate } from '#kit/world/simulation.js';

it('shows no half of an atomic change of several entities, and loses none', async () => {
  const answered = { changes: 0, reads: 0 };
  for (let seed = 1; seed <= 6; seed += 1) {
    const { failure, tally } = await simulate(seed, true);
    expect(failure, `seed ${seed}`).toBeUndefined();
    answered.changes += tally.groupsAnswered;
    answered.reads += tally.groupsRead;
  }
  expect(answered.changes).toBeGreaterThan(50);
  expect(answered.reads).toBeGreaterThan(20);
}, 120_000);
