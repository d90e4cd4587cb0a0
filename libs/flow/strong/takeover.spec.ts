import { expect, it } from 'vitest';
import { MemoryWorld } from '#kit/world/memory-world.js';
import { strongType } from '#kit/world/strong-type.js';
import type { Command } from '../service.js';

const types = new Map([['payment', strongType('payment')]]);
const wait = { maxWaitMillis: 10_000 };

function set(id: string, value: string): Command {
  const operations = [{ field: 'state', op: 'set', value }];
  return { entity: { type: 'payment', id }, kind: 'update', operations };
}

interface Acknowledged {
  readonly world: MemoryWorld;
  /** The shard changes hands within its home region. */
  readonly changeHands: () => void;
  readonly read: () => Promise<unknown>;
}

/**
 * A strong write is acknowledged because eu stores it, while ap stores nothing and the home has not folded it: both databases take
 * their time.
 */
async function acknowledged(euDelayMillis: number): Promise<Acknowledged> {
  const world = await MemoryWorld.started({ regions: ['us', 'eu', 'ap'], types, shards: 1 });
  const us = world.region('us');
  world.links.delay('us', 'eu', euDelayMillis);
  world.links.delay('eu', 'us', euDelayMillis);
  await world.run(us.submit(set('p1', 'first'), wait));
  await world.run(us.handover(0, 'us', false));
  await world.converged();
  world.holdReads('ap');
  const writing = us.submit(set('p2', 'acknowledged'), wait);
  const table = world.databases.get('us')!.shard(0);
  await world.clock.until(() => table.waiting.size === 1, 'it is minted', 1_000);
  const release = world.holdReads('us');
  await world.run(writing);
  const changeHands = (): void => {
    expect(table.waiting.size).toBe(1);
    table.ownerEpoch += 1;
    table.owner = '';
    table.leaseUntilMillis = -Infinity;
    release();
  };
  const options = { level: { kind: 'strong' }, maxWaitMillis: 5_000 } as const;
  const read = async (): Promise<unknown> => {
    const reading = us.read({ type: 'payment', id: 'p2' }, options);
    return world.run(
      reading.then(
        ({ value }) => value?.['state'],
        (error: unknown) => (error as { code?: string }).code,
      ),
    );
  };
  return { world, changeHands, read };
}

it('a new owner in the home region that cannot know what was acknowledged before shows nothing older', async () => {
  const { world, changeHands, read } = await acknowledged(20);
  world.links.isolate('eu', ['us', 'ap']);
  changeHands();
  expect(['acknowledged', 'not_covered_yet', 'no_majority']).toContain(await read());
});

it.each(Array.from({ length: 14 }, (_, step) => step * 20))(
  'a strong read sees what was acknowledged, although the shard changed hands %i ms after it',
  async (laterMillis) => {
    const { world, changeHands, read } = await acknowledged(100);
    await world.clock.advance(laterMillis);
    changeHands();
    expect(['acknowledged', 'not_covered_yet']).toContain(await read());
  },
);
