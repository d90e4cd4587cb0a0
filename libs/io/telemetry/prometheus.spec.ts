import { describe, expect, it } from 'vitest';
import { createJsonLog } from './json-log.js';
import { createPrometheusTelemetry } from './prometheus.js';

const silent = () => undefined;

describe('metrics', () => {
  it('are rendered under our prefix, with their labels', async () => {
    const telemetry = createPrometheusTelemetry(silent);
    telemetry.count('conflicts_total', { type: 'cart', policy: 'last-writer-wins' }, 2);
    telemetry.gauge('owned_shards', 16);
    const text = await telemetry.render();
    expect(text).toContain('atoll_conflicts_total{type="cart",policy="last-writer-wins"} 2');
    expect(text).toContain('atoll_owned_shards 16');
    expect(text).toContain('atoll_process_cpu_seconds_total');
  });

  it('leave out a label that is not in the catalogue', async () => {
    const telemetry = createPrometheusTelemetry(silent);
    telemetry.count('fenced_total', { entity: 'cart/42' });
    expect(await telemetry.render()).toContain('atoll_fenced_total 1');
  });

  it('tell the quantiles of the lag per link', async () => {
    const telemetry = createPrometheusTelemetry(silent);
    for (let at = 1; at <= 1_000; at += 1) {
      const millis = at <= 980 ? 40 : at < 1_000 ? 400 : 9_000;
      telemetry.observe('lag_millis', millis, { from: 'eu', to: 'us' });
    }
    telemetry.observe('lag_millis', 1e9, { from: 'ap', to: 'us' });
    expect(await telemetry.quantiles('lag_millis')).toEqual([
      { labels: { from: 'eu', to: 'us' }, count: 1_000, p50: 40, p99: 400, p999: 400 },
      { labels: { from: 'ap', to: 'us' }, count: 1, p50: null, p99: null, p999: null },
    ]);
  });
});

describe('the log', () => {
  const lines: string[] = [];
  const log = createJsonLog({
    level: 'info',
    always: { region: 'us' },
    write: (line) => lines.push(line),
    now: () => new Date(0),
  });

  it('is one JSON object per line, whatever the details are', () => {
    log('warn', 'a\nb', { cursors: new Map([['eu~1', 3n]]), error: new TypeError('no') });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^[^\n]+\n$/);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      time: '1970-01-01T00:00:00.000Z',
      level: 'warn',
      message: 'a\nb',
      region: 'us',
      cursors: { 'eu~1': '3' },
      error: { name: 'TypeError', message: 'no' },
    });
  });

  it('keeps quiet below its level', () => {
    log('debug', 'nothing');
    expect(lines).toHaveLength(1);
  });
});
