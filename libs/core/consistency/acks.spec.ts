import { describe, expect, it } from 'vitest';
import { countedRegions, majorityOf, othersNeeded, parseAcks } from './acks.js';

describe('acks', () => {
  it('count the origin once, in every majority', () => {
    expect([1, 2, 3, 4, 5].map(majorityOf)).toEqual([1, 2, 2, 3, 3]);
    expect([1, 2, 3, 4, 5].map((members) => othersNeeded('majority', members))).toEqual([0, 1, 1, 2, 2]);
    expect([1, 3, 5].map((members) => othersNeeded('all', members))).toEqual([0, 2, 4]);
    expect(othersNeeded('local', 5)).toBe(0);
  });

  it('cannot be given where there is no other region', () => {
    expect(othersNeeded('1', 1)).toBeUndefined();
    expect(othersNeeded('1', 2)).toBe(1);
  });

  it('count each member once, nobody else, and never the one they are counted for', () => {
    const counted = countedRegions(['eu', 'us', 'eu', 'ap', 'moon'], {
      members: ['us', 'eu', 'ap'],
      besides: 'us',
    });
    expect(counted).toEqual(['ap', 'eu']);
  });

  it('are one of four words', () => {
    expect(['local', '1', 'majority', 'all', '2', '', 'Local'].map(parseAcks)).toEqual([
      'local',
      '1',
      'majority',
      'all',
      undefined,
      undefined,
      undefined,
    ]);
  });
});
