import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');

interface BenchReport {
  readonly machine: { readonly cores: number };
  readonly loadAverage: { readonly before: number; readonly after: number };
  readonly benches: readonly {
    readonly name: string;
    readonly rows: readonly unknown[];
    readonly targets: readonly { readonly what: string; readonly measured: string }[];
    readonly configuration: Readonly<Record<string, string>>;
  }[];
}

/** In the order in which they run. */
const names = [
  'write',
  'read',
  'apply',
  'text',
  'conflicts',
  'latency',
  'lag',
  'distance',
  'stall',
  'catch-up',
  'growth',
  'overload',
];

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

describe('the benches', () => {
  it('run every part on real servers, and tell what they measured on what', async () => {
    const file = join(directory, 'bench.json');
    const stack = join(directory, 'stack.json');
    await writeFile(stack, JSON.stringify(inject('devStack')));
    const { code, said } = await bench(['--smoke', '--stack', stack, '--json', file]);
    expect(code, said).toBe(0);

    const report = JSON.parse(await readFile(file, 'utf8')) as BenchReport;
    expect(report.machine.cores).toBeGreaterThan(0);
    expect(report.benches.map(({ name }) => name)).toEqual(names);
    for (const { rows, targets, configuration } of report.benches) {
      expect(rows.length).toBeGreaterThan(1);
      expect(targets.length).toBeGreaterThan(0);
      expect(Object.keys(configuration)).toContain('Atoll');
    }
    const judged = report.benches.flatMap(({ targets }) => targets);
    const lost = judged.filter(({ what }) => /refused|never told/.test(what));
    expect(lost.length).toBeGreaterThan(3);
    for (const { what, measured } of lost) expect(measured, what).toBe('0');
  });

  it('refuse a bench that there is none of, and name those that there are', async () => {
    const { code, said } = await bench(['--only', 'nothing']);
    expect(code).toBe(2);
    expect(said).toContain(`there is no bench "nothing", only ${names.join(', ')}`);
  });
});
