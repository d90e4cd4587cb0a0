import { describe, expect, it } from 'vitest';
import { AtollError } from '#core/errors.js';
import { firstMembership, type MemberChange } from '#core/strong/membership.js';
import { membershipEntity } from '#core/strong/membership-record.js';
import { MemoryWorld, type MemoryWorldOptions } from '#kit/world/memory-world.js';
import { strongType } from '#kit/world/strong-type.js';
import type { MembersChanged, StrongMembers, WriteOutcome } from '../service.js';

const types = new Map([['payment', strongType('payment')]]);
const add = (region: string, isWitness = false): MemberChange => ({ kind: 'add', region, isWitness });
const remove = (region: string, isStopped = false): MemberChange => ({ kind: 'remove', region, isStopped });

class Lab {
  private constructor(
    readonly world: MemoryWorld,
    private readonly regions: readonly string[],
  ) {}

  static async started(regions: readonly string[], more: Partial<MemoryWorldOptions> = {}): Promise<Lab> {
    return new Lab(await MemoryWorld.started({ regions, types, shards: 3, ...more }), regions);
  }

  /** One entity in each shard. */
  readonly ids = ['p0', 'p1', 'p2', 'p3', 'p4', 'p5', 'p6', 'p7'];

  write(region: string, id: string, value: string, maxWaitMillis = 20_000): Promise<WriteOutcome> {
    const operations = [{ field: 'state', op: 'set', value }];
    const command = { entity: { type: 'payment', id }, kind: 'update' as const, operations };
    return this.world.run(this.world.region(region).submit(command, { maxWaitMillis }));
  }

  async writeAll(region: string, value: string): Promise<void> {
    for (const id of this.ids) await this.write(region, id, value);
  }

  async noneIsWritten(region: string): Promise<void> {
    const code = /no_majority|not_home|deadline/;
    for (const id of this.ids) expect(await this.failure(this.write(region, id, 'alone', 300))).toMatch(code);
  }

  async read(region: string, id: string): Promise<unknown> {
    const asked = { level: { kind: 'strong' }, maxWaitMillis: 10_000 } as const;
    const read = this.world.region(region).read({ type: 'payment', id }, asked);
    return (await this.world.run(read)).value?.['state'];
  }

  change(at: string, change: MemberChange, more = {}): Promise<MembersChanged> {
    const options = { dryRun: false, maxWaitMillis: 20_000, ...more };
    return this.world.run(this.world.region(at).changeStrongMembers(change, options));
  }

  members(at: string): Promise<StrongMembers> {
    return this.world.run(this.world.region(at).strongMembers());
  }

  /** Waits until every shard has a decided opening in the latest membership, as a region knows it. */
  async settled(at: string): Promise<StrongMembers> {
    let shown = await this.members(at);
    await this.until(async () => {
      shown = await this.members(at);
      return shown.shards.every(({ decided }) => decided.membership === shown.membership.number);
    });
    return shown;
  }

  /** Moves the clock until it is so. */
  async until(condition: () => Promise<boolean>): Promise<void> {
    for (let looks = 0; !(await condition()); looks += 1) {
      if (looks > 400) throw new Error(`it never was so: ${JSON.stringify(await this.members('us'))}`);
      await this.world.clock.advance(100);
    }
  }

  isolate(region: string): void {
    this.world.links.isolate(
      region,
      this.regions.filter((other) => other !== region),
    );
  }

  heal(): void {
    this.world.links.healAll();
  }

  async failure(work: Promise<unknown>): Promise<string> {
    const error: unknown = await work.catch((thrown: unknown) => thrown);
    return error instanceof AtollError ? error.code : String(error);
  }
}

