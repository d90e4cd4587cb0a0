import { describe, expect, it } from 'vitest';
import { readOperations } from './operations.js';

describe('operations on the command line', () => {
  it('take JSON, or text that is none', () => {
    expect(readOperations({ set: ['name=Ada', 'age=36', 'tags=["a"]', 'quoted="36"', 'empty='] })).toEqual([
      { field: 'name', op: 'set', value: 'Ada' },
      { field: 'age', op: 'set', value: 36 },
      { field: 'tags', op: 'set', value: ['a'] },
      { field: 'quoted', op: 'set', value: '36' },
      { field: 'empty', op: 'set', value: '' },
    ]);
  });

  it('count in a field, or at a key of it, which may hold a slash', () => {
    expect(readOperations({ increment: ['sold=-2', 'lines/a/b=1'] })).toEqual([
      { field: 'sold', op: 'increment', by: -2 },
      { field: 'lines', op: 'at', key: 'a/b', then: { op: 'increment', by: 1 } },
    ]);
  });

  it('add and remove elements and keys, enable and disable, and whatever --op says', () => {
    const flags = { add: ['tags=x'], remove: ['tags=y', 'lines/z'], enable: ['on'], disable: ['off'] };
    expect(readOperations({ ...flags, op: ['{"field":"state","op":"advance","to":"sent"}'] })).toEqual([
      { field: 'tags', op: 'add', element: 'x' },
      { field: 'tags', op: 'remove', element: 'y' },
      { field: 'lines', op: 'remove', key: 'z' },
      { field: 'on', op: 'enable' },
      { field: 'off', op: 'disable' },
      { field: 'state', op: 'advance', to: 'sent' },
    ]);
  });

  it.each([
    [{}, 'say what to change'],
    [{ set: ['name'] }, 'expected field=value'],
    [{ increment: ['sold=much'] }, 'expected a number'],
    [{ increment: ['lines/a=1e400'] }, 'cannot be represented'],
    [{ set: ['sizes=[{"x":-1e999}]'] }, 'cannot be represented'],
    [{ op: ['{"field":"sold","op":"increment","by":1e400}'] }, 'cannot be represented'],
    [{ remove: ['tags'] }, 'expected field=element or field/key'],
    [{ op: ['{'] }, '--op takes JSON'],
    [{ op: ['{"op":"set"}'] }, '--op needs "field"'],
  ])('are refused with an example: %j', (flags, message) => {
    expect(() => readOperations(flags)).toThrow(message);
  });
});
