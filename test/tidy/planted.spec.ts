import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ESLint } from 'eslint';
import { beforeAll, describe, expect, it } from 'vitest';
import { repositoryRoot } from './repository.js';

const planted = join(repositoryRoot, 'test', 'tidy', 'planted');
const tool = (...path: string[]): string => join(repositoryRoot, 'node_modules', ...path);

/** Runs a tool on the planted tree and returns what it printed, whatever its exit code. */
function output(script: string, args: readonly string[]): string {
  const run = spawnSync(process.execPath, [script, ...args], { cwd: planted, encoding: 'utf8' });
  return run.stdout + run.stderr;
}

describe('folder rules', () => {
  interface Violation {
    readonly from: string;
    readonly rule: { readonly name: string };
  }
  let violations: string[];

  beforeAll(() => {
    const report = output(tool('dependency-cruiser', 'bin', 'dependency-cruiser.mjs'), [
      ...['--config', join(repositoryRoot, '.dependency-cruiser.cjs')],
      ...['--output-type', 'json', 'libs', 'apps', 'test'],
    ]);
    const { summary } = JSON.parse(report) as { summary: { violations: Violation[] } };
    violations = summary.violations.map(({ from, rule }) => `${from}: ${rule.name}`);
  });

  it.each([
    ['libs/core/imports-flow.ts', 'core-imports-only-itself'],
    ['libs/core/imports-node.ts', 'core-imports-only-itself'],
    ['libs/core/merge/imports-yjs.ts', 'core-imports-only-itself'],
    ['libs/core/merge/text.ts', 'core-text-imports-only-yjs'],
    ['libs/flow/imports-io.ts', 'flow-imports-only-core'],
    ['libs/io/imports-app.ts', 'io-knows-no-apps'],
    ['libs/io/imports-dev-package.ts', 'npm-is-declared'],
    ['libs/io/imports-nothing-there.ts', 'resolvable'],
    ['libs/declare/imports-io.ts', 'declare-imports-only-core'],
    ['libs/client/imports-adapter.ts', 'client-imports-little'],
    ['libs/kit/imports-io.ts', 'kit-stays-in-memory'],
    ['apps/region/imports-kit.ts', 'kit-is-for-tests'],
    ['apps/cli/imports-test.ts', 'nothing-imports-tests'],
    ['libs/flow/circle-a.ts', 'no-circular'],
  ])('reports %s as %s', (file, rule) => {
    expect(violations).toContain(`${file}: ${rule}`);
  });

  it('lets text alone use yjs', () => {
    const ofText = violations.filter((violation) => violation.startsWith('libs/core/merge/text.ts'));
    expect(ofText).toEqual(['libs/core/merge/text.ts: core-text-imports-only-yjs']);
  });
});

describe('types', () => {
  const tsc = tool('typescript', 'bin', 'tsc');

  it.each([
    ['core', 'knows-node.ts', ['process', 'Buffer', 'setTimeout']],
    ['core', 'knows-the-browser.ts', ['TextEncoder', 'document', 'console']],
    ['flow', 'knows-node.ts', ['process', 'setTimeout']],
  ])('know nothing of the world in %s/%s', (lib, file, names) => {
    const report = output(tsc, ['-p', join('libs', lib), '--pretty', 'false']);
    for (const name of names) {
      expect(report).toMatch(new RegExp(`libs/${lib}/${file}.*Cannot find name '${name}'`));
    }
  });

  it('do not let an index be read without a check', () => {
    const report = output(tsc, ['-p', join('libs', 'core'), '--pretty', 'false']);
    expect(report).toMatch(/reads-without-a-check\.ts.*TS2322/);
  });
});

describe('lint', () => {
  let reported: string[];

  beforeAll(async () => {
    const overrideConfigFile = join(repositoryRoot, 'eslint.config.js');
    const eslint = new ESLint({ cwd: planted, overrideConfigFile });
    const results = await eslint.lintFiles(['libs']);
    reported = results.flatMap(({ filePath, messages }) =>
      messages.map(({ ruleId }) => `${relative(planted, filePath)}: ${ruleId}`),
    );
  });

  it.each([
    ['libs/core/reads-the-clock.ts', 'no-restricted-globals'],
    ['libs/core/waits.ts', 'no-restricted-syntax'],
    ['libs/core/knows-the-browser.ts', 'no-console'],
    ['libs/flow/draws-a-number.ts', 'no-restricted-properties'],
    ['libs/flow/forgets-a-promise.ts', '@typescript-eslint/no-floating-promises'],
    ['libs/flow/forgets-a-case.ts', '@typescript-eslint/switch-exhaustiveness-check'],
    ['libs/flow/swallows.ts', 'no-empty'],
    ['libs/flow/names-nothing.ts', 'no-restricted-syntax'],
    ['libs/flow/says-later.ts', 'no-warning-comments'],
    ['libs/flow/is-a-long-function.ts', 'max-lines-per-function'],
    ['libs/flow/is-a-long-file.ts', 'max-lines'],
  ])('reports %s as %s', (file, rule) => {
    expect(reported).toContain(`${file}: ${rule}`);
  });

  it('reports nothing but what was planted', () => {
    const clean = ['libs/flow/moves.ts', 'libs/io/postgres/opens.ts', 'libs/kit/simulates.ts'];
    expect(reported.filter((line) => clean.some((file) => line.startsWith(file)))).toEqual([]);
    expect(readdirSync(join(planted, 'libs')).length).toBeGreaterThan(4);
  });
});
