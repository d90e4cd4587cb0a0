import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { isFinal, isOperation, type HistoryLine } from '#cli/judge/history-line.js';
import type {} from '../global-setup.js';

const root = join(import.meta.dirname, '..', '..', '..');

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'atoll-histories-'));
  await writeFile(join(directory, 'stack.json'), JSON.stringify(inject('devStack')));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function run(target: string, args: readonly string[]) {
  const command = [join(root, 'scripts', 'run.mjs'), `dist/${target}`, ...args];
  const child = spawn(process.execPath, command, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  }
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, said };
}

describe('npm run histories', () => {
  it('leaves a history that is whole and that every outside form can be made of', async () => {
    const args = ['--out', directory, '--stack', join(directory, 'stack.json'), '--clients', '8'];
    const few = ['--only', 'session', '--faults', 'none', '--operations', '400'];
    const recorded = await run('test/histories/main.js', [...args, ...few]);
    expect(recorded.code, recorded.said).toBe(0);

    const file = join(directory, 'session-none.jsonl');
    const text = await readFile(file, 'utf8');
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as HistoryLine);
    const operations = lines.filter(isOperation);
    expect(operations.filter(({ outcome }) => outcome === 'ok').length).toBeGreaterThanOrEqual(400);
    expect(new Set(operations.map(({ process }) => process)).size).toBeGreaterThanOrEqual(8);
    expect(new Set(operations.map(({ run: name }) => name))).toEqual(new Set(['session-none']));
    const written = new Set(operations.map(({ type, id }) => `${type}/${id}`));
    const finals = lines.filter(isFinal);
    expect(new Set(finals.map(({ region }) => region))).toEqual(new Set(['us', 'eu', 'ap']));
    for (const { type, id } of finals) expect(written).toContain(`${type}/${id}`);

    for (const format of ['elle', 'plume', 'dbcop', 'porcupine']) {
      const to = join(directory, `session.${format}`);
      const exported = await run('apps/cli/main.js', [
        ...['history', 'export', '--format', format, '--to', to, file],
      ]);
      expect(exported.code, exported.said).toBe(0);
    }
    expect((await readdir(directory)).filter((name) => name.startsWith('session.'))).toHaveLength(4);
  });

  it('measures what each level costs, once in a while', async () => {
    const args = ['--out', directory, '--stack', join(directory, 'stack.json'), '--latency', '2'];
    const { code, said } = await run('test/histories/main.js', args);
    expect(code, said).toBe(0);
    expect(said).toContain('| read, eventual |');
    expect(await readFile(join(directory, 'levels.svg'), 'utf8')).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
    const report = JSON.parse(await readFile(join(directory, 'levels.json'), 'utf8')) as { rows: unknown[] };
    expect(report.rows.length).toBeGreaterThan(10);
  });

  it('refuses what there is none of, and names what there is', async () => {
    const { code, said } = await run('test/histories/main.js', ['--out', directory, '--only', 'nothing']);
    expect(code).toBe(2);
    expect(said).toContain('there is no level "nothing", only eventual, session, causal');
  });
});
