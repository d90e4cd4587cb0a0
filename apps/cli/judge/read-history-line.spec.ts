import { describe, expect, it } from 'vitest';
import { readHistoryLine } from './read-history-line.js';

const asked = {
  run: 'r',
  process: 1,
  session: null,
  region: 'us',
  outcome: 'ok',
  invoked: '1',
  completed: '2',
};
const about = { kind: 'write', type: 'cart', id: '1', field: 'coupon', input: 'A', output: null };
const read = (line: object): unknown => readHistoryLine(JSON.stringify(line));

describe('a line of a history', () => {
  it('is taken with what an outside recorder leaves out, and with what it adds', () => {
    const line = { ...asked, ...about, note: 'mine' };
    expect(read(line)).toEqual(line);
  });

  it('says in its parts what a transaction was about, and need not say it again', () => {
    const line = { ...asked, kind: 'txn', parts: [about, { ...about, kind: 'read', output: 'A' }] };
    expect(read(line)).toEqual(line);
  });

  it.each([...Object.keys(asked), ...Object.keys(about)])('is refused without %s, by that name', (key) => {
    const { [key]: _, ...line } = { ...asked, ...about } as Record<string, unknown>;
    expect(() => read(line)).toThrow(new RegExp(`^${key}: `));
  });

  it.each([
    ['a time in another form', { ...asked, ...about, invoked: '1.5' }, /^invoked: is not a time/],
    [
      'a part without its input',
      { ...asked, kind: 'txn', parts: [{ ...about, input: undefined }] },
      /^parts\.0\.input: /,
    ],
    ['a fault that is none', { run: 'r', fault: 'rain', target: 'us', at: '1', detail: '' }, /^fault: /],
    [
      'a last reading without its region',
      { run: 'r', final: true, type: 't', id: '1', field: 'f', value: 1, seen: {} },
      /^region: /,
    ],
    ['no object', [], /^this is not a JSON object$/],
  ])('is refused as %s', (_what, line, sentence) => {
    expect(() => read(line)).toThrow(sentence);
  });
});
