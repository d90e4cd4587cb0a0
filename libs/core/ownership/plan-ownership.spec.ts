import { describe, expect, it } from 'vitest';
import { planOwnership, type ShardClaim } from './plan-ownership.js';

const claim = (shard: number, owner: string, leaseRemainingMillis: number): ShardClaim => ({
  shard,
  owner,
  leaseRemainingMillis,
});

describe('planning ownership', () => {
  it('takes every free shard when alone', () => {
    const claims = [claim(0, '', -1), claim(1, '', -1), claim(2, '', -1)];
    expect(planOwnership({ self: 'a', liveProcesses: ['a'], claims })).toEqual({
      take: [0, 1, 2],
      release: [],
    });
  });

  it('never takes a shard whose lease runs', () => {
    const claims = [claim(0, 'b', 10), claim(1, 'b', 0)];
    expect(planOwnership({ self: 'a', liveProcesses: ['a'], claims }).take).toEqual([1]);
  });

  it('gives up what is too much while another process has too little', () => {
    const claims = [0, 1, 2, 3].map((shard) => claim(shard, 'a', 10));
    expect(planOwnership({ self: 'a', liveProcesses: ['a', 'b'], claims }).release).toEqual([2, 3]);
  });

  it('keeps what it has while the others can take what is free', () => {
    const claims = [claim(0, 'a', 10), claim(1, 'a', 10), claim(2, '', -1), claim(3, '', -1)];
    expect(planOwnership({ self: 'a', liveProcesses: ['a', 'b'], claims })).toEqual({
      take: [],
      release: [],
    });
  });

  it('takes no more than its share', () => {
    const claims = [0, 1, 2, 3].map((shard) => claim(shard, '', -1));
    expect(planOwnership({ self: 'a', liveProcesses: ['a', 'b'], claims }).take).toEqual([0, 1]);
  });
});
