import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');

interface BenchReport {
  readonly machine: { readonly cores: number; readonly system: string };
  readonly loadAverage: { readonly before: number; readonly after: number };
  readonly benches: readonly {
    readonly name: string;
    readonly rows: readonly unknown[];
    readonly targets: readonly { readonly what: string; readonly measured: string }[];
    readonly configuration: Readonly<Record<string, string>>;
  }[];
}

/** Run at once, for most of a moment's run is waiting; those that slow and cut the stack's links are in one group. */
const groups = [
  ['write', 'read', 'apply', 'text', 'capacity'],
  ['conflicts', 'latency', 'lag', 'stall', 'growth'],
  ['distance', 'catch-up', 'overload'],
];
const minute = 60_000;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'atoll-bench-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function bench(
  args: readonly string[],
): Promise<{ readonly code: number | null; readonly said: string }> {
  const command = [join(root, 'scripts', 'run.mjs'), 'dist/test/bench/main.js', ...args];
  const child = spawn(process.execPath, command, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  }
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, said };
}

async function reportOf(names: readonly string[], stack: string): Promise<BenchReport> {
  const file = join(directory, `${names.join('-')}.json`);
  const only = names.flatMap((name) => ['--only', name]);
  const { code, said } = await bench(['--smoke', ...only, '--stack', stack, '--json', file]);
  expect(code, said).toBe(0);
  expect(said).toMatch(/\n\d+ targets: \d+ reached, \d+ missed/);
  return JSON.parse(await readFile(file, 'utf8')) as BenchReport;
}

describe('the benches', () => {
  it(
    'run every part on real servers, and tell what they measured on what',
    async () => {
      const stack = join(directory, 'stack.json');
      await writeFile(stack, JSON.stringify(inject('devStack')));
      const reports = await Promise.all(groups.map((names) => reportOf(names, stack)));
      for (const [at, { machine, benches }] of reports.entries()) {
        expect(machine.cores).toBeGreaterThan(0);
        expect(machine.system).toMatch(/^\w+ \d+(\.\d+)*$/);
        expect(benches.map(({ name }) => name)).toEqual(groups[at]);
        for (const { rows, targets, configuration } of benches) {
          expect(rows.length).toBeGreaterThan(1);
          expect(targets.length).toBeGreaterThan(0);
          expect(Object.keys(configuration)).toContain('Atoll');
        }
      }
      const judged = reports.flatMap(({ benches }) => benches.flatMap(({ targets }) => targets));
      const lost = judged.filter(({ what }) => /refused|never told/.test(what));
      expect(lost.length).toBeGreaterThan(3);
      for (const { what, measured } of lost) expect(measured, what).toBe('0');
    },
    4 * minute,
  );

  it('refuse a bench that there is none of, and name those that there are', async () => {
    const { code, said } = await bench(['--only', 'nothing']);
    expect(code).toBe(2);
    expect(said).toContain(`there is no bench "nothing", only write, read`);
  });
});
