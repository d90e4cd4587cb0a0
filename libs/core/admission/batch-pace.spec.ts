import { expect, test } from 'vitest';
import { BatchPace } from './batch-pace.js';

function after(turns: readonly number[]): number {
  const pace = new BatchPace();
  for (const millis of turns) pace.turned(millis);
  return pace.restMillis;
}

const times = (count: number, millis: number): number[] => Array.from({ length: count }, () => millis);

test('there is no rest while turns are quick, or when a single one was not', () => {
  expect(after([])).toBe(0);
  expect(after(times(100, 0.4))).toBe(0);
  expect(after([...times(100, 0.05), 2])).toBe(0);
});

test('the longer turns take, the longer the rest, up to six milliseconds', () => {
  const slow = after(times(100, 1));
  expect(slow).toBeGreaterThan(2.5);
  expect(slow).toBeLessThan(3.5);
  expect(after(times(100, 5))).toBe(6);
  expect(after(times(100, 5_000))).toBe(6);
});

test('a rest ends soon after turns are quick again', () => {
  expect(after([...times(100, 5), ...times(20, 0.05)])).toBe(0);
});
