/** `node scripts/run.mjs dist/path/to/main.js args...`: builds if sources changed, then runs the program. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { buildIfNeeded } from './build.mjs';
import { become, root } from './node.mjs';

export async function run(target, args) {
  try {
    await buildIfNeeded();
  } catch (error) {
    process.stderr.write(`build failed: ${error.message}\n`);
    process.exit(1);
  }
  const program = join(root, target);
  if (!existsSync(program)) {
    process.stderr.write(`no such program: ${target}\n`);
    process.exit(2);
  }
  become(['--enable-source-maps', program, ...args]);
}

if (process.argv[1] === import.meta.filename) {
  const [target, ...args] = process.argv.slice(2);
  if (target === undefined) {
    process.stderr.write('usage: node scripts/run.mjs dist/path/to/main.js [args...]\n');
    process.exit(2);
  }
  await run(target, args);
}
