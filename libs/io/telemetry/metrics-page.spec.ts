import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { renderMetricsPage } from './metrics-page.js';

const file = new URL('../../../deploy/prometheus/atoll.rules.yml', import.meta.url);
const rulesText = readFileSync(file, 'utf8');
const alerts = [...rulesText.matchAll(/alert: (\w+)/g)].map((match) => match[1]);

describe('the metrics', () => {
  it('are what the reference page says, word for word', async () => {
    await expect(renderMetricsPage()).toMatchFileSnapshot('../../../docs/reference/metrics.md');
  });

  it('have every service level alarmed that the page names', () => {
    const named = renderMetricsPage().match(/`Atoll[A-Za-z]+`/g) ?? [];
    expect(named.length).toBeGreaterThan(4);
    for (const name of named) expect(alerts).toContain(name.slice(1, -1));
  });

  it('have every alert named on the page', () => {
    const page = renderMetricsPage();
    for (const name of alerts) expect(page).toContain(`\`${name}\``);
  });
});
