import { describe, expect, it } from 'vitest';
import { scenario } from '#kit/laws/scenario.js';
import type { Json } from '../json.js';
import { lastWriterWins } from './last-writer-wins.js';
import type { Operation, ValueSchema } from './policy.js';

const set = (value: Json): Operation => ({ op: 'set', value });

describe('last-writer-wins', () => {
  it('reads as null before the first write', () => {
    expect(lastWriterWins().value(lastWriterWins().initial())).toBeNull();
  });

  it('lets a write that had seen the other win', () => {
    scenario(lastWriterWins())
      .write('eu', set('red'))
      .heal()
      .write('us', set('blue'))
      .heal()
      .thenEverywhere('blue')
      .thenConflicts();
  });

  it('chooses the greater hybrid timestamp between concurrent writes, and tells the pair', () => {
    scenario(lastWriterWins())
      .write('eu', set('red'))
      .write('us', set('blue'))
      .heal()
      .thenEverywhere('blue')
      .thenConflicts('eu~1:0:1 | us~1:0:1');
  });

  it('finds no conflict between concurrent writes of equal values', () => {
    scenario(lastWriterWins())
      .write('eu', set({ a: 1, b: 2 }))
      .write('us', set({ b: 2, a: 1 }))
      .heal()
      .thenConflicts();
  });

  it('shows the loser again when a delete had only seen the winner', () => {
    scenario(lastWriterWins())
      .write('eu', set('red'))
      .write('us', set('blue'))
      .delete('us')
      .heal()
      .thenEverywhere('red');
  });

  it('keeps what a write replaced replaced, when the write itself is deleted', () => {
    scenario(lastWriterWins())
      .write('eu', set('red'))
      .heal()
      .write('us', set('blue'))
      .delete('us')
      .write('ap', set('green'))
      .heal()
      .thenEverywhere('green');
  });

  it('takes the last of several writes in one command', () => {
    scenario(lastWriterWins())
      .write('eu', [set('red'), set('blue')])
      .heal()
      .thenEverywhere('blue');
  });

  it('lets a retried write replace only what each of its copies had seen', () => {
    scenario(lastWriterWins())
      .write('eu', set('first'))
      .write('eu', set('second'), { as: 'retried' })
      .write('us', set('second'), { as: 'retried' })
      .heal()
      .thenEverywhere('second');
  });

  it('refuses other operations, other arguments, and values that the schema refuses', () => {
    scenario(lastWriterWins())
      .write('eu', { op: 'increment', by: 1 })
      .thenRefused('unknown_operation', '/op')
      .write('eu', { op: 'set' })
      .thenRefused('invalid_value', '/value')
      .write('eu', { op: 'set', value: 1, 'a/b': 2 })
      .thenRefused('invalid_value', '/a~1b');
    scenario(lastWriterWins(shortText)).write('eu', set('too long')).thenRefused('invalid_value', '/value');
  });

  it('writes what the schema makes of a value, and checks what a peer wrote', () => {
    const policy = lastWriterWins(shortText);
    scenario(policy).write('eu', set(' a ')).heal().thenEverywhere('a');
    expect(policy.readChange({ value: 'a' })).toEqual({ value: 'a' });
    expect(policy.isValid?.({ value: 'a' })).toBe(true);
    expect(policy.isValid?.({ value: 'too long' })).toBe(false);
    expect(policy.readChange({ value: 'a', more: 1 })).toBeUndefined();
    expect(policy.readChange('a')).toBeUndefined();
  });

  it('refuses a value that the schema turns into one that it refuses itself', () => {
    const toNumber: ValueSchema = {
      description: 'digits',
      check: (value) =>
        typeof value === 'string'
          ? { kind: 'valid', value: Number(value) }
          : { kind: 'invalid', path: '', message: 'digits, please' },
    };
    scenario(lastWriterWins(toNumber)).write('eu', set('1')).thenRefused('invalid_value', '/value');
  });
});

const shortText: ValueSchema = {
  description: 'short text',
  check: (value) =>
    typeof value === 'string' && value.length <= 4
      ? { kind: 'valid', value: value.trim() }
      : { kind: 'invalid', path: '', message: 'at most four characters' },
};
