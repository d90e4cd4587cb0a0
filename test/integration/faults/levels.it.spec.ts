import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { handOver, readTopology } from '#client/admin.js';
import { incompleteWrite, RequestRefused } from '#client/errors.js';
import { followRedirects } from '#client/follow-redirects.js';
import { newMutationId } from '#client/mutation-id.js';
import type { CallOptions, RegionClient, WriteOptions } from '#client/region-client.js';
import { untilAnswered } from '#client/until-answered.js';
import type { EntityRef } from '#client/wire.js';
import { cutBetween, healAll } from '#cli/dev/links.js';
import { loadDelayMatrix } from '#io/devstack/delay-matrix.js';
import { targetMillis } from '../../histories/latency/latency-report.js';
import { measureLatency } from '../../histories/latency/measure-latency.js';
import { typesModule } from '../../histories/types-module.js';
import type {} from '../global-setup.js';
import { openFaultLab, type FaultLab } from './fault-lab.js';
import { until } from '../until.js';
import { lateness } from './lateness.js';

const minute = 60_000;
const regions = ['us', 'eu', 'ap'] as const;
const home = 'us';
/** Of each operation, in the home's region and in another one, and rounds before them: a process just started is slow. */
const measured = { samples: 20, warmUps: 5, home, regions: [home, 'eu'], onlyRemote: true };
/** How much later than its maximum wait a level may be refused. */
const lateMillisMax = 50;
/** One try each, in milliseconds. All end long before a stopped owner's shards are taken over. */
const refusedAfterMillis = [100, 300, 500, 700];

let lab: FaultLab;
beforeAll(async () => {
  const config = typesModule({ types: 'latency' });
  lab = await openFaultLab(inject('devStack'), { regions, latency: 'global', processes: { us: 2 }, config });
  await until(() => allFresh());
}, 2 * minute);
afterAll(() => lab?.close());
beforeEach(async () => {
  await healAll(lab.stack);
  await until(() => allFresh());
}, 2 * minute);

async function allFresh(): Promise<boolean> {
  const reads = regions.flatMap((region) =>
    lab.clientsOf(region).map(async (client) => (await client.read(freshNote())).stalenessMs),
  );
  return (await Promise.all(reads)).every((millis) => millis !== null && millis < 1_500);
}

let notes = 0;
const freshNote = (): EntityRef => ({ type: 'note', id: `levels.${process.pid}.${++notes}` });
const freshAccount = (): EntityRef => ({ ...freshNote(), type: 'account' });
const written = { text: 'written' };

function write(client: RegionClient, entity: EntityRef, options: Partial<WriteOptions> = {}) {
  const operations = [{ field: 'text', op: 'set', value: written.text }];
  const mutationId = newMutationId(client.region);
  return client.change(entity, { operations }, { mutationId, ...options });
}

const writeIn = (region: string, entity: EntityRef, options: Partial<WriteOptions> = {}) =>
  write(lab.client(region), entity, options);

async function refusal(work: Promise<unknown>): Promise<RequestRefused> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof RequestRefused) return error;
  throw error instanceof Error ? error : new Error('it was not refused');
}

const shardOf = (dot: string): number => Number(dot.split(':')[1]);

/** An entity that a process of the home's region owns, by its number from 0. */
async function entityOf(index: number): Promise<EntityRef> {
  const { owned } = await readTopology(lab.clientsOf(home)[index]!);
  for (;;) {
    const entity = freshNote();
    if (owned.includes(shardOf((await writeIn(home, entity)).dot))) return entity;
  }
}

/** Refused with one of these codes each time, and never later than allowed: the worst of the tries counts. */
async function expectRefusals(
  name: string,
  codes: readonly string[],
  ask: (options: { readonly maxWaitMillis: number }) => Promise<unknown>,
): Promise<void> {
  const late: number[] = [];
  for (const maxWaitMillis of refusedAfterMillis) {
    const { value: error, lateMillis } = await lateness(maxWaitMillis, () => refusal(ask({ maxWaitMillis })));
    expect(codes, `${name}: ${error.message}`).toContain(error.code);
    late.push(lateMillis);
  }
  process.stdout.write(
    `${name}: refused ${late.map((one) => one.toFixed(0)).join(', ')} ms after its wait\n`,
  );
  expect(Math.max(...late), name).toBeLessThan(lateMillisMax);
}

