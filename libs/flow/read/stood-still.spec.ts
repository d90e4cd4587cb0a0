import { expect, it } from 'vitest';
import { includes } from '#core/causality/version-vector.js';
import { shardOf } from '#core/event/shard-of.js';
import type { Command } from '#flow/service.js';
import { SeededRandom } from '#kit/world/seeded-random.js';
import { SimWorld } from '#kit/world/sim-world.js';

const wait = { maxWaitMillis: 5_000 };

async function worldWithTwoProcessesInEu() {
  const world = new SimWorld(['eu', 'us', 'ap'], new SeededRandom(1));
  await world.start();
  const after = async <T>(work: Promise<T>): Promise<T> => {
    let done = false;
    const settled = work.finally(() => (done = true));
    settled.catch(() => undefined);
    await world.step(() => done, 10_000);
    return settled;
  };
  const service = (id: string) => {
    const process = world.process(id);
    if (process === undefined) throw new Error(`there is no process ${id}`);
    return process;
  };
  return { world, after, service };
}

it('reads for a session not from what a process remembers that lost its shards while it stood still', async () => {
  const { world, after, service } = await worldWithTwoProcessesInEu();
  const sleeper = service('eu-a');
  const passes = (millis: number): Promise<boolean> => world.step(() => false, millis);
  await passes(1_000);
  const { owned } = await after(sleeper.service.status());
  const ids = Array.from({ length: 50 }, (_, at) => `e${at}`);
  const id = ids.find((one) => owned.includes(shardOf({ type: 'likes', id: one }, world.shards)));
  const entity = { type: 'likes', id: id ?? '' };
  const add: Command = { entity, kind: 'update', operations: [{ field: 'count', op: 'increment', by: 1 }] };
  const us = service('us-a').service;
  const first = await after(us.submit(add, wait));
  await after(sleeper.service.read(entity, { ...wait, session: first.session }));
  sleeper.life.pause();
  const second = await after(us.submit(add, wait));
  // Its sibling takes the shard over, folds the write, and it becomes stable: no token names it any more.
  await passes(4_000);
  const token = (await after(us.read(entity, { ...wait, session: second.session }))).session;
  expect(JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())).toMatchObject({
    cursors: {},
  });
  sleeper.life.resume();
  const read = await after(sleeper.service.read(entity, { ...wait, session: token }));
  expect(includes(read.seen, second.dot)).toBe(true);
});
