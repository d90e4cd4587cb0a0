import { describe, expect, it } from 'vitest';
import { NoAnswer, RequestRefused } from '#client/errors.js';
import { DevStackError } from '#io/devstack/errors.js';
import { InputError } from '../load/input-file.js';
import { CommandFailed, exitCodeOf } from './exit.js';
import { createOutput } from './output.js';
import { formatTable } from './table.js';

describe('a table', () => {
  it('is laid out in columns without trailing blanks, and cuts what is too wide', () => {
    const rows = [
      ['a', '1'],
      ['bcd', ''],
      ['e', 'x'.repeat(100)],
    ];
    const [head, first, second, third] = formatTable({ columns: ['name', 'n'], rows }, '  ');
    expect([head, first, second]).toEqual(['  name  n', '  a     1', '  bcd']);
    expect(third).toBe(`  e     ${'x'.repeat(71)}…`);
  });
});

describe('the output', () => {
  const capture = (form: 'text' | 'json') => {
    const said = { out: '', err: '' };
    const output = createOutput(form, {
      out: (text) => (said.out += text),
      err: (text) => (said.err += text),
    });
    return { said, output };
  };

  it('is for people on standard output', () => {
    const { said, output } = capture('text');
    output.say('working');
    output.answer({ a: 1 }, () => output.say('a is 1'));
    expect(said).toEqual({ out: 'working\na is 1\n', err: '' });
  });

  it('is one JSON document on standard output, and progress beside it', () => {
    const { said, output } = capture('json');
    output.say('working');
    output.answer({ a: 1 }, () => output.say('a is 1'));
    expect(JSON.parse(said.out)).toEqual({ a: 1 });
    expect(said.err).toBe('working\n');
  });
});

describe('an output of many answers', () => {
  it('is a line of JSON for each', () => {
    const said = { out: '' };
    const output = createOutput('json', { out: (text) => (said.out += text), err: () => undefined });
    output.each({ a: 1 }, () => undefined);
    output.each({ a: 2 }, () => undefined);
    expect(said.out).toBe('{"a":1}\n{"a":2}\n');
  });
});

describe('the exit code', () => {
  const problem = (code: string): RequestRefused =>
    new RequestRefused({
      ...{ status: 400, code, title: '', detail: '', retryable: false },
      ...{ requestId: '', region: '', errors: [] },
    });

  it.each([
    [new CommandFailed(5, ''), 5],
    [new InputError(''), 2],
    [new NoAnswer('', true), 3],
    [problem('unavailable'), 3],
    [problem('no_quorum'), 3],
    [problem('unknown_field'), 2],
    [problem('invalid_value'), 2],
    [problem('acks_incomplete'), 5],
    [problem('precondition_failed'), 4],
    [problem('not_covered_yet'), 5],
    [new DevStackError('not_found', ''), 3],
    [new DevStackError('port_in_use', ''), 4],
    [new DevStackError('bad_option', ''), 2],
    [new Error('a bug'), 1],
  ])('tells a script what went wrong: %s', (error, code) => {
    expect(exitCodeOf(error)).toBe(code);
  });
});
