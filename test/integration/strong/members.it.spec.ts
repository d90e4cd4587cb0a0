import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { cutBetween, healBetween } from '#cli/dev/links.js';
import { projectRoot } from '#cli/dev/programs.js';
import { moveType, readMembers, type MembersChanged, type TypeMoved } from '#client/admin.js';
import { newMutationId } from '#client/mutation-id.js';
import { isLinearizable, type RegisterOperation } from '#kit/world/linearizable.js';
import { openFaultLab, type FaultLab } from '../faults/fault-lab.js';
import { until } from '../until.js';
import { movedType, VisitsUnderMoves } from './visits-under-moves.js';

const regions = ['us', 'eu', 'ap'];
const ids = Array.from({ length: 12 }, (_, number) => `m${number}`);
/** Per client, so that no history grows beyond what can be judged quickly. */
const pauseMillis = 60;

let lab: FaultLab;
beforeAll(async () => {
  const config = join(projectRoot(), 'dist', 'test', 'integration', 'strong', 'strong.config.js');
  lab = await openFaultLab(inject('devStack'), { regions, latency: 'none', config });
}, 120_000);
afterAll(() => lab?.close(), 60_000);

type Operation = RegisterOperation & { readonly id: string };

/** Clients that write in us and eu, and read in all regions, each one operation after the other. */
class Load {
  readonly history: Operation[] = [];
  /** Of acknowledged writes: the entity of each, in order. */
  readonly written: string[] = [];
  private stopped = false;
  private readonly clients: Promise<void>[] = [];

  begin(): void {
    for (const [client, region] of ['us', 'us', 'eu', 'eu'].entries())
      this.clients.push(this.each(client, (step, id) => this.write(region, id, `${client}.${step}`)));
    for (const [client, region] of regions.entries())
      this.clients.push(this.each(client, (_step, id) => this.read(region, id, 1_000)));
  }

  async end(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.clients);
  }

  async write(region: string, id: string, value: string): Promise<void> {
    const invoked = performance.now();
    const operations = [{ field: 'state', op: 'set', value }];
    const options = { mutationId: newMutationId(region), maxWaitMillis: 8_000 };
    const outcome = await lab
      .client(region)
      .change({ type: 'payment', id }, { operations }, options)
      .catch(() => undefined);
    const completed = outcome ? performance.now() : Infinity;
    this.history.push({ id, kind: 'write', value, invoked, completed });
    if (outcome) this.written.push(id);
  }

  async read(region: string, id: string, maxWaitMillis: number): Promise<boolean> {
    const invoked = performance.now();
    const read = await lab
      .client(region)
      .read({ type: 'payment', id }, { consistency: 'strong', maxWaitMillis })
      .catch(() => undefined);
    if (!read) return false;
    const value = (read.value?.['state'] ?? undefined) as string | undefined;
    this.history.push({ id, kind: 'read', value, invoked, completed: performance.now() });
    return true;
  }

  /** Waits until every entity has been written from now on. */
  async everyEntityIsWritten(): Promise<void> {
    const from = this.written.length;
    await until(() => new Set(this.written.slice(from)).size === ids.length);
  }

  private async each(client: number, work: (step: number, id: string) => Promise<unknown>): Promise<void> {
    for (let step = 0; !this.stopped; step += 1) {
      await work(step, ids[(step * 5 + client * 3) % ids.length]!);
      await pause(pauseMillis);
    }
  }
}

/** Waits until a region sees every shard served in a membership. */
async function settled(region: string, number: number): Promise<void> {
  await until(async () => {
    const { shards } = await readMembers(lab.client(region));
    return shards.length > 0 && shards.every(({ decided }) => decided.startsWith(`${number}.`));
  });
}

