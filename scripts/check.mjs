/**
 * `npm run check`: everything that needs no real server, as many steps at a time as there are cores.
 *
 * A step's output is shown when it fails. The last line says how many steps passed and how long it took.
 */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { pinnedNode, root } from './node.mjs';

const tool = (...path) => join(root, 'node_modules', ...path);
const cache = (...path) => tool('.cache', ...path);
const vitest = tool('vitest', 'vitest.mjs');

/** The longest first, so that the short ones fill the gaps. */
const steps = [
  { name: 'lint', args: [tool('eslint', 'bin', 'eslint.js'), '.', '--max-warnings=0'] },
  {
    name: 'unit and laws',
    args: [vitest, 'run', '--project', 'unit', '--project', 'laws', '--reporter=dot'],
  },
  { name: 'types', args: [tool('typescript', 'bin', 'tsc'), '-b', '--pretty', 'false'] },
  { name: 'tidy', args: [vitest, 'run', '--project', 'tidy', '--reporter=dot'] },
  {
    name: 'folder rules',
    args: [
      tool('dependency-cruiser', 'bin', 'dependency-cruiser.mjs'),
      '--output-type',
      'err',
      'libs',
      'apps',
      'test',
    ],
  },
  {
    name: 'format',
    args: [
      tool('prettier', 'bin', 'prettier.cjs'),
      ...[
        '--check',
        '.',
        '--log-level',
        'warn',
        '--cache',
        '--cache-location',
        cache('prettier', '.prettier-cache'),
      ],
    ],
  },
];

/** Buffered output is no terminal, whatever the environment says. */
const { FORCE_COLOR: _, ...environment } = process.env;
const plain = { ...environment, NO_COLOR: '1' };

const secondsSince = (started) => ((performance.now() - started) / 1000).toFixed(1);

async function runStep({ name, args }) {
  const started = performance.now();
  const child = spawn(pinnedNode(), args, { cwd: root, env: plain });
  const output = [];
  child.stdout.on('data', (chunk) => output.push(chunk));
  child.stderr.on('data', (chunk) => output.push(chunk));
  const code = await new Promise((resolve) => child.once('close', (exitCode) => resolve(exitCode ?? 1)));
  const passed = code === 0;
  if (!passed) process.stdout.write(`\n-- ${name}\n${Buffer.concat(output).toString('utf8').trimEnd()}\n\n`);
  process.stdout.write(
    `${name.padEnd(14)} ${secondsSince(started).padStart(6)} s  ${passed ? 'passed' : 'FAILED'}\n`,
  );
  return passed;
}

const started = performance.now();
const waiting = [...steps];
let passed = 0;

async function worker() {
  for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
    if (await runStep(step)) passed += 1;
  }
}

await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, worker));
const failed = steps.length - passed;
process.stdout.write(`check: ${passed} steps passed, ${failed} failed, ${secondsSince(started)} s\n`);
process.exitCode = failed === 0 ? 0 : 1;
