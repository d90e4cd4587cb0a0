import { describe, expect, it } from 'vitest';
import { isLinearizable, type RegisterOperation } from './linearizable.js';

const operation = (
  kind: RegisterOperation['kind'],
  value: string | undefined,
  [invoked, completed]: readonly [number, number],
  expected?: string,
): RegisterOperation => ({ kind, value, invoked, completed, ...(expected !== undefined && { expected }) });

describe('a history of one register', () => {
  it('is explained by moments within its operations', () => {
    const history = [
      operation('write', 'a', [0, 10]),
      operation('read', undefined, [1, 3]),
      operation('read', 'a', [2, 4]),
      operation('write', 'b', [11, 20]),
      operation('read', 'b', [12, 13]),
    ];
    expect(isLinearizable(history)).toBe(true);
  });

  it('has no read of what was overwritten before it began', () => {
    const history = [
      operation('write', 'a', [0, 1]),
      operation('write', 'b', [2, 3]),
      operation('read', 'a', [4, 5]),
    ];
    expect(isLinearizable(history)).toBe(false);
  });

  it('has no two reads that disagree on the order of writes', () => {
    const history = [
      operation('write', 'a', [0, 100]),
      operation('write', 'b', [0, 100]),
      operation('read', 'a', [10, 11]),
      operation('read', 'b', [12, 13]),
      operation('read', 'a', [14, 15]),
    ];
    expect(isLinearizable(history)).toBe(false);
  });

  it('may have an operation of unknown outcome take effect late, or never', () => {
    const late = [operation('write', 'a', [0, Infinity]), operation('read', undefined, [5, 6])];
    expect(isLinearizable([...late, operation('read', 'a', [7, 8])])).toBe(true);
    expect(isLinearizable([...late, operation('read', undefined, [7, 8])])).toBe(true);
  });

  it('lets one of two win who compare with the same value', () => {
    const read = operation('write', 'a', [0, 1]);
    const first = operation('cas', 'b', [2, 5], 'a');
    expect(isLinearizable([read, first])).toBe(true);
    expect(isLinearizable([read, first, operation('cas', 'c', [3, 6], 'a')])).toBe(false);
  });
});
