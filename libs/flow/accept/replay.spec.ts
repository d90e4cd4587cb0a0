import { expect, it } from 'vitest';
import { MemoryWorld } from '#kit/world/memory-world.js';
import type { PeerHandlers } from '../ports/peer-handlers.js';
import { PeerUnavailable } from '../ports/peers.js';

const wait = { maxWaitMillis: 5_000 };

it('what waited for a dependency is parked when its type has been refused on the link meanwhile', async () => {
  const hashesOfEu = new Map([['likes', 'one']]);
  const others = new Map([['likes', 'one']]);
  const policyHashes = new Map([
    ['eu', hashesOfEu],
    ['us', others],
    ['ap', others],
  ]);
  const world = await MemoryWorld.started({ regions: ['eu', 'us', 'ap'], shards: 4, policyHashes });
  await world.clock.advance(1_000);
  const ids = Array.from({ length: 20 }, (_, count) => `x${count}`);
  const elsewhere = ids.find((id) => world.shardOf('likes', id) !== world.shardOf('likes', 'x0'))!;
  world.links.isolate('ap', ['us']);
  const cause = await world.run(world.region('ap').submit(world.add('likes', 'x0', 1), wait));
  const handlers = world.region('eu').handlers as { fetch: PeerHandlers['fetch'] };
  const fetch = handlers.fetch;
  handlers.fetch = (range) =>
    range.shard === cause.shard ? Promise.reject(new PeerUnavailable('not now')) : fetch(range);
  const effect = {
    ...world.add('likes', elsewhere, 1),
    consistency: 'causal' as const,
    session: cause.session,
  };
  await world.run(world.region('eu').submit(effect, wait));
  await world.clock.until(() => world.storedOf('us', 'eu', 'likes', elsewhere) === 1, 'us stores the effect');
  hashesOfEu.set('likes', 'two');
  await world.clock.advance(2_000);
  handlers.fetch = fetch;
  await world.clock.until(
    () => world.storedOf('us', 'ap', 'likes', 'x0') === 1,
    'us stores the cause',
    20_000,
  );
  await world.clock.advance(5_000);
  const rows = [...world.databases.get('us')!.shard(world.shardOf('likes', elsewhere)).waiting.values()];
  expect(rows).toMatchObject([{ state: 'parked', reason: 'policy_mismatch' }]);
});
