import { describe, expect, it } from 'vitest';
import type { PeersLab } from '../contracts/peers-bench.js';
import { peersContract } from '../contracts/peers.contract.js';
import { FixedLinks } from './links.js';
import { ManualClock } from './manual-clock.js';
import { MemoryNetwork } from './memory-peers.js';

interface MemoryPeersLab extends PeersLab {
  readonly clock: ManualClock;
  readonly links: FixedLinks;
}

function openLab(): MemoryPeersLab {
  const clock = new ManualClock();
  const links = new FixedLinks(20);
  const network = new MemoryNetwork({ regions: ['us', 'eu', 'ap'], clock, links });
  const address = (region: string, place: number): string => `${region}-${place}`;
  return {
    clock,
    links,
    callMillisMax: 3000,
    address,
    join(region, place, handlers) {
      const peers = network.join({ region, address: address(region, place), handlers });
      return Promise.resolve({ peers, crash: () => Promise.resolve(peers.crash()) });
    },
    async run(work) {
      let settled = false;
      const mark = (): void => void (settled = true);
      work.then(mark, mark);
      await clock.until(() => settled, 'the work is done');
      return work;
    },
    async until(condition, what, meanwhile) {
      for (let round = 0; round < 1000 && !condition(); round += 1) {
        meanwhile?.();
        await clock.advance(10);
      }
      expect(condition(), what).toBe(true);
    },
    elapsedMillis: () => clock.monotonicMillis(),
    close: () => Promise.resolve(),
  };
}

peersContract('in memory', () => Promise.resolve(openLab()));

describe('a network in memory', () => {
  const silent = {
    fetch: () => Promise.resolve([]),
    cursors: () => Promise.reject(new Error('not expected to be asked')),
    grantRights: () => Promise.resolve({ kind: 'refused' as const, reason: 'insufficient_rights' as const }),
    forward: () => Promise.resolve(new Uint8Array()),
    asked: () => Promise.resolve(new Uint8Array()),
    relayed: () => undefined,
  };
  const request = { shard: 0, actor: 'us~1', from: 1, limit: 1, bytesMax: 1 };

  it('takes the way there and the way back over links that may differ', async () => {
    const lab = openLab();
    const eu = await lab.join('eu', 0, silent);
    await lab.join('us', 0, silent);
    lab.links.delay('us', 'eu', 300);
    await lab.run(eu.peers.fetch('us', request));
    expect(lab.elapsedMillis()).toBe(320);
  });

  it('lets a call time out when only the way back is cut, though it was carried out', async () => {
    const lab = openLab();
    let asked = 0;
    const eu = await lab.join('eu', 0, silent);
    await lab.join('us', 0, { ...silent, fetch: () => Promise.resolve((asked++, [])) });
    lab.links.cut('us', 'eu');
    await expect(lab.run(eu.peers.fetch('us', request))).rejects.toThrow('no answer in time');
    expect(asked).toBe(1);
  });

  it('never answers a process that crashed meanwhile', async () => {
    const lab = openLab();
    const eu = await lab.join('eu', 0, silent);
    await lab.join('us', 0, silent);
    let settled = false;
    const mark = (): void => void (settled = true);
    eu.peers.fetch('us', request).then(mark, mark);
    await eu.crash();
    await lab.clock.advance(60_000);
    expect(settled).toBe(false);
  });
});
