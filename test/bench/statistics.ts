/** Percentiles of a set of times, all in milliseconds. */
export interface Percentiles {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** How a figure scattered over the slices of a run. */
export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly all: readonly number[];
}

/** The value that a share of all values does not exceed (nearest rank); 0 of nothing. `sorted` ascends. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const rank = Math.max(1, Math.ceil(share * sorted.length));
  return sorted[Math.min(rank, sorted.length) - 1] ?? 0;
}

export function percentilesOf(millis: Iterable<number>): Percentiles {
  const sorted = Float64Array.from(millis).sort();
  return {
    count: sorted.length,
    p50: quantile(sorted, 0.5),
    p90: quantile(sorted, 0.9),
    p99: quantile(sorted, 0.99),
    p999: quantile(sorted, 0.999),
    max: quantile(sorted, 1),
  };
}

export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

export function spreadOf(values: readonly number[]): Spread {
  return { median: medianOf(values), low: Math.min(...values), high: Math.max(...values), all: values };
}

/** Ratios of what was measured in the same round, so that what slows the machine for a while slows both. */
export function pairedRatios(above: readonly number[], below: readonly number[]): Spread {
  return spreadOf(above.map((value, round) => value / (below[round] ?? NaN)));
}
