import { describe, expect, it } from 'vitest';
import { parseLevel } from './level.js';

describe('a level', () => {
  it('is read as clients write it', () => {
    expect(parseLevel('eventual')).toEqual({ kind: 'eventual' });
    expect(parseLevel('session')).toEqual({ kind: 'session' });
    expect(parseLevel('quorum')).toEqual({ kind: 'quorum' });
    expect(parseLevel('bounded;max=2000ms')).toEqual({
      kind: 'bounded',
      maxMillis: 2000,
      otherwise: 'fetch',
    });
    for (const otherwise of ['fetch', 'redirect', 'refuse'])
      expect(parseLevel(`bounded;max=0ms;else=${otherwise}`)).toEqual({
        kind: 'bounded',
        maxMillis: 0,
        otherwise,
      });
  });

  it.each([
    '',
    'Quorum',
    'bounded',
    'bounded;max=2s',
    'bounded;max=-1ms',
    'bounded;max=1ms;else=',
    'quorum ',
  ])('is not %j', (text) => expect(parseLevel(text)).toBeUndefined());
});
