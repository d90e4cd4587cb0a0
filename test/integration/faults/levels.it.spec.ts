import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { incompleteWrite, RequestRefused } from '#client/errors.js';
import { newMutationId } from '#client/mutation-id.js';
import type { CallOptions, WriteOptions } from '#client/region-client.js';
import type { EntityRef } from '#client/wire.js';
import { cutBetween, healAll } from '#cli/dev/links.js';
import { delayBetween, loadDelayMatrix } from '#io/devstack/delay-matrix.js';
import type {} from '../global-setup.js';
import { openFaultLab, until, type FaultLab } from './fault-lab.js';

const minute = 60_000;
const regions = ['us', 'eu', 'ap'] as const;
const samples = 40;

let lab: FaultLab;
beforeAll(async () => {
  lab = await openFaultLab(inject('devStack'), { regions, latency: 'global', processes: { us: 2 } });
  await until(() => allFresh());
}, 2 * minute);
afterAll(() => lab?.close());
beforeEach(async () => {
  await healAll(lab.stack);
  await until(() => allFresh());
}, 2 * minute);

async function allFresh(): Promise<boolean> {
  const reads = regions.flatMap((region) =>
    lab.clientsOf(region).map(async (client) => (await client.read(freshPost())).stalenessMs),
  );
  return (await Promise.all(reads)).every((millis) => millis !== null && millis < 1_500);
}

let posts = 0;
const freshPost = (): EntityRef => ({ type: 'post', id: `levels.${process.pid}.${++posts}` });

function like(region: string, entity: EntityRef, options: Partial<WriteOptions> = {}) {
  const operations = [{ field: 'likes', op: 'increment', by: 1 }];
  return lab.client(region).change(entity, { operations }, { mutationId: newMutationId(region), ...options });
}

async function refusal(work: Promise<unknown>): Promise<RequestRefused> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof RequestRefused) return error;
  throw error instanceof Error ? error : new Error('it was not refused');
}

async function timed<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly millis: number }> {
  const from = performance.now();
  const value = await work();
  return { value, millis: performance.now() - from };
}

/** One after another. */
async function medianOf(work: (sample: number) => Promise<unknown>): Promise<number> {
  const millis: number[] = [];
  for (let sample = 0; sample < samples; sample += 1) millis.push((await timed(() => work(sample))).millis);
  return millis.toSorted((a, b) => a - b)[samples >> 1] ?? Infinity;
}

/** There and back, with half of the jitter both ways, in milliseconds. */
function roundTrip(a: string, b: string): number {
  const { oneWayMillis, jitterMillis } = delayBetween(loadDelayMatrix('global'), a, b);
  return 2 * oneWayMillis + jitterMillis;
}

/** What the table of levels allows, and what a write to the own region costs on this machine just now. */
const allowed = (roundTripMillis: number, localMillis: number): number =>
  1.3 * roundTripMillis + 15 + 2 * localMillis;

describe('levels on real regions with real delays', () => {
  it(
    'cost the round trips they need and little more: no confirmation waits for a heartbeat',
    async () => {
      const near = roundTrip('us', 'eu');
      const far = roundTrip('us', 'ap');
      const entity = freshPost();
      const local = await medianOf(() => like('us', entity));
      const quorum: CallOptions = { consistency: 'quorum' };
      const costs = {
        'acks=1': [await medianOf(() => like('us', entity, { acks: '1' })), near],
        'acks=majority': [await medianOf(() => like('us', entity, { acks: 'majority' })), near],
        'acks=all': [await medianOf(() => like('us', entity, { acks: 'all' })), far],
        quorum: [await medianOf(() => lab.client('us').read(entity, quorum)), near],
      } as const;
      process.stdout.write(`local ${local.toFixed(1)} ms, ${JSON.stringify(costs)}\n`);
      for (const [level, [millis, link]] of Object.entries(costs))
        expect(millis, level).toBeLessThanOrEqual(allowed(link, local));
    },
    2 * minute,
  );

  it(
    'name the regions that store a write, and these do',
    async () => {
      for (const [acks, count] of [
        ['1', 1],
        ['majority', 1],
        ['all', 2],
      ] as const) {
        const entity = freshPost();
        const { confirmed } = await like('us', entity, { acks });
        expect(confirmed.length).toBeGreaterThanOrEqual(count);
        for (const region of confirmed)
          expect((await lab.client(region).read(entity)).value).toMatchObject({ likes: 1 });
      }
    },
    2 * minute,
  );

  it(
    'read in any region what a majority acknowledged, at either process, with one region cut off',
    async () => {
      await cutBetween(lab.stack, 'us', 'ap');
      await cutBetween(lab.stack, 'eu', 'ap');
      for (let round = 0; round < 10; round += 1) {
        const entity = freshPost();
        await like('eu', entity, { acks: 'majority' });
        for (const client of lab.clientsOf('us'))
          expect((await client.read(entity, { consistency: 'quorum' })).value).toMatchObject({ likes: 1 });
      }
      const maxWaitMillis = 1_000;
      const { value: error, millis } = await timed(() =>
        refusal(lab.client('ap').read(freshPost(), { consistency: 'quorum', maxWaitMillis })),
      );
      expect(error.code).toBe('no_quorum');
      expect(millis).toBeLessThan(maxWaitMillis + 150);
    },
    2 * minute,
  );

  it(
    'say in time what is known of a write whose acks did not come',
    async () => {
      await cutBetween(lab.stack, 'us', 'ap');
      const entity = freshPost();
      const options = { mutationId: newMutationId('us'), acks: 'all', maxWaitMillis: 1_000 };
      const { value: error, millis } = await timed(() => refusal(like('us', entity, options)));
      expect(incompleteWrite(error)).toMatchObject({ confirmed: ['eu'], unconfirmed: ['ap'] });
      expect(millis).toBeLessThan(options.maxWaitMillis + 150);
      await healAll(lab.stack);
      const again = await like('us', entity, { ...options, maxWaitMillis: 20_000 });
      expect(again).toMatchObject({ replayed: true, confirmed: ['ap', 'eu'] });
    },
    2 * minute,
  );

  it(
    'tell a staleness that is never below the truth, keep a bound by fetching, and refuse what cannot be kept',
    async () => {
      const entity = freshPost();
      await cutBetween(lab.stack, 'eu', 'us', true);
      await cutBetween(lab.stack, 'eu', 'ap', true);
      const writtenAt = performance.now();
      await like('eu', entity);
      for (let round = 0; round < 20; round += 1) {
        for (const region of ['us', 'ap']) {
          const from = performance.now();
          const { value, stalenessMs } = await lab.client(region).read(entity);
          if (value === null) expect(stalenessMs).toBeGreaterThanOrEqual(from - writtenAt);
        }
      }
      await until(() => performance.now() - writtenAt > 2_500);
      const refused = await refusal(
        lab.client('us').read(entity, { consistency: 'bounded;max=2000ms;else=refuse' }),
      );
      expect(refused.code).toBe('too_stale');
      const bounded = { consistency: 'bounded;max=2000ms', maxWaitMillis: 500 };
      const { value: late, millis } = await timed(() => refusal(lab.client('us').read(entity, bounded)));
      expect(late.code).toBe('too_stale');
      expect(millis).toBeLessThan(bounded.maxWaitMillis + 150);
      await healAll(lab.stack);
      const healed = { consistency: 'bounded;max=2000ms', maxWaitMillis: 20_000 };
      const read = await lab.client('us').read(entity, healed);
      expect(read.value).toMatchObject({ likes: 1 });
      expect(read.stalenessMs).toBeLessThanOrEqual(2_000);
    },
    2 * minute,
  );
});