describe('a member of strong shards', () => {
  it('is removed while it is cut off, and added back: writes go on, and nothing is lost', async () => {
    const lab = await Lab.started(['us', 'eu', 'ap']);
    await lab.writeAll('us', 'first');
    lab.isolate('ap');
    expect((await lab.change('us', remove('ap'))).after.members).toEqual(['eu', 'us']);
    await lab.writeAll('eu', 'second');
    const shown = await lab.settled('us');
    expect(shown.former).toEqual([{ region: 'ap', until: 1, isRetired: true }]);
    expect(new Set(shown.shards.map(({ home }) => home))).not.toContain('ap');
    expect(await lab.failure(lab.write('ap', 'p0', 'alone', 500))).toMatch(/no_majority|not_home|deadline/);

    lab.heal();
    expect((await lab.change('ap', add('ap'))).after).toMatchObject({
      number: 3,
      members: ['ap', 'eu', 'us'],
    });
    await lab.settled('ap');
    for (const id of lab.ids) expect(await lab.read('ap', id)).toBe('second');
    lab.isolate('us');
    await lab.writeAll('eu', 'third');
    for (const id of lab.ids) expect(await lab.read('ap', id)).toBe('third');
  });

  it('is told apart from the two that are left: one of them cut off is no majority any more', async () => {
    const lab = await Lab.started(['us', 'eu', 'ap']);
    await lab.change('us', remove('ap'));
    await lab.settled('us');
    for (const shard of [0, 1, 2]) await lab.world.run(lab.world.region('us').handover(shard, 'us', false));
    lab.isolate('eu');
    await lab.noneIsWritten('us');
  });

  it('is shown before it is changed: a dry run changes nothing', async () => {
    const lab = await Lab.started(['us', 'eu', 'ap']);
    const planned = await lab.change('us', remove('ap'), { dryRun: true });
    expect(planned).toMatchObject({ before: { number: 1 }, after: { number: 2 }, isApplied: false });
    expect((await lab.members('us')).membership.number).toBe(1);
    expect(await lab.failure(lab.change('us', remove('mars')))).toBe('invalid_request');
    expect((await lab.change('us', add('eu'))).isApplied).toBe(false);
  });

  it('is one of several changed at once by different operators: each change counts, in one order', async () => {
    const lab = await Lab.started(['us', 'eu', 'ap', 'sa']);
    await lab.writeAll('us', 'first');
    await Promise.all([lab.change('us', remove('ap')), lab.change('eu', remove('sa'))]);
    const { membership } = await lab.settled('eu');
    expect(membership).toMatchObject({ number: 3, members: ['eu', 'us'] });
    for (const id of lab.ids) expect(await lab.read('sa', id)).toBe('first');
  });

  it('is not to be written as an entity', async () => {
    const lab = await Lab.started(['us', 'eu', 'ap']);
    const operations = [{ field: 'records', op: 'set', value: [] }];
    const command = { entity: membershipEntity, kind: 'update' as const, operations };
    const submitted = lab.world.region('us').submit(command, { maxWaitMillis: 500 });
    expect(await lab.failure(lab.world.run(submitted))).toBe('unknown_type');
    const read = lab.world.region('us').read(membershipEntity, { maxWaitMillis: 500 });
    expect(await lab.failure(lab.world.run(read))).toBe('unknown_type');
  });
});

describe('a witness', () => {
  const two = { strongMembers: firstMembership(['us', 'eu', 'ap'], ['ap']) };

  it('makes a majority with one of two, and is never the home', async () => {
    const lab = await Lab.started(['us', 'eu', 'ap'], two);
    await lab.writeAll('ap', 'first');
    lab.isolate('eu');
    await lab.writeAll('us', 'second');
    expect(await lab.failure(lab.world.run(lab.world.region('ap').handover(0, 'ap', true)))).toBe(
      'invalid_request',
    );
    lab.heal();
    lab.isolate('us');
    await lab.writeAll('eu', 'third');
    for (const id of lab.ids) expect(await lab.read('ap', id)).toBe('third');
    await lab.until(async () => (await lab.members('ap')).shards.every(({ home }) => home === 'eu'));
  });
});

describe('where no type is strong', () => {
  it('no change of the members is waited for: it is refused at once, and says why', async () => {
    const [[, payment] = []] = types;
    const note = { ...payment!, name: 'note', consistency: 'eventual' as const };
    const regions = ['us', 'eu', 'ap'];
    const lab = await Lab.started(regions, { types: new Map([['note', note]]) });
    const began = lab.world.clock.monotonicMillis();
    for (const change of [remove('ap'), remove('ap', true), add('ap', true)])
      for (const dryRun of [true, false])
        await expect(lab.change('us', change, { dryRun })).rejects.toMatchObject({
          code: 'precondition_failed',
        });
    expect(lab.world.clock.monotonicMillis() - began).toBeLessThan(100);
    const moved = lab.world
      .region('us')
      .moveType({ type: 'note', to: 'strong', isAbort: false, dryRun: false }, { maxWaitMillis: 20_000 });
    await lab.world.run(moved);
    expect((await lab.change('us', remove('ap'))).after.members).toEqual(['eu', 'us']);
  });
});

describe('of two members', () => {
  it('one alone is no majority, and takes over only after the other is stated to be stopped', async () => {
    const lab = await Lab.started(['us', 'eu']);
    await lab.writeAll('eu', 'first');
    lab.isolate('eu');
    expect(await lab.failure(lab.world.run(lab.world.region('us').handover(0, 'us', true)))).toBe(
      'no_majority',
    );
    expect(await lab.failure(lab.change('us', remove('eu'), { maxWaitMillis: 3_000 }))).toMatch(
      /no_majority|not_home|deadline/,
    );
    expect(await lab.failure(lab.change('us', remove('us', true)))).toBe('invalid_request');
    const done = await lab.change('us', remove('eu', true));
    expect(done.after).toEqual({ number: 2, members: ['us'], witnesses: [], stopped: ['eu'] });
    for (const id of lab.ids) expect(await lab.read('us', id)).toBe('first');
    await lab.writeAll('us', 'second');
    expect((await lab.settled('us')).former).toEqual([{ region: 'eu', until: 1, isRetired: true }]);

    lab.heal();
    await lab.change('eu', add('eu'));
    await lab.settled('eu');
    for (const id of lab.ids) expect(await lab.read('eu', id)).toBe('second');
    lab.isolate('eu');
    await lab.noneIsWritten('us');
  });

  it('none can state a member of three to be stopped', async () => {
    const lab = await Lab.started(['us', 'eu', 'ap']);
    expect(await lab.failure(lab.change('us', remove('ap', true)))).toBe('invalid_request');
  });
});
