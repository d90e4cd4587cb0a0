import { expect, it } from 'vitest';
import { simulateRights } from '#kit/world/sim-rights.js';

const seeds = Math.min(20, Number(process.env.ATOLL_SIM_SEEDS ?? Infinity));

it('INV-12: rights that are taken over from silent regions are never used twice, and nothing acknowledged is left out', async () => {
  const total = { acknowledged: 0, leftOut: 0, reclaimed: 0, lapsed: 0 };
  const broken: string[] = [];
  for (let seed = 1; seed <= seeds; seed += 1) {
    const { failure, ...result } = await simulateRights(seed);
    if (failure) broken.push(`seed ${seed}: ${failure.message}`);
    for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += result[key];
  }
  process.stdout.write(`${seeds} seeds of rights: ${JSON.stringify(total)}\n`);
  expect(broken).toEqual([]);
  const { acknowledged, reclaimed, lapsed } = total;
  expect(Math.min(acknowledged, reclaimed, lapsed), JSON.stringify(total)).toBeGreaterThan(0);
}, 120_000);
