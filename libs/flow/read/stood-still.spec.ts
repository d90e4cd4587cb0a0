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

/** An entity in one of these shards, and a command on it. */
function likesIn(owned: readonly number[], shards: number) {
  const ids = Array.from({ length: 50 }, (_, at) => `e${at}`);
  const id = ids.find((one) => owned.includes(shardOf({ type: 'likes', id: one }, shards)));
  const entity = { type: 'likes', id: id ?? '' };
  const add: Command = { entity, kind: 'update', operations: [{ field: 'count', op: 'increment', by: 1 }] };
  return { entity, add };
}

it('reads for a session not from what a process remembers that lost its shards while it stood still', async () => {
  const { world, after, service } = await worldWithTwoProcessesInEu();
  const sleeper = service('eu-a');
  const passes = (millis: number): Promise<boolean> => world.step(() => false, millis);
  await passes(1_000);
  const { owned } = await after(sleeper.service.status());
  const { entity, add } = likesIn(owned, world.shards);
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

it('answers a command in time whose owner stands still', async () => {
  const { world, after, service } = await worldWithTwoProcessesInEu();
  const [sleeper, sibling] = [service('eu-a'), service('eu-b')];
  await world.step(() => false, 1_000);
  const { add } = likesIn((await after(sleeper.service.status())).owned, world.shards);
  sleeper.life.pause();
  const from = world.clock.monotonicMillis();
  const error: unknown = await after(
    sibling.service.submit(add, { maxWaitMillis: 500 }).catch((thrown: unknown) => thrown),
  );
  expect(error).toMatchObject({ code: 'deadline_exceeded', retryable: true });
  expect(world.clock.monotonicMillis() - from).toBeLessThanOrEqual(550);
});

it('calls a command refused only where no owner that did not answer can still store it', async () => {
  const { world, after, service } = await worldWithTwoProcessesInEu();
  const [sleeper, sibling] = [service('eu-a'), service('eu-b')];
  await world.step(() => false, 1_000);
  const { add } = likesIn((await after(sleeper.service.status())).owned, world.shards);
  const { seen } = await after(sibling.service.submit(add, wait));
  await after(sibling.service.submit(add, wait));
  const command = { ...add, ifMatch: seen, mutationId: world.mutationId('eu') };
  const answer = (): Promise<unknown> =>
    after(sibling.service.submit(command, wait).catch((thrown: unknown) => thrown));
  sleeper.life.pause();
  // The sibling takes the shard over and refuses what the sleeper has too: woken up, it may own the shard again.
  expect(await answer()).toMatchObject({ code: 'unavailable', retryable: true });
  expect(await answer()).toMatchObject({ code: 'precondition_failed', retryable: false });
});
