/**
 * `npm test`: every suite that needs no Docker and, where a Docker engine answers, the container suite.
 *
 * ATOLL_REQUIRE_CONTAINERS=1 makes a container suite that cannot run, or skips a test, count as failed.
 * `--long` raises the number of seeds and runs where a suite offers that (ATOLL_LONG=1).
 * The last line is `N passed, N failed, N skipped`; the exit code is 0 only when nothing failed.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildIfNeeded } from './build.mjs';
import { whyNoDocker } from './docker.mjs';
import { pinnedNode, root } from './node.mjs';

const containersRequired = process.env.ATOLL_REQUIRE_CONTAINERS === '1';
const long = process.argv.includes('--long');

/** One after the other: the suites with real servers must not share the cores with the others. */
const suites = [
  { name: 'unit, laws and tidy', projects: ['unit', 'laws', 'tidy'] },
  { name: 'simulation', projects: ['sim'] },
  { name: 'ports', projects: ['ports'] },
  { name: 'integration', projects: ['integration'] },
];

async function runVitest(projects) {
  const scratch = await mkdtemp(join(tmpdir(), 'atoll-test-'));
  const totalsFile = join(scratch, 'totals.json');
  const args = [
    join(root, 'node_modules', 'vitest', 'vitest.mjs'),
    'run',
    ...projects.flatMap((project) => ['--project', project]),
    '--reporter=default',
    `--reporter=${join(root, 'scripts', 'totals-reporter.mjs')}`,
  ];
  const env = { ...process.env, ATOLL_TOTALS_FILE: totalsFile, ...(long ? { ATOLL_LONG: '1' } : {}) };
  const child = spawn(pinnedNode(), args, { cwd: root, stdio: 'inherit', env });
  const code = await new Promise((resolve) => child.once('exit', (exitCode) => resolve(exitCode ?? 1)));
  const totals = await readFile(totalsFile, 'utf8').then(JSON.parse, () => ({
    passed: 0,
    failed: 0,
    skipped: [],
  }));
  await rm(scratch, { recursive: true, force: true });
  if (code !== 0 && totals.failed === 0) totals.failed = 1;
  return totals;
}

async function containerSpecs() {
  const names = await readdir(join(root, 'test', 'containers'), { recursive: true }).catch(() => []);
  return names.filter((name) => name.endsWith('.spec.ts')).sort();
}

async function runContainers() {
  const specs = await containerSpecs();
  if (specs.length === 0) return { passed: 0, failed: 0, skipped: [] };
  const why = await whyNoDocker();
  const totals =
    why === undefined
      ? await runVitest(['containers'])
      : { passed: 0, failed: 0, skipped: specs.map((name) => ({ test: `test/containers/${name}`, why })) };
  if (!containersRequired) return totals;
  for (const { test, why: reason } of totals.skipped) {
    process.stdout.write(`failed: ${test} was required but skipped: ${reason}\n`);
  }
  return { passed: totals.passed, failed: totals.failed + totals.skipped.length, skipped: [] };
}

async function timed(name, work) {
  process.stdout.write(`\n== ${name}\n`);
  const started = performance.now();
  const totals = await work();
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const { passed, failed, skipped } = totals;
  return {
    ...totals,
    line: `${name}: ${passed} passed, ${failed} failed, ${skipped.length} skipped, ${seconds} s`,
  };
}

try {
  await buildIfNeeded();
} catch (error) {
  process.stdout.write(`the build failed: ${error.message}\n0 passed, 1 failed, 0 skipped\n`);
  process.exit(1);
}

const results = [];
for (const { name, projects } of suites) results.push(await timed(name, () => runVitest(projects)));
results.push(await timed('containers', runContainers));

process.stdout.write('\n');
for (const { line } of results) process.stdout.write(`${line}\n`);
const skipped = results.flatMap((result) => result.skipped);
for (const { test, why } of skipped) process.stdout.write(`skipped: ${test} (${why})\n`);

const sum = (key) => results.reduce((total, result) => total + result[key], 0);
process.stdout.write(`${sum('passed')} passed, ${sum('failed')} failed, ${skipped.length} skipped\n`);
process.exitCode = sum('failed') === 0 ? 0 : 1;
