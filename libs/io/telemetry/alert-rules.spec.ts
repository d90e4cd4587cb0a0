import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { counters, gauges, histograms, type MetricEntry } from './metric-catalogue.js';
import { readPromql } from './promql.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const duration = z.string().regex(/^\d+(ms|s|m|h|d)$/);
const expr = z.string().min(1);

/** What Prometheus takes for a file of rules, as far as ours go; any other key it refuses, and so do we. */
const ruleFile = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      interval: duration.optional(),
      rules: z.array(
        z.union([
          z.strictObject({ record: z.string().regex(/^[a-z_]+(:[a-z_0-9]+)+$/), expr }),
          z.strictObject({
            alert: z.string().regex(/^Atoll[A-Z][A-Za-z]+$/),
            expr,
            for: duration.optional(),
            labels: z.strictObject({ severity: z.enum(['info', 'warning', 'critical']) }),
            annotations: z.strictObject({ summary: z.string().min(1), look: z.string().min(1) }),
          }),
        ]),
      ),
    }),
  ),
});

const { groups } = ruleFile.parse(
  parse(readFileSync(join(root, 'deploy/prometheus/atoll.rules.yml'), 'utf8')),
);
const rules = groups.flatMap((group) => group.rules);
const records = new Map(
  rules.flatMap((rule) => ('record' in rule ? [[rule.record, rule.expr] as const] : [])),
);
const alerts = rules.flatMap((rule) => ('alert' in rule ? [rule] : []));

/** The labels of each series that a process tells, by its name. */
const told = new Map<string, readonly string[]>([
  ...Object.entries({ ...counters, ...gauges }).map(
    ([name, { labels }]: [string, MetricEntry]) => [`atoll_${name}`, labels] as const,
  ),
  ...Object.entries(histograms).flatMap(([name, { labels }]) =>
    ['bucket', 'count', 'sum'].map((suffix) => {
      const own = suffix === 'bucket' ? [...labels, 'le'] : labels;
      return [`atoll_${name}_${suffix}`, own] as const;
    }),
  ),
]);
/** Added by whoever scrapes. */
const scraped = ['job', 'instance'];

/** What series of a rule are told apart by. */
function labelsOf(expression: string): readonly string[] {
  const { by, series } = readPromql(expression);
  if (by !== undefined) return by;
  return series.flatMap(({ name }) => {
    const recorded = records.get(name);
    return recorded === undefined ? [...(told.get(name) ?? []), ...scraped] : labelsOf(recorded);
  });
}

describe('the alert rules', () => {
  it.each(rules.map((rule) => ['record' in rule ? rule.record : rule.alert, rule.expr]))(
    '%s is PromQL, and looks at series and labels that are there',
    (_name, expression) => {
      const { kind, series } = readPromql(expression);
      expect(kind).toBe('vector');
      for (const { name, labels } of series) {
        const recorded = records.get(name);
        const known = recorded === undefined ? told.get(name) : labelsOf(recorded);
        expect(known, name).toBeDefined();
        for (const label of labels) expect([...(known ?? []), ...scraped], name).toContain(label);
      }
    },
  );

  it('name only labels that their series have, and metrics that there are', () => {
    for (const { alert, expr: expression, annotations } of alerts) {
      const text = Object.values(annotations).join(' ');
      for (const [, label] of text.matchAll(/\$labels\.(\w+)/g))
        expect(labelsOf(expression), alert).toContain(label);
      const metrics = new Set([...Object.keys(counters), ...Object.keys(gauges), ...Object.keys(histograms)]);
      for (const [, name] of text.matchAll(/\batoll_(\w+)/g)) expect([...metrics], alert).toContain(name);
    }
  });

  it('are each named once', () => {
    const names = rules.map((rule) => ('record' in rule ? rule.record : rule.alert));
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(groups.map(({ name }) => name)).size).toBe(groups.length);
  });
});

describe('a rule is refused', () => {
  it.each([
    'rate(atoll_forks_total)',
    'rate(atoll_forks_total[5m]',
    'sum(atoll_forks_total)',
    'sum by (job) rate(atoll_forks_total[5m])',
    'atoll_forks_total[5m] > 0',
    'atoll_forks_total[5 minutes]',
    'atoll_forks_total >',
    'atoll_forks_total{actor=us}',
    'histogram_quantile(0.99, sum by (job) (rate(atoll_lag_millis_bucket[5m])))',
    'sum by (job) (rate(atoll_forks_total[5m])) / sum by (job, from) (rate(atoll_aliases_total[5m]))',
    'atoll_forks_total § 1',
  ])('%s', (expression) => {
    expect(() => readPromql(expression)).toThrow(SyntaxError);
  });
});

describe('a metric of the catalogue', () => {
  it('is told by some station: a gauge that nobody sets shows 0 for ever', () => {
    const flow = join(root, 'libs/flow');
    const sources = readdirSync(flow, { recursive: true, encoding: 'utf8' })
      .filter(
        (path) =>
          path.endsWith('.ts') && !path.endsWith('.spec.ts') && path !== join('ports', 'telemetry.ts'),
      )
      .map((path) => readFileSync(join(flow, path), 'utf8'))
      .join('\n');
    const names = [...Object.keys(counters), ...Object.keys(gauges), ...Object.keys(histograms)];
    expect(names.filter((name) => !sources.includes(`'${name}'`))).toEqual([]);
  });
});
