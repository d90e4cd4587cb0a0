import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import { counters, gauges, histograms } from './metric-catalogue.js';
import { renderMetricsPage } from './metrics-page.js';

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

const file = new URL('../../../deploy/prometheus/atoll.rules.yml', import.meta.url);
const { groups } = parse(readFileSync(file, 'utf8')) as {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
};
const rules = groups.flatMap((group) => group.rules);
const alerts = rules.flatMap(({ alert }) => alert ?? []);

/** Every series that a process can tell, histograms with their suffixes. */
const series = new Set([
  ...[...Object.keys(counters), ...Object.keys(gauges)].map((name) => `atoll_${name}`),
  ...Object.keys(histograms).flatMap((name) =>
    ['bucket', 'count', 'sum'].map((suffix) => `atoll_${name}_${suffix}`),
  ),
]);

describe('the metrics', () => {
  it('are what the reference page says, word for word', async () => {
    await expect(renderMetricsPage()).toMatchFileSnapshot('../../../docs/reference/metrics.md');
  });

  it('are the only ones that alert rules look at', () => {
    const recorded = rules.flatMap(({ record }) => record ?? []);
    for (const { expr } of rules) {
      for (const name of expr.match(/\batoll_[a-z0-9_]+/g) ?? []) expect(series, expr).toContain(name);
      for (const name of expr.match(/\batoll:[a-z0-9_:]+/g) ?? []) expect(recorded, expr).toContain(name);
    }
  });

  it('have alerts that say what happened and where to look, each named once', () => {
    expect(new Set(alerts).size).toBe(alerts.length);
    for (const { alert, annotations } of rules) {
      if (alert === undefined) continue;
      expect(annotations?.summary, alert).toBeTruthy();
      expect(annotations?.look, alert).toBeTruthy();
    }
  });

  it('have every service level alarmed that the page names', () => {
    const named = renderMetricsPage().match(/`Atoll[A-Za-z]+`/g) ?? [];
    expect(named.length).toBeGreaterThan(4);
    for (const name of named) expect(alerts).toContain(name.slice(1, -1));
  });
});
