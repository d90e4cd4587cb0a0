import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { renderCliPage } from './cli-page.js';
import { buildProgram } from './program.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const said = { out: '', err: '' };
const program = buildProgram({
  streams: { out: (text) => (said.out += text), err: (text) => (said.err += text) },
  interruptedWith: () => undefined,
  ended: () => undefined,
});

const docs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.md'))
  .map((path) => join('docs', path));
const pages = ['README.md', ...docs].map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));

/** Lines of code blocks, and what stands between backticks, on one line or over the end of it. */
function codeOf(text: string): readonly string[] {
  const blocks = [...text.matchAll(/^```.*\n([\s\S]*?)^```/gm)].flatMap((match) =>
    (match[1] ?? '').split('\n'),
  );
  const inline = text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/`([^`]+)`/g);
  return [...blocks, ...[...inline].map((match) => (match[1] ?? '').replaceAll('\n', ' '))];
}

/** What is wrong with a command line that a page shows; `a|b` stands for either. */
function wrongWith(line: string): string | undefined {
  const words = line
    .replace(/\s+#.*$/, '')
    .trim()
    .split(/\s+/)
    .slice(1);
  const [first = '', second = ''] = words;
  if (second.includes('|'))
    return second
      .split('|')
      .map((one) => wrongWith(`atoll ${[first, one, ...words.slice(2)].join(' ')}`))
      .find(Boolean);
  let command: Command = program;
  while (words.length > 0) {
    const next = command.commands.find((one) => one.name() === words[0]);
    if (next === undefined) break;
    command = next;
    words.shift();
  }
  if (command === program) return `${line}: there is no such command`;
  const known = new Set([...command.options, ...program.options].map(({ long }) => long ?? ''));
  const unknown = words.filter((word) => word.startsWith('--') && !known.has(word));
  return unknown.length === 0 ? undefined : `${line}: no ${unknown.join(', ')}`;
}

describe('the documents', () => {
  it('show only commands and options that there are', () => {
    const shown = pages.flatMap(({ path, text }) =>
      codeOf(text)
        .filter((line) => /^(node bin\/atoll\.js|atoll) [a-z]/.test(line.trim()))
        .map((line) => ({ path, line: line.trim().replace(/^node bin\/atoll\.js/, 'atoll') })),
    );
    expect(shown.length).toBeGreaterThan(10);
    expect(
      shown.flatMap(({ path, line }) => (wrongWith(line) === undefined ? [] : [`${path}: ${line}`])),
    ).toEqual([]);
  });

  it('show only npm scripts that there are', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object };
    const named = pages.flatMap(({ text }) =>
      [...text.matchAll(/npm run ([a-z:]+)/g)].map((match) => match[1] ?? ''),
    );
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });

  it('have the reference of the command line as it is, word for word', async () => {
    await expect(renderCliPage(program)).toMatchFileSnapshot('../../docs/reference/cli.md');
  });

  it('would be found to show what there is not', () => {
    expect(wrongWith('atoll fly')).toBeDefined();
    expect(wrongWith('atoll region add|drop eu --apply')).toBeDefined();
    expect(wrongWith('atoll status --loud')).toBeDefined();
    expect(wrongWith('atoll region add|remove eu --strong-member --apply')).toBeUndefined();
  });
});

describe('a command that fails', () => {
  const failing = ['history', 'export', '/nowhere', '--format', 'elle'];

  it.each([
    [undefined, 2, /no such file/],
    [130, 130, /^$/],
  ])('after the signal %s ends with %i', async (interrupted, wanted, told) => {
    let code: number | undefined;
    let err = '';
    const atoll = buildProgram({
      streams: { out: () => undefined, err: (text) => (err += text) },
      interruptedWith: () => interrupted,
      ended: (exitCode) => (code = exitCode),
    });
    await atoll.parseAsync(failing, { from: 'user' });
    expect([code, err]).toEqual([wanted, expect.stringMatching(told)]);
  });
});

describe('a command that is wrong', () => {
  it.each([['fly'], ['status', '--loud'], ['get', 'cart'], ['handover', 'x', '--to', 'eu']])(
    'is told so on standard error: %s %s',
    async (...args) => {
      said.err = '';
      await expect(program.parseAsync(args, { from: 'user' })).rejects.toMatchObject({ exitCode: 1 });
      expect(said.err).toMatch(/^error: /);
    },
  );
});
