import type { Percentiles, Spread } from './statistics.js';
import { spreadOf } from './statistics.js';

/** `1.02x (0.95-1.16)`: the median, and the lowest and highest of the slices. */
export function ratioText({ median, low, high }: Spread): string {
  return `${median.toFixed(2)}x (${low.toFixed(2)}-${high.toFixed(2)})`;
}

export function spreadText({ median, low, high }: Spread, unit = '', digits = 1): string {
  return `${median.toFixed(digits)}${unit} (${low.toFixed(digits)}-${high.toFixed(digits)})`;
}

/** Cells of a table: medians over the slices, and the worst of all as the maximum. */
export function latencyCells(all: readonly Percentiles[]): Readonly<Record<string, string>> {
  const middle = (of: (one: Percentiles) => number): string => spreadOf(all.map(of)).median.toFixed(1);
  const { low, high } = spreadOf(all.map(({ p99 }) => p99));
  return {
    'p50 ms': middle(({ p50 }) => p50),
    'p90 ms': middle(({ p90 }) => p90),
    'p99 ms': middle(({ p99 }) => p99),
    'p99 low-high': `${low.toFixed(1)}-${high.toFixed(1)}`,
    'p99.9 ms': middle(({ p999 }) => p999),
    'max ms': Math.max(...all.map(({ max }) => max)).toFixed(1),
  };
}

export function rateCells(perSecond: readonly number[]): Readonly<Record<string, string>> {
  const { median, low, high } = spreadOf(perSecond);
  return { 'per s': median.toFixed(0), 'low-high': `${low.toFixed(0)}-${high.toFixed(0)}` };
}
