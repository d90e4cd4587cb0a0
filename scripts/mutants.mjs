// Applies each planted bug of the ledger to a copy of the sources and runs the test that must catch it.
// usage: npm run mutants [-- --only TEXT] [--json FILE]
import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { mutants } from '../test/mutants/ledger.mjs';

const { values } = parseArgs({ options: { only: { type: 'string' }, json: { type: 'string' } } });
const chosen = mutants.filter(({ name }) => values.only === undefined || name.includes(values.only));
const copied = [
  'libs',
  'apps',
  'test',
  'data',
  'proto',
  'package.json',
  'vitest.config.ts',
  'tsconfig.base.json',
];
/** Enough simulated seeds to meet every kind of trouble, few enough to be quick. */
const seeds = '25';
/** A test that hangs on a planted bug is not a catch by assertion: it is stopped and counted as missed. */
const millisMax = 240_000;

async function workspace() {
  const folder = await mkdtemp(join(tmpdir(), 'atoll-mutants-'));
  for (const path of copied) await cp(path, join(folder, path), { recursive: true });
  await symlink(join(process.cwd(), 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

function runTest(folder, { project, file, test }) {
  const report = join(folder, 'report.json');
  const args = [
    'vitest',
    'run',
    '--project',
    project,
    file,
    '-t',
    test,
    '--reporter',
    'json',
    '--outputFile',
    report,
  ];
  return new Promise((resolve) => {
    const child = spawn('npx', args, {
      cwd: folder,
      env: { ...process.env, ATOLL_SIM_SEEDS: seeds },
      stdio: 'ignore',
      detached: true,
    });
    const timer = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), millisMax);
    child.on('exit', async () => {
      clearTimeout(timer);
      const text = await readFile(report, 'utf8').catch(() => undefined);
      await rm(report, { force: true });
      resolve(text === undefined ? { passed: 0, failures: [] } : read(JSON.parse(text)));
    });
  });
}

function read(report) {
  const results = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  return {
    passed: results.filter(({ status }) => status === 'passed').length,
    failures: results
      .filter(({ status }) => status === 'failed')
      .map(({ title, failureMessages }) => ({ title, message: failureMessages[0] ?? '' })),
  };
}

const keyOf = ({ project, file, test }) => `${project} ${file} ${test}`;

async function checkBaselines(folder) {
  const tests = new Map(chosen.map(({ caughtBy }) => [keyOf(caughtBy), caughtBy]));
  for (const test of tests.values()) {
    const { passed, failures } = await runTest(folder, test);
    if (passed === 0 || failures.length > 0) {
      throw new Error(
        `without any planted bug this test does not pass: ${keyOf(test)} ${failures[0]?.message ?? 'nothing ran'}`,
      );
    }
  }
}

async function tryMutant(folder, mutant) {
  const path = join(folder, mutant.file);
  const source = await readFile(path, 'utf8');
  if (source.split(mutant.find).length !== 2)
    return { mutant, caught: false, why: `the place is not found exactly once in ${mutant.file}` };
  await writeFile(
    path,
    source.replace(mutant.find, () => mutant.replace),
  );
  try {
    const { passed, failures } = await runTest(folder, mutant.caughtBy);
    const failure = failures.find(({ message }) =>
      /AssertionError|Counterexample|expected|instead of (rejecting|resolving)/.test(message),
    );
    if (failure)
      return {
        mutant,
        caught: true,
        why: `${failure.title}: ${failure.message.split('\n')[0].slice(0, 160)}`,
      };
    return {
      mutant,
      caught: false,
      why: failures[0]?.message.split('\n')[0] ?? (passed > 0 ? 'the test passes' : 'the test did not end'),
    };
  } finally {
    await writeFile(path, source);
  }
}

const folders = await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, workspace));
const results = [];
try {
  const queue = [...chosen];
  await checkBaselines(folders[0]);
  await Promise.all(
    folders.map(async (folder) => {
      for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
        const began = Date.now();
        const result = await tryMutant(folder, mutant);
        results.push(result);
        const seconds = ((Date.now() - began) / 1000).toFixed(0);
        console.log(
          `${result.caught ? 'caught' : 'MISSED'}  ${mutant.rule.padEnd(6)} ${mutant.name} (${seconds} s)\n        ${result.why}`,
        );
      }
    }),
  );
} finally {
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
}
const caught = results.filter((result) => result.caught).length;
if (values.json) {
  const rows = results.map(({ mutant, caught: isCaught, why }) => ({
    name: mutant.name,
    rule: mutant.rule,
    caught: isCaught,
    why,
  }));
  await writeFile(
    values.json,
    `${JSON.stringify({ caught, total: results.length, mutants: rows }, null, 2)}\n`,
  );
}
console.log(`planted bugs caught: ${caught}/${results.length}`);
process.exitCode = caught === results.length ? 0 : 1;
