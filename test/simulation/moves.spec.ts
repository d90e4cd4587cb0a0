import { expect, it } from 'vitest';
import { simulateMoves } from '#kit/world/sim-moves.js';

const seeds = Math.min(16, Number(process.env.ATOLL_SIM_SEEDS ?? Infinity));

it('INV-11: while a type is moved between strong and eventual, nothing acknowledged is lost, counted twice or missed by a strong read', async () => {
  const total = { acknowledged: 0, strongReads: 0, held: 0, opened: 0, aborted: 0, loosened: 0 };
  const broken: string[] = [];
  for (let seed = 1; seed <= seeds; seed += 1) {
    const { failure, ...result } = await simulateMoves(seed);
    if (failure) broken.push(`seed ${seed}: ${failure.message}`);
    for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += result[key];
  }
  process.stdout.write(`${seeds} seeds of moves: ${JSON.stringify(total)}\n`);
  expect(broken).toEqual([]);
  expect(Math.min(...Object.values(total)), JSON.stringify(total)).toBeGreaterThan(0);
}, 120_000);
