import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { CounterName, GaugeName, HistogramName, Telemetry } from '#flow/ports/telemetry.js';
import type { Log } from './json-log.js';
import { counters, gauges, histograms, type MetricEntry } from './metric-catalogue.js';

export interface Quantiles {
  /** The labels of the series. */
  readonly labels: Readonly<Record<string, string | number>>;
  readonly count: number;
  /** Upper bounds of the bucket that the quantile falls into; `null` beyond the last. */
  readonly p50: number | null;
  readonly p99: number | null;
  readonly p999: number | null;
}

export interface PrometheusTelemetry extends Telemetry {
  readonly contentType: string;
  /** All metrics in Prometheus' text format. */
  render(): Promise<string>;
  /** One per series, since the start of the process. */
  quantiles(name: HistogramName): Promise<readonly Quantiles[]>;
  readonly registry: Registry;
}

const prefix = 'atoll_';

/** The Telemetry port on prom-client, with metrics of the process itself beside ours. Names and labels: metric-catalogue. */
export function createPrometheusTelemetry(log: Log): PrometheusTelemetry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix });
  const counting = mapEntries(counters, (name, entry) => new Counter(config(registry, name, entry)));
  const gauging = mapEntries(gauges, (name, entry) => new Gauge(config(registry, name, entry)));
  const observing = mapEntries(
    histograms,
    (name, entry) => new Histogram({ ...config(registry, name, entry), buckets: [...entry.buckets] }),
  );
  return {
    registry,
    contentType: registry.contentType,
    render: () => registry.metrics(),
    count: (name: CounterName, labels, by = 1) => counting[name].inc(known(counters[name], labels), by),
    gauge: (name: GaugeName, value, labels) => gauging[name].set(known(gauges[name], labels), value),
    observe: (name: HistogramName, value, labels) =>
      observing[name].observe(known(histograms[name], labels), value),
    log,
    quantiles: async (name) => quantilesOf(await observing[name].get()),
  };
}

function config(registry: Registry, name: string, { help, labels }: MetricEntry): MetricConfig {
  return { name: `${prefix}${name}`, help, labelNames: [...labels], registers: [registry] };
}

interface MetricConfig {
  readonly name: string;
  readonly help: string;
  readonly labelNames: string[];
  readonly registers: Registry[];
}

type Labels = Readonly<Record<string, string>>;

function known({ labels: names }: MetricEntry, given: Labels | undefined): Record<string, string> {
  const kept: Record<string, string> = {};
  if (given === undefined) return kept;
  for (const name of names) if (given[name] !== undefined) kept[name] = given[name];
  return kept;
}

function mapEntries<Name extends string, Entry, Out>(
  entries: Readonly<Record<Name, Entry>>,
  make: (name: Name, entry: Entry) => Out,
): Readonly<Record<Name, Out>> {
  const made = (Object.entries(entries) as [Name, Entry][]).map(([name, entry]) => [name, make(name, entry)]);
  return Object.fromEntries(made) as Readonly<Record<Name, Out>>;
}

type HistogramValues = Awaited<ReturnType<Histogram['get']>>['values'];

interface Series {
  readonly labels: Quantiles['labels'];
  /** Cumulative, by upper bound, ascending; the last is `+Inf`. */
  readonly buckets: { readonly le: number; readonly count: number }[];
}

function quantilesOf({ values }: { readonly values: HistogramValues }): readonly Quantiles[] {
  const found = new Map<string, Series>();
  for (const { metricName, labels, value } of values) {
    if (metricName?.endsWith('_bucket') !== true) continue;
    const { le, ...own } = labels as Record<string, string | number>;
    const key = JSON.stringify(own);
    const series = found.get(key) ?? { labels: own, buckets: [] };
    series.buckets.push({ le: le === '+Inf' ? Infinity : Number(le), count: value });
    found.set(key, series);
  }
  return [...found.values()].map(({ labels, buckets }) => {
    const count = buckets.at(-1)?.count ?? 0;
    const at = (fraction: number): number | null => boundOf(buckets, fraction * count);
    return { labels, count, p50: at(0.5), p99: at(0.99), p999: at(0.999) };
  });
}

function boundOf(buckets: Series['buckets'], rank: number): number | null {
  const bucket = buckets.find(({ count }) => count > 0 && count >= rank);
  return bucket === undefined || bucket.le === Infinity ? null : bucket.le;
}
