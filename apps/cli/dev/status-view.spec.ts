import { describe, expect, it } from 'vitest';
import type { LinkInfo, Topology } from '#client/admin.js';
import type { Conflict } from '#client/wire.js';
import { renderStatus, type StatusView } from './status-view.js';

const topology: Topology = {
  ...{ region: 'us', actor: 'us~1', process: 'us-1', members: ['us', 'eu'], shards: 16, owned: [0, 1] },
  ...{ ready: true, isolated: false, pending: 3, parked: 0 },
  clock: { isTrusted: true, disagreements: [] },
};
const link: LinkInfo = {
  ...{ region: 'eu', lastHeartbeatMillisAgo: 41.6, behindHere: 7, behindThere: 0 },
  ...{ publishBacklog: 0, refusedTypes: [] },
};
const conflict: Conflict = {
  ...{ id: 'c1', type: 'cart', entityId: '<b>42</b>', field: 'coupon', policy: 'last-writer-wins' },
  ...{ low: { dot: 'us~1:0:1', change: 'SPRING' }, high: { dot: 'eu~1:0:1', change: '"><script>' } },
  ...{ resolvedBy: null, detectedMillis: 0 },
};
const view: StatusView = {
  processes: [
    {
      ...{ name: 'us-1', httpUrl: 'http://127.0.0.1:7410', grpcAddress: '127.0.0.1:7420' },
      ...{ postgresUrl: 'postgres://atoll@127.0.0.1:7440/atoll', kafkaBrokers: '127.0.0.1:7450' },
    },
  ],
  regions: [
    { region: 'us', topology, links: [link] },
    { region: 'ap', topology: undefined, links: [] },
  ],
  cut: new Set(['eu->us']),
  conflicts: [conflict],
  at: new Date(0),
};

describe('the status page', () => {
  it('shows how each region and link is, and what somebody should look at', () => {
    const page = renderStatus(view);
    expect(page).toContain('<tr><td>us</td><td>ready</td><td>2 of 16</td><td>3</td><td>0</td></tr>');
    expect(page).toContain('<tr><td>ap</td><td class="bad">does not answer</td></tr>');
    expect(page).toContain('<td>eu</td><td>us</td><td class="bad">cut</td><td>7</td><td>42 ms ago</td>');
    expect(page).toContain('<a href="http://127.0.0.1:7410/docs">docs</a>');
  });

  it('shows what clients wrote as text', () => {
    const page = renderStatus(view);
    expect(page).toContain('<td>cart/&lt;b&gt;42&lt;/b&gt;</td>');
    expect(page).not.toContain('<script>');
  });

  it('says what is isolated, parked or was never heard of', () => {
    const bad = { ...topology, isolated: true, parked: 2 };
    const regions = [{ region: 'us', topology: bad, links: [{ ...link, lastHeartbeatMillisAgo: null }] }];
    const page = renderStatus({ ...view, regions, conflicts: [] });
    expect(page).toContain('<td class="bad">isolated from its Kafka</td>');
    expect(page).toContain('<td class="bad">2</td>');
    expect(page).toContain('<td class="bad">never</td>');
    expect(page).toContain('None yet');
  });
});
