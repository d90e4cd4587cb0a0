import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export const repositoryRoot = join(import.meta.dirname, '..', '..');

/** Paths of all files that git tracks, relative to the root, without the planted violations. */
export function trackedFiles(): readonly string[] {
  const listed = spawnSync('git', ['-c', 'safe.directory=*', 'ls-files', '-z', '--cached'], {
    cwd: repositoryRoot,
    encoding: 'utf8',
  });
  if (listed.status !== 0) throw new Error(`git ls-files failed: ${listed.stderr}`);
  return listed.stdout.split('\0').filter((path) => path !== '' && !path.startsWith('test/tidy/planted/'));
}

export function readText(path: string): string {
  return readFileSync(join(repositoryRoot, path), 'utf8');
}
