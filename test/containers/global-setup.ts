import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** Builds the images; layers that are current cost nothing. */
export default function setup(): void {
  // Ryuk's image cannot be pulled everywhere; the suite removes what it starts.
  process.env.TESTCONTAINERS_RYUK_DISABLED = 'true';
  const script = join(import.meta.dirname, '..', '..', 'scripts', 'images.sh');
  const built = spawnSync(script, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (built.status !== 0) throw new Error('the images could not be built');
}
