import { expect, it } from 'vitest';
import { PeerUnavailable, type RightsRequest } from '#flow/ports/peers.js';
import type { Bench } from './peers-bench.js';

const never = new Promise<never>(() => undefined);

/** What the peers contract says about asking for rights. */
export function asksForRights(bench: Bench): void {
  const wanted: RightsRequest = {
    entity: { type: 'stock', id: 'a/b' },
    field: 'units',
    side: 'increment',
    to: 'eu~1',
    need: 3,
    want: Number.MAX_SAFE_INTEGER,
    mutationId: 'us.01900000-0000-7000-8000-000000000001',
  };

  it('brings a request for rights to the region that is asked, and the event that grants it back', async () => {
    const asked: RightsRequest[] = [];
    const eu = await bench.join('eu', 0);
    await bench.join('us', 0, {
      grantRights(request) {
        asked.push(request);
        return Promise.resolve({ kind: 'granted', dot: { actor: 'us~1', seq: 7 } });
      },
    });
    const answer = await bench.lab.run(eu.peers.askRights('us', wanted));
    expect(answer).toEqual({ kind: 'granted', dot: { actor: 'us~1', seq: 7 } });
    expect(asked).toEqual([wanted]);
  });

  it('says why rights are not granted', async () => {
    const eu = await bench.join('eu', 0);
    const answer = { kind: 'refused', reason: 'insufficient_rights' } as const;
    await bench.join('us', 0, { grantRights: () => Promise.resolve(answer) });
    expect(await bench.lab.run(eu.peers.askRights('us', wanted))).toEqual(answer);
  });

  it('says that nobody knows when a request for rights gets no answer', async () => {
    const eu = await bench.join('eu', 0);
    expect(await bench.failureOf(eu.peers.askRights('us', wanted))).toBeInstanceOf(PeerUnavailable);
    await bench.join('us', 0, { grantRights: () => never });
    expect(await bench.failureOf(eu.peers.askRights('us', wanted))).toBeInstanceOf(PeerUnavailable);
  });
}
