import { counters, gauges, histograms, type MetricEntry } from './metric-catalogue.js';

const intro = `# Metrics

What \`GET /metrics\` of a process tells, in Prometheus' text format, besides what the runtime says of itself
(\`atoll_process_*\`, \`atoll_nodejs_*\`). Every process tells its own: over the processes of a region sum what is counted
(counters, events, commands, bytes, shards), and take the greatest of the rest. Alert rules over them are in \`deploy/prometheus/atoll.rules.yml\`.

## Scraping

\`/metrics\` needs a token of role \`read\`, unless the region has no tokens. The rules take each region for a scrape job of its own:

\`\`\`yaml
rule_files: [atoll.rules.yml]
scrape_configs:
  - job_name: us
    authorization: { credentials_file: /run/secrets/atoll-read-token }
    static_configs: [{ targets: ['region-us-1:7410', 'region-us-2:7410'] }]
\`\`\`

## Service levels

| level | how it is measured | target | alert |
| --- | --- | --- | --- |
| convergence | \`atoll_events_in_time_total\` of \`atoll_events_applied_total\`: stored here within 100 ms plus half the round trip of their stamp at the origin, by the two wall clocks | 99 % per link | \`AtollConvergenceSlow\` |
| staleness | \`atoll_staleness_millis\`: what is missing in a read is younger; by one monotonic clock, so right under skewed clocks | p99 below 2 s per origin | \`AtollStale\`, \`AtollStalenessUnknown\` |
| conflict rate | \`atoll_conflicts_total\` of \`atoll_events_committed_total\` + \`atoll_events_applied_total\` | below 1 in 100 | \`AtollConflictRateHigh\` |
| durability elsewhere | \`atoll_acks_incomplete_total\` of \`atoll_acks_millis_count\` + \`atoll_acks_incomplete_total\` | below 1 in 1000 | \`AtollAcksIncomplete\` |
| levels kept | \`atoll_reads_refused_total\`: refused in time, never lowered | none while all regions are reachable | \`AtollReadsRefused\` |
| nothing stuck | \`atoll_parked_events\`, \`atoll_isolated\`, \`atoll_policy_mismatch_total\`, \`atoll_policy_uncompared_total\`, \`atoll_clock_out_of_bounds\`, \`atoll_records_refused_total\` | none | \`AtollEventsParked\`, \`AtollIsolated\`, \`AtollPolicyMismatch\`, \`AtollPolicyUncompared\`, \`AtollClockOutOfBounds\`, \`AtollRecordsRefused\` |
| one history | \`atoll_forks_total\`: streams with two events under one dot | none, ever | \`AtollFork\` |

This page is generated from the catalogue in \`libs/io/telemetry/metric-catalogue.ts\`; its test writes it anew with \`vitest -u\`.
`;

/** docs/reference/metrics.md: every metric of the catalogue, by kind. */
export function renderMetricsPage(): string {
  return [
    intro,
    section('Counters', counters),
    section('Gauges', gauges),
    section('Histograms', histograms),
  ].join('\n');
}

function section(title: string, entries: Readonly<Record<string, MetricEntry>>): string {
  const rows = Object.entries(entries).map(([name, { help, labels }]) => {
    const shown = labels.map((label) => `\`${label}\``).join(', ');
    return `| \`atoll_${name}\` | ${shown} | ${help} |`;
  });
  return [`## ${title}`, '', '| name | labels | what |', '| --- | --- | --- |', ...rows, ''].join('\n');
}
