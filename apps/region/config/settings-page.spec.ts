import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { keys } from './settings.js';
import { renderSettingsPage } from './settings-page.js';

describe('the settings', () => {
  it('are what the reference page says, word for word', async () => {
    await expect(renderSettingsPage()).toMatchFileSnapshot('../../../docs/reference/settings.md');
  });

  it('hold for the regions of docker-compose.yml: it uses no key that nobody knows', () => {
    const compose = readFileSync(new URL('../../../docker-compose.yml', import.meta.url), 'utf8');
    const known: readonly string[] = Object.values(keys).map(({ env }) => env);
    const used = new Set([...compose.matchAll(/^\s+(ATOLL_\w+):/gm)].map((match) => match[1] ?? ''));
    expect([...used].filter((name) => !known.includes(name))).toEqual([]);
  });
});
