import { parseArgs } from 'node:util';
import { simulate } from './world/simulation.js';

/** `npm run sim -- --seed N [--seeds COUNT] [--quiet]`: one readable run, or a row per seed. Exits 1 when one breaks. */
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    quiet: { type: 'boolean', default: false },
  },
});
const first = Number(values.seed);
const count = Number(values.seeds);
if (!Number.isSafeInteger(first) || !Number.isSafeInteger(count) || count < 1) {
  process.stderr.write('usage: npm run sim -- --seed N [--seeds COUNT] [--quiet]\n');
  process.exit(2);
}
let broken = 0;
for (let seed = first; seed < first + count; seed += 1) {
  const { trace, hash, regions, tally, failure } = await simulate(seed);
  if (count === 1 && !values.quiet) process.stdout.write(`${trace.join('\n')}\n`);
  const counts = Object.entries(tally).map(([name, value]) => `${name} ${value}`);
  process.stdout.write(`seed ${seed}  ${regions.length} regions  hash ${hash}\n  ${counts.join('  ')}\n`);
  if (failure) {
    broken += 1;
    process.stdout.write(
      `  BROKEN: ${failure.stack ?? failure.message}\n  repeat: npm run sim -- --seed ${seed}\n`,
    );
  }
}
process.exit(broken > 0 ? 1 : 0);
