import { describe, expect, it } from 'vitest';
import { PublishQueue } from './publish-queue.js';

describe('what one cluster still has to be sent', () => {
  it('hands out runs without a gap, several at once', () => {
    const queue = new PublishQueue();
    queue.own(3, 0, 5);
    const [first] = queue.candidates(2);
    expect(first).toEqual({ shard: 3, life: 1, from: 1, to: 2 });
    queue.begin({ shard: 3, life: 1, from: 1, to: 2 });
    expect(queue.candidates(10)).toEqual([{ shard: 3, life: 1, from: 3, to: 5 }]);
  });

  it('marks only what is acknowledged together with everything below it', () => {
    const queue = new PublishQueue();
    queue.own(3, 0, 4);
    const first = queue.begin({ shard: 3, life: 1, from: 1, to: 2 });
    const second = queue.begin({ shard: 3, life: 1, from: 3, to: 4 });
    queue.acknowledged(second);
    expect(queue.mark(3)).toBe(0);
    queue.acknowledged(first);
    expect(queue.mark(3)).toBe(4);
    expect(queue.backlog).toBe(0);
  });

  it('does not count the answer to a run of an earlier time of owning the shard', () => {
    const queue = new PublishQueue();
    queue.own(3, 0, 2);
    const early = queue.begin({ shard: 3, life: 1, from: 1, to: 2 });
    queue.lost(3);
    queue.own(3, 0, 4);
    queue.begin({ shard: 3, life: 2, from: 1, to: 4 });
    queue.acknowledged(early);
    expect(queue.mark(3)).toBe(0);
  });

  it('sends a failed run again, with all that follows it', () => {
    const queue = new PublishQueue();
    queue.own(3, 0, 4);
    const first = queue.begin({ shard: 3, life: 1, from: 1, to: 2 });
    const second = queue.begin({ shard: 3, life: 1, from: 3, to: 4 });
    queue.failed(first);
    queue.acknowledged(second);
    expect(queue.mark(3)).toBe(0);
    expect(queue.candidates(10)).toEqual([{ shard: 3, life: 1, from: 1, to: 4 }]);
  });

  it('sends the rest of a run again that came out shorter', () => {
    const queue = new PublishQueue();
    queue.own(3, 0, 4);
    queue.acknowledged(queue.begin({ shard: 3, life: 1, from: 1, to: 4 }), 3);
    expect(queue.mark(3)).toBe(3);
    expect(queue.candidates(10)).toEqual([{ shard: 3, life: 1, from: 4, to: 4 }]);
  });

  it('does not take the answer to an earlier run for that to a later one that begins at the same seq', () => {
    const queue = new PublishQueue();
    queue.own(3, 0, 6);
    const first = queue.begin({ shard: 3, life: 1, from: 1, to: 4 });
    const second = queue.begin({ shard: 3, life: 1, from: 5, to: 6 });
    queue.failed(first);
    queue.grow(3, 8);
    const again = queue.begin({ shard: 3, life: 1, from: 1, to: 4 });
    queue.begin({ shard: 3, life: 1, from: 5, to: 8 });
    queue.acknowledged(second);
    queue.acknowledged(again);
    expect(queue.mark(3)).toBe(4);
  });

  it('gives each shard its turn', () => {
    const queue = new PublishQueue();
    for (const shard of [1, 2, 3]) queue.own(shard, 0, 9);
    const turns = Array.from({ length: 5 }, () => {
      const [range] = queue.candidates(2);
      if (range) queue.begin(range);
      return range?.shard;
    });
    expect(turns).toEqual([1, 2, 3, 1, 2]);
  });

  it('counts what was sent and is not stored there, of the shards that were told of', () => {
    const queue = new PublishQueue();
    for (const shard of [1, 2]) {
      queue.own(shard, 0, 9);
      queue.begin({ shard, life: shard, from: 1, to: 7 });
    }
    expect(queue.ahead(new Map([[1, 4]]))).toBe(3);
    expect(
      queue.ahead(
        new Map([
          [1, 4],
          [2, 9],
        ]),
      ),
    ).toBe(3);
    expect(queue.ahead(new Map())).toBe(0);
  });
});
