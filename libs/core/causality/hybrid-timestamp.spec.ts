import { describe, expect, it } from 'vitest';
import {
  compareTimes,
  driftMillisMax,
  hear,
  hybridClockStart,
  hybridCounterMax,
  isBeyondDrift,
  tick,
} from './hybrid-timestamp.js';

describe('the hybrid clock', () => {
  it('follows the wall clock, and counts within one millisecond', () => {
    const first = tick(hybridClockStart, 100);
    expect(first).toEqual({ wallMillis: 100, counter: 0 });
    expect(tick(first, 100)).toEqual({ wallMillis: 100, counter: 1 });
    expect(tick(first, 99)).toEqual({ wallMillis: 100, counter: 1 });
  });

  it('stamps beyond everything it has heard of', () => {
    const heard = hear({ wallMillis: 100, counter: 3 }, { wallMillis: 200, counter: 7 }, 150);
    expect(tick(heard, 150)).toEqual({ wallMillis: 200, counter: 8 });
    expect(hear({ wallMillis: 200, counter: 9 }, { wallMillis: 200, counter: 7 }, 150)).toEqual({
      wallMillis: 200,
      counter: 9,
    });
    expect(hear({ wallMillis: 300, counter: 0 }, { wallMillis: 200, counter: 7 }, 150)).toEqual({
      wallMillis: 300,
      counter: 0,
    });
  });

  it('goes on in the next millisecond where a counter ends', () => {
    const last = { wallMillis: 100, counter: hybridCounterMax };
    expect(tick({ wallMillis: 100, counter: hybridCounterMax - 1 }, 100)).toEqual(last);
    expect(tick(last, 100)).toEqual({ wallMillis: 101, counter: 0 });
    expect(tick(last, 99)).toEqual({ wallMillis: 101, counter: 0 });
  });

  it('is never moved by a time beyond the drift bound', () => {
    const clock = { wallMillis: 100, counter: 0 };
    const future = { wallMillis: 150 + driftMillisMax + 1, counter: 0 };
    expect(isBeyondDrift(future, 150)).toBe(true);
    expect(hear(clock, future, 150)).toBe(clock);
    const atTheBound = { wallMillis: 150 + driftMillisMax, counter: 0 };
    expect(isBeyondDrift(atTheBound, 150)).toBe(false);
    expect(hear(clock, atTheBound, 150)).toEqual(atTheBound);
  });

  it('orders totally: wall time, counter, actor', () => {
    const time = (wallMillis: number, counter: number, actor: string) => ({ wallMillis, counter, actor });
    const sorted = [time(2, 0, 'a'), time(1, 5, 'b'), time(1, 5, 'a'), time(1, 4, 'z')].sort(compareTimes);
    expect(sorted).toEqual([time(1, 4, 'z'), time(1, 5, 'a'), time(1, 5, 'b'), time(2, 0, 'a')]);
  });
});
