import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { buildProgram } from '../program.js';

/** What `atoll …` says to people, and what it ends with. Nothing is running, and nothing listens. */
async function atoll(args: readonly string[], reader = new AbortController()) {
  let code: number | undefined;
  const said = { out: '', err: '' };
  const program = buildProgram({
    streams: {
      out: (text) => {
        said.out += text;
        reader.abort();
      },
      err: (text) => (said.err += text),
      readerGone: reader.signal,
    },
    interruptedWith: () => undefined,
    ended: (exitCode) => (code = exitCode),
  });
  await program.parseAsync(args, { from: 'user' });
  return { code, ...said };
}

const directory = mkdtempSync(join(tmpdir(), 'atoll-usage-'));
afterAll(() => rmSync(directory, { recursive: true }));
const file = join(directory, 'notes.md');
writeFileSync(file, '');
const numbers = join(directory, 'numbers.jsonl');
writeFileSync(numbers, '\n42\n');
const empty = join(directory, 'empty.jsonl');
writeFileSync(empty, '{}\n');
const nowhere = ['--endpoint', 'mars=http://127.0.0.1:1'];
const read = ['get', 'cart', '42'];
const change = ['change', 'cart', '42', '--set', 'coupon=A'];

describe('what cannot be right is a usage error, and one sentence', () => {
  it.each([
    [[...read, ...nowhere, '--session', '€'], /^error: invalid_session: the session token has characters/],
    [[...read, ...nowhere, '--session', 'a\nb'], /^error: invalid_session/],
    [[...read, ...nowhere, '--consistency', '€'], /^error: invalid_request: atoll-consistency has/],
    [[...read, ...nowhere, '--token', 'sécret€'], /^error: invalid_request: the bearer token has characters/],
    [[...change, ...nowhere, '--mutation-id', 'a\nb'], /^error: invalid_mutation_id: the mutation id has/],
    [['watch', ...nowhere, '--token', '€'], /^error: invalid_request/],
    [[...read, '--endpoint', 'us=file:///etc/passwd'], /an endpoint is region=url/],
    [[...read, '--endpoint', 'us=http://me:secret@127.0.0.1:1'], /the endpoint of us has a user/],
    [[...read, '--endpoint', 'us=http://127.0.0.1:1/?a=1'], /the endpoint of us has a user, a query/],
    [['link', 'heal', 'us'], /the second region is missing: link heal us <to>/],
    [['doctor', '--port-base', '65500'], /the port base is 0 or from 1024 to \d+, not 65500/],
    [['doctor', '--regions', 'us,us'], /a region is named twice/],
    [['doctor', '--regions', ''], /is no region name/],
    [['dev', '--regions', 'us,us'], /a region is named twice/],
    [['dev', '--config', file], /error: \S*notes\.md: /],
    [['dev', '--tour', '--report', '/nowhere/report.json'], /--report: cannot write to \/nowhere/],
    [['history', 'export', directory, '--format', 'elle'], /: it is a directory/],
    [['history', 'export', numbers, '--format', 'elle'], /numbers\.jsonl:2: this is not a JSON object/],
    [['history', 'export', empty, '--format', 'elle'], /empty\.jsonl:1: run: /],
    [['dev', '--persist', join(file, 'x')], /--persist: cannot write to \S*x: there is no such directory/],
    [['dev', '--persist', file], /--persist: cannot write to \S*notes\.md: there is a file of that name/],
    [['history', 'export', join(file, 'x'), '--format', 'elle'], /: there is no such file/],
    [
      ['history', 'export', file, '--format', 'elle', '--to', '/nowhere/x'],
      /\/nowhere\/x: there is no such dir/,
    ],
  ])('%j', async (args, sentence) => {
    const { code, err } = await atoll(args);
    expect([code, err]).toEqual([2, expect.stringMatching(sentence)]);
    expect(err).not.toMatch(/\n {4}at |secret|sécret/);
  });
});

describe('atoll status --watch', () => {
  it('ends when nobody reads it any more', async () => {
    const { code, out } = await atoll(['status', '--watch', '--output', 'json', ...nowhere]);
    expect(code).toBe(0);
    expect(out.split('\n')).toEqual([expect.stringContaining('"region":"mars"'), '']);
  });
});
