import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { newMutationId } from '#client/mutation-id.js';
import type { EntityRef } from '#client/wire.js';
import { cutBetween, healBetween } from '#cli/dev/links.js';
import { awaitConvergence } from '#cli/tour/convergence.js';
import type {} from '../global-setup.js';
import { openFaultLab, type FaultLab } from './fault-lab.js';
import { until } from '../until.js';
import { convergeAndJudge, startSteadyLoad, type Judged } from './steady-load.js';
import { forgetPositions, partitionFile, repeatTopic } from './topic-tools.js';

const minute = 60_000;
const regions = ['us', 'eu', 'ap'];
const nothingLost = { lostWrites: 0, doubleApplied: 0, phantoms: 0, differences: 0, findings: [] };

let lab: FaultLab;

beforeAll(async () => {
  lab = await openFaultLab(inject('devStack'), { regions, latency: 'none' });
}, 2 * minute);
afterAll(() => lab?.close());

/** Runs a steady load while something is done to the carriers, and judges what became of it. */
async function underLoad(work: (done: () => number) => Promise<void>): Promise<Judged> {
  const load = await startSteadyLoad(lab, { perSecond: 220, clientsPerRegion: 6 });
  try {
    await until(() => load.done() > 300);
    await work(load.done);
    const after = load.done();
    await until(() => load.done() > after + 200);
  } finally {
    // Nor does it go on beside the next test's, whose journal knows nothing of it.
    await load.stop();
  }
  return convergeAndJudge(lab, load);
}

/** Waits for a minute at most, and says how all regions are where it waited in vain. */
async function arrives(condition: () => Promise<boolean>): Promise<void> {
  await until(condition, { millisMax: minute, diagnosis: () => lab.diagnosis() });
}

const likes = (name: string): EntityRef => ({ type: 'post', id: `${name}.${Date.now()}` });

function like(region: string, entity: EntityRef, mutationId = newMutationId(region)) {
  const operations = [{ field: 'likes', op: 'increment', by: 1 }];
  return lab.client(region).change(entity, { operations }, { mutationId });
}

async function likesIn(region: string, entity: EntityRef): Promise<number> {
  return Number((await lab.client(region).read(entity)).value?.['likes'] ?? 0);
}

describe('what Kafka may do', () => {
  it(
    'a topic that is redelivered from its start changes nothing',
    async () => {
      const verdict = await underLoad(async () => {
        await arrives(async () => (await lab.counter('eu', 'events_applied_total')) > 100);
        const applied = await lab.counter('eu', 'events_applied_total');
        await lab.killService('eu');
        await forgetPositions(lab, 'eu');
        await lab.startService('eu');
        // All that it had comes once more, however much that was.
        await arrives(async () => (await lab.counter('eu', 'duplicates_dropped_total')) >= applied);
      });
      expect(verdict).toMatchObject(nothingLost);
    },
    2 * minute,
  );

  it(
    'every record three times changes nothing',
    async () => {
      const verdict = await underLoad(async () => {
        for (const cluster of regions) {
          for (const origin of regions.filter((other) => other !== cluster)) {
            expect(await repeatTopic(lab, { cluster, origin, times: 2 })).toBeGreaterThan(100);
          }
        }
      });
      expect(verdict).toMatchObject(nothingLost);
      for (const region of regions) {
        expect(await lab.counter(region, 'duplicates_dropped_total')).toBeGreaterThan(300);
      }
    },
    2 * minute,
  );

  it(
    "a record lost from a topic's tail is fetched from whoever has it",
    async () => {
      const entity = likes('tail');
      const { dot } = await like('us', entity);
      await until(async () => (await likesIn('eu', entity)) === 1);
      await lab.killService('eu');

      const file = partitionFile(lab, { region: 'eu', origin: 'us', shard: Number(dot.split(':')[1]) });
      const before = file.bytes();
      for (let count = 0; count < 5; count += 1) await like('us', entity);
      await until(() => file.bytes() > before);
      await awaitConvergence([lab.client('us'), lab.client('ap')], minute);
      await lab.stack.kill('eu', 'kafka');
      file.truncate(before);
      await lab.stack.start('eu', 'kafka');

      await lab.startService('eu');
      await until(async () => (await likesIn('eu', entity)) === 6);
      expect(await lab.counter('eu', 'events_fetched_total')).toBeGreaterThan(0);
      // New records take the offsets of those that were lost.
      await like('us', entity);
      await until(async () => (await likesIn('eu', entity)) === 7);
    },
    2 * minute,
  );
});

describe('what links may do', () => {
  it(
    'a link that is cut one way loses and doubles nothing',
    async () => {
      const verdict = await underLoad(async (done) => {
        await cutBetween(lab.stack, 'us', 'eu', true);
        const whenCut = done();
        await until(() => done() > whenCut + 800);
        await healBetween(lab.stack, 'us', 'eu');
      });
      expect(verdict).toMatchObject(nothingLost);
    },
    2 * minute,
  );

  it(
    'a command that is retried in another region during a cut counts once everywhere',
    async () => {
      const entity = likes('retried');
      for (const other of ['eu', 'ap']) await cutBetween(lab.stack, 'us', other);
      const mutationId = newMutationId('us');
      const first = await like('us', entity, mutationId);
      const second = await like('eu', entity, mutationId);
      expect(second.dot).not.toBe(first.dot);
      for (const other of ['eu', 'ap']) await healBetween(lab.stack, 'us', other);
      await awaitConvergence(lab.clients, minute);
      for (const region of regions) {
        expect(await likesIn(region, entity)).toBe(1);
        const { entries } = await lab.client(region).history(entity, { limit: 10, offset: 0 });
        expect(entries.map(({ merged }) => merged).toSorted()).toEqual(['alias', 'folded']);
      }
    },
    minute,
  );

  it(
    'what a region published to one peer only, before it was killed, that peer passes on',
    async () => {
      const entity = likes('passed-on');
      await awaitConvergence(lab.clients, minute);
      await cutBetween(lab.stack, 'us', 'ap');
      await cutBetween(lab.stack, 'eu', 'ap');
      const { dot } = await like('us', entity);
      await until(async () => (await likesIn('eu', entity)) === 1);
      expect(await likesIn('ap', entity)).toBe(0);

      await lab.killService('us');
      await Promise.all([lab.stack.kill('us', 'postgres'), lab.stack.kill('us', 'kafka')]);
      await healBetween(lab.stack, 'eu', 'ap');
      await until(async () => (await likesIn('ap', entity)) === 1);
      const { entries } = await lab.client('ap').history(entity, { limit: 10, offset: 0 });
      expect(entries.map((entry) => entry.dot)).toEqual([dot]);

      await Promise.all([lab.stack.start('us', 'postgres'), lab.stack.start('us', 'kafka')]);
      await lab.startService('us');
      await healBetween(lab.stack, 'us', 'ap');
      await awaitConvergence(lab.clients, minute);
    },
    2 * minute,
  );
});