describe('levels on real regions with real delays', () => {
  it(
    'cost the round trips they need and little more, at home and elsewhere: no confirmation waits for a heartbeat',
    async () => {
      const rows = await measureLatency({ lab, matrix: loadDelayMatrix('global'), ...measured });
      const told = rows.map((row) => {
        const { p50, max } = row.millis;
        const figures = `p50 ${p50.toFixed(1)}, at most ${max.toFixed(1)} ms, allowed ${targetMillis(row).toFixed(1)} ms`;
        return `${row.operation} in ${row.region}: ${figures}`;
      });
      process.stdout.write(`${told.join('\n')}\n`);
      expect(rows.length).toBe(2 * 6);
      for (const row of rows)
        expect(row.millis.p50, `${row.operation} in ${row.region}`).toBeLessThanOrEqual(targetMillis(row));
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
        const entity = freshNote();
        const { confirmed } = await writeIn('us', entity, { acks });
        expect(confirmed.length).toBeGreaterThanOrEqual(count);
        for (const region of confirmed)
          expect((await lab.client(region).read(entity)).value).toMatchObject(written);
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
        const entity = freshNote();
        await writeIn('eu', entity, { acks: 'majority' });
        for (const client of lab.clientsOf('us'))
          expect((await client.read(entity, { consistency: 'quorum' })).value).toMatchObject(written);
      }
    },
    2 * minute,
  );

  it(
    'say what is known of a write whose acks did not come, and where a read that is too stale here is not',
    async () => {
      await cutBetween(lab.stack, 'us', 'ap');
      const entity = freshNote();
      const options = { mutationId: newMutationId('us'), acks: 'all', maxWaitMillis: 1_000 };
      const error = await refusal(writeIn('us', entity, options));
      expect(incompleteWrite(error)).toMatchObject({ confirmed: ['eu'], unconfirmed: ['ap'] });
      const redirected = { consistency: 'bounded;max=1500ms;else=redirect', maxWaitMillis: 2_000 };
      const following = followRedirects(lab.client('us'), [lab.client('eu'), lab.client('ap')]);
      await until(async () => (await following.read(entity, redirected)).region === 'eu');
      await healAll(lab.stack);
      const again = await writeIn('us', entity, { ...options, maxWaitMillis: 20_000 });
      expect(again).toMatchObject({ replayed: true, confirmed: ['ap', 'eu'] });
    },
    2 * minute,
  );

  it(
    'are refused within 50 ms of their maximum wait where they cannot be kept, by whoever is asked',
    async () => {
      const [us, other] = lab.clientsOf(home);
      const ap = lab.client('ap');
      const [account, ofOther] = [freshAccount(), await entityOf(1)];
      const { dot } = await write(us!, account, { maxWaitMillis: 20_000 });
      await untilAnswered(() => handOver(us!, { shard: shardOf(dot), to: home, force: false }));
      await write(ap, account, { maxWaitMillis: 20_000 });
      await cutBetween(lab.stack, 'us', 'ap');
      await cutBetween(lab.stack, 'eu', 'ap');
      const { session } = await writeIn('eu', freshNote());
      const read = (consistency: string) => (options: CallOptions) =>
        ap.read(freshNote(), { consistency, ...options });
      const acks = (wanted: string) => (options: CallOptions) =>
        write(ap, freshNote(), { acks: wanted, ...options });
      await Promise.all([
        expectRefusals('quorum', ['no_quorum'], read('quorum')),
        expectRefusals('bounded', ['too_stale'], read('bounded;max=90ms')),
        expectRefusals('session', ['not_covered_yet'], (o) => ap.read(freshNote(), { session, ...o })),
        expectRefusals('causal', ['not_covered_yet'], (o) => read('causal')({ session, ...o })),
        expectRefusals('session, write', ['not_covered_yet'], (o) =>
          write(ap, freshNote(), { session, ...o }),
        ),
        expectRefusals('acks=1', ['acks_incomplete'], acks('1')),
        expectRefusals('acks=majority', ['acks_incomplete'], acks('majority')),
        expectRefusals('acks=all', ['acks_incomplete'], (o) =>
          write(other!, freshNote(), { acks: 'all', ...o }),
        ),
        expectRefusals('strong', ['not_home'], (o) => ap.read(account, { consistency: 'strong', ...o })),
        expectRefusals('strong, write', ['not_home', 'deadline_exceeded'], (o) => write(ap, account, o)),
      ]);
      await cutBetween(lab.stack, 'us', 'eu');
      const alone = ['no_majority', 'not_home', 'deadline_exceeded', 'not_covered_yet'];
      await Promise.all([
        expectRefusals('strong, at home', alone, (o) => us!.read(account, { consistency: 'strong', ...o })),
        expectRefusals('strong, write at home', alone, (o) => write(us!, account, o)),
      ]);
      lab.service(home, 1).signal('SIGSTOP');
      try {
        const stopped = ['owner_moved', 'unavailable', 'deadline_exceeded'];
        await expectRefusals('write, its owner stopped', stopped, (o) => write(us!, ofOther, o));
      } finally {
        lab.service(home, 1).signal('SIGCONT');
      }
    },
    2 * minute,
  );

  it(
    'tell a staleness that is never below the truth, keep a bound by fetching, and refuse what cannot be kept',
    async () => {
      const entity = freshNote();
      await cutBetween(lab.stack, 'eu', 'us', true);
      await cutBetween(lab.stack, 'eu', 'ap', true);
      const writtenAt = performance.now();
      await writeIn('eu', entity);
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
      expect((await refusal(lab.client('us').read(entity, bounded))).code).toBe('too_stale');
      await healAll(lab.stack);
      const healed = { consistency: 'bounded;max=2000ms', maxWaitMillis: 20_000 };
      const read = await lab.client('us').read(entity, healed);
      expect(read.value).toMatchObject(written);
      expect(read.stalenessMs).toBeLessThanOrEqual(2_000);
    },
    2 * minute,
  );
});