/** What `atoll …` says, asked of us. */
async function said<T>(args: readonly string[]): Promise<T> {
  const endpoint = `us=${lab.client('us').url}`;
  const program = [join(projectRoot(), 'scripts', 'run.mjs'), 'dist/apps/cli/main.js'];
  const command = [...program, '--output', 'json', ...args, '--endpoint', endpoint];
  const { stdout } = await promisify(execFile)(process.execPath, command, { cwd: projectRoot() });
  return JSON.parse(stdout) as T;
}

const changedBy = (args: readonly string[]): Promise<MembersChanged> => said(['region', ...args]);
const movedTo = (to: 'strong' | 'eventual', maxWaitMillis = 20_000, abort = false): Promise<TypeMoved> =>
  moveType(lab.client('us'), { type: movedType, to, abort, dryRun: false }, maxWaitMillis);

it('removes a member that is cut off, under load, and adds it back: linearizable, and nothing acknowledged is lost', async () => {
  const load = new Load();
  load.begin();
  await load.everyEntityIsWritten();

  for (const other of ['us', 'eu']) await cutBetween(lab.stack, 'ap', other);
  const remove = ['remove', 'ap', '--strong-member'];
  expect(await changedBy(remove)).toMatchObject({ applied: false, after: { number: 2 } });
  expect(await changedBy([...remove, '--apply'])).toMatchObject({
    applied: true,
    before: { number: 1 },
    after: { number: 2, members: [{ region: 'eu' }, { region: 'us' }] },
  });
  await settled('us', 2);
  await load.everyEntityIsWritten();
  const { former, shards } = await readMembers(lab.client('us'));
  expect(former).toEqual([{ region: 'ap', until: 1, retired: true }]);
  expect(shards.filter(({ home }) => home === 'ap')).toEqual([]);

  for (const other of ['us', 'eu']) await healBetween(lab.stack, 'ap', other);
  const added = await changedBy(['add', 'ap', '--strong-member', '--apply']);
  expect(added.after.members.map(({ region }) => region)).toEqual(['ap', 'eu', 'us']);
  await settled('ap', 3);
  await load.everyEntityIsWritten();
  await load.end();

  for (const id of ids)
    for (const region of regions)
      expect(await load.read(region, id, 10_000), `${id} in ${region}`).toBe(true);
  const unknown = load.history.filter(({ completed }) => completed === Infinity).length;
  process.stdout.write(
    `members changed under load: ${load.written.length} writes acknowledged, ${unknown} unknown, ${load.history.length} operations\n`,
  );
  for (const id of ids) expect(isLinearizable(load.history.filter((told) => told.id === id)), id).toBe(true);
}, 120_000);

it('moves a type to strong and back under load, and takes a move back: no strong read misses what was acknowledged', async () => {
  const load = new VisitsUnderMoves(regions, (region) => lab.client(region));
  load.begin();
  await until(() => load.acknowledged > 30);
  const asked = ['type', 'move', movedType, '--to', 'strong', '--apply'];
  expect(await said<TypeMoved>(asked)).toMatchObject({ goal: 'strong', applied: true, done: true });
  await until(() => load.strongReads > 20);
  expect(await movedTo('eventual')).toMatchObject({ goal: 'eventual', done: true });

  for (const other of ['us', 'eu']) await cutBetween(lab.stack, 'ap', other);
  const held = await movedTo('strong', 1_000);
  expect([held.done, held.shards.some(({ mode }) => mode === 'closing')]).toEqual([false, true]);
  expect(await movedTo('strong', 20_000, true)).toMatchObject({ goal: 'eventual', done: true });
  const before = load.acknowledged;
  await until(() => load.acknowledged > before + 20);
  for (const other of ['us', 'eu']) await healBetween(lab.stack, 'ap', other);

  expect(await movedTo('strong')).toMatchObject({ goal: 'strong', done: true });
  await load.end();
  expect(await load.finalCheck()).toEqual([]);
  const { visits, acknowledged, strongReads } = load;
  process.stdout.write(
    `a type moved under load: ${acknowledged} of ${visits.length} writes acknowledged, ${strongReads} strong reads\n`,
  );
}, 120_000);
