import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's directory: where its package.json is. */
export function projectRoot(): string {
  for (let directory = dirname(fileURLToPath(import.meta.url)); ; directory = dirname(directory)) {
    if (existsSync(join(directory, 'package.json'))) return directory;
    if (directory === dirname(directory)) throw new Error('no package.json lies above this program');
  }
}

/** The compiled program of a region process: children run what was built, also when their parent runs from source. */
export const regionProgram = join(projectRoot(), 'dist', 'apps', 'region', 'main.js');

/** The compiled entity types of the tour. */
export const tourConfig = join(projectRoot(), 'dist', 'apps', 'cli', 'tour', 'atoll.config.js');
