import { describe, expect, it } from 'vitest';
import { agreedMillis, aheadOf, judgeClock, type ClockSample } from './clock-witnesses.js';

const bound = 30_000;
const hour = 3_600_000;
const began = 1_700_000_000_000;
/** The own clocks so long after the process began, with the wall clock so far ahead of the true time. */
const own = (afterMillis: number, aheadMillis = 0) => ({
  wallMillis: began + afterMillis + aheadMillis,
  monotonicMillis: 5_000 + afterMillis,
});
/** A clock that is so far ahead of the true time, looked at right after the process began, within so long. */
const clock = (aheadMillis = 0, withinMillis = 100): ClockSample => ({
  saidMillis: began + aheadMillis,
  notBeforeMillis: 5_000 - withinMillis / 2,
  notAfterMillis: 5_000 + withinMillis / 2,
});
const witnesses = (...samples: readonly ClockSample[]): ReadonlyMap<string, ClockSample> =>
  new Map(samples.map((sample, at) => [`w${at}`, sample]));
const trusted = (samples: ReadonlyMap<string, ClockSample>, aheadMillis = 0): boolean =>
  judgeClock(samples, own(10_000, aheadMillis), bound).isTrusted;

describe('how far ahead the own clock is', () => {
  it('lies between the bounds that the time of looking leaves', () => {
    expect(aheadOf(clock(0, 100), own(10_000))).toEqual({ least: -50, most: 50 });
    expect(aheadOf(clock(-hour, 100), own(10_000))).toEqual({ least: hour - 50, most: hour + 50 });
  });

  it('has no lower bound where nobody knows how long the word was on its way', () => {
    const late = { ...clock(), notBeforeMillis: -Infinity };
    expect(aheadOf(late, own(0))).toEqual({ least: -Infinity, most: 50 });
  });
});

describe('the own clock', () => {
  it('is trusted while all agree within the bound, and where there is nobody to ask', () => {
    expect(trusted(witnesses(clock(0), clock(20_000), clock(-20_000)))).toBe(true);
    expect(trusted(new Map())).toBe(true);
  });

  it('is not trusted when most are beyond the bound on one side, and says who and by how much', () => {
    const samples = new Map([
      ['postgres', clock()],
      ['eu', clock(hour)],
      ['ap', clock(hour)],
    ]);
    expect(judgeClock(samples, own(10_000), bound)).toEqual({
      isTrusted: false,
      disagreements: [
        { witness: 'eu', aheadMillis: 50 - hour },
        { witness: 'ap', aheadMillis: 50 - hour },
      ],
    });
  });

  it('is noticed to have been set, whoever was asked before', () => {
    const before = witnesses(clock(), clock(), clock());
    for (const step of [hour, -hour]) expect(trusted(before, step)).toBe(false);
    expect(trusted(before, 0)).toBe(true);
  });

  it('is not stopped by one that is wrong among others that agree', () => {
    for (const wrong of [hour, -hour]) expect(trusted(witnesses(clock(wrong), clock(), clock()))).toBe(true);
  });

  it('goes on in exactly one of two regions that each have their own Postgres on their side', () => {
    expect(trusted(witnesses(clock(hour), clock()))).toBe(true);
    expect(trusted(witnesses(clock(-hour), clock()))).toBe(false);
  });

  it('is not trusted against the only witness there is', () => {
    for (const wrong of [hour, -hour]) expect(trusted(witnesses(clock(wrong)))).toBe(false);
  });

  it('is not judged by what took too long to tell anything', () => {
    const pause = 120_000;
    expect(trusted(witnesses(clock(0, pause), clock(pause / 3, pause)))).toBe(true);
    expect(trusted(witnesses({ ...clock(-hour), notBeforeMillis: -Infinity }, clock()))).toBe(true);
  });
});

describe('the time as the witnesses see it', () => {
  it('is that of the only one there is', () => {
    for (const wrong of [hour, -hour])
      expect(agreedMillis(witnesses(clock()), own(10_000, wrong))).toBe(own(10_000).wallMillis);
  });

  it('is the middle one, and the own where nobody can tell', () => {
    const { wallMillis } = own(10_000);
    expect(agreedMillis(witnesses(clock(), clock()), own(10_000, hour))).toBe(wallMillis);
    expect(agreedMillis(witnesses(clock(), clock()), own(10_000, -hour))).toBe(wallMillis);
    expect(agreedMillis(witnesses(clock(hour), clock(), clock(-hour)), own(10_000))).toBe(wallMillis);
    expect(agreedMillis(witnesses({ ...clock(), notBeforeMillis: -Infinity }), own(10_000, hour))).toBe(
      wallMillis + hour,
    );
  });
});
