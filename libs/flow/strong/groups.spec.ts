import { describe, expect, it } from 'vitest';
import { AtollError } from '#core/errors.js';
import type { EntityType, EntityTypes } from '#core/merge/entity-type.js';
import { boundedCounter } from '#core/merge/bounded-counter.js';
import { counter, lastWriterWins } from '#core/merge/policies.js';
import { MemoryWorld } from '#kit/world/memory-world.js';
import type { Command, CommandPart, WriteOutcome } from '../service.js';

const account: EntityType = {
  name: 'account',
  schemaVersion: 1,
  onDelete: 'update-wins',
  consistency: 'strong',
  partitionBy: { idBefore: ':' },
  fields: new Map([
    ['balance', { policy: counter() }],
    ['state', { policy: lastWriterWins() }],
  ]),
};
const types: EntityTypes = new Map([
  ['account', account],
  ['receipt', { ...account, name: 'receipt' }],
  ['note', { ...account, name: 'note', acks: 'local' }],
  ['tag', { ...account, name: 'tag', acks: 'local' }],
  [
    'ticket',
    {
      ...account,
      name: 'ticket',
      fields: new Map([['balance', { policy: boundedCounter({ min: 0 }, { leaseMillis: 1_000 }) }]]),
    },
  ],
  ['plain', { ...account, name: 'plain', partitionBy: undefined }],
  ['loose', { ...account, name: 'loose', consistency: 'eventual' }],
] as [string, EntityType][]);
const regions = ['us', 'eu', 'ap'];

const add = (id: string, by: number, type = 'account'): CommandPart => ({
  entity: { type, id },
  kind: 'update',
  operations: [{ field: 'balance', op: 'increment', by }],
});
const transfer = (from: string, to: string, by: number): Command => ({
  ...add(from, -by),
  also: [add(to, by)],
});

class Bank {
  private constructor(readonly world: MemoryWorld) {}

  static async started(): Promise<Bank> {
    return new Bank(await MemoryWorld.started({ regions, types, shards: 4 }));
  }

  write(region: string, command: Command, maxWaitMillis = 10_000): Promise<WriteOutcome> {
    return this.world.run(this.world.region(region).submit(command, { maxWaitMillis }));
  }

  /** Cuts `us` off from the others, both ways. */
  isolate(isCut: boolean): void {
    const { links } = this.world;
    for (const other of ['eu', 'ap'])
      for (const [a, b] of [
        ['us', other],
        [other, 'us'],
      ] as const)
        if (isCut) links.cut(a, b);
        else links.heal(a, b);
  }

  async refusal(
    work: Promise<unknown>,
  ): Promise<{ readonly code: string; readonly path: string | undefined }> {
    const error: unknown = await work.catch((thrown: unknown) => thrown);
    if (!(error instanceof AtollError)) return { code: String(error), path: undefined };
    return { code: error.code, path: error.fields[0]?.path };
  }

  balances(region: string, ...ids: string[]): Promise<readonly unknown[]> {
    return this.balancesOf(region, ...ids.map((id) => ['account', id] as const));
  }

  async balancesOf(
    region: string,
    ...entities: (readonly [type: string, id: string])[]
  ): Promise<readonly unknown[]> {
    const read = this.world.region(region).readMany(
      entities.map(([type, id]) => ({ type, id })),
      { level: { kind: 'strong' }, maxWaitMillis: 5_000 },
    );
    return (await this.world.run(read)).map(({ value }) => value?.balance ?? null);
  }
}

describe('an atomic change of several entities', () => {
  it('takes effect on all of them, in consecutive seqs, and is seen in every region', async () => {
    const bank = await Bank.started();
    const { dot, also } = await bank.write('us', {
      ...add('acme:a', -5),
      also: [add('acme:b', 5), add('acme:r1', 1, 'receipt')],
    });
    expect(also?.map((part) => part.dot)).toEqual([
      { ...dot, seq: dot.seq + 1 },
      { ...dot, seq: dot.seq + 2 },
    ]);
    expect(await bank.balances('ap', 'acme:a', 'acme:b')).toEqual([-5, 5]);
  });

  it('takes effect on none of them when one condition does not hold', async () => {
    const bank = await Bank.started();
    const { seen } = await bank.write('us', add('acme:a', 9));
    await bank.write('us', add('acme:b', 1));
    const stale = { ...transfer('acme:b', 'acme:a', 1), also: [{ ...add('acme:a', 1), ifMatch: new Map() }] };
    expect(await bank.refusal(bank.write('eu', stale))).toEqual({
      code: 'precondition_failed',
      path: '/changes/1',
    });
    expect(await bank.balances('us', 'acme:a', 'acme:b')).toEqual([9, 1]);
    const fresh = { ...transfer('acme:b', 'acme:a', 1), also: [{ ...add('acme:a', 1), ifMatch: seen }] };
    await bank.write('eu', fresh);
    expect(await bank.balances('us', 'acme:a', 'acme:b')).toEqual([10, 0]);
  });

  it('is answered as before when it is tried again, in any region and by a later home', async () => {
    const bank = await Bank.started();
    const command = { ...transfer('acme:a', 'acme:b', 3), mutationId: bank.world.freshMutationId('us') };
    const first = await bank.write('us', command);
    const shard = bank.world.shardOf('account', 'acme:a');
    await bank.world.run(bank.world.region('eu').handover(shard, 'ap', false));
    for (const region of regions) {
      const again = await bank.write(region, command);
      expect(again).toMatchObject({ replayed: true, dot: first.dot, also: first.also });
      expect(again.seen).toEqual(first.seen);
    }
    expect(await bank.balances('us', 'acme:a', 'acme:b')).toEqual([-3, 3]);
    const other = { ...transfer('acme:a', 'acme:b', 4), mutationId: command.mutationId };
    expect((await bank.refusal(bank.write('us', other))).code).toBe('mutation_reused');
  });

  it('is refused where nobody could decide all of it at once', async () => {
    const bank = await Bank.started();
    const refused = (also: readonly CommandPart[]): Promise<object> =>
      bank.refusal(bank.write('us', { ...add('acme:a', 1), also }));
    expect(await refused([add('other:a', 1)])).toEqual({ code: 'not_one_partition', path: '/changes/1' });
    expect(await refused([add('acme', 1, 'plain')])).toEqual({
      code: 'not_one_partition',
      path: '/changes/1',
    });
    expect(await refused([add('acme:a', 1, 'loose')])).toEqual({
      code: 'not_one_partition',
      path: '/changes/1',
    });
    expect(await refused([add('acme:b', 1), add('acme:a', 1)])).toEqual({
      code: 'duplicate_entity',
      path: '/changes/2',
    });
    const tooMany = Array.from({ length: 100 }, (_, at) => add(`acme:${at}`, 1));
    expect((await bank.refusal(bank.write('us', { ...add('acme:a', 1), also: tooMany }))).code).toBe(
      'too_large',
    );
    expect(await bank.balances('us', 'acme:a')).toEqual([null]);
  });

  it('names the place of an operation that one of its types does not know', async () => {
    const bank = await Bank.started();
    const wrong: CommandPart = {
      ...add('acme:b', 1),
      operations: [{ field: 'colour', op: 'set', value: 'red' }],
    };
    expect(await bank.refusal(bank.write('us', { ...add('acme:a', 1), also: [wrong] }))).toEqual({
      code: 'unknown_field',
      path: '/changes/1/operations/0/field',
    });
  });

  it('is lost as a whole when a new home leaves it out, and executed anew as a whole', async () => {
    const bank = await Bank.started();
    const shard = bank.world.shardOf('account', 'acme:a');
    await bank.write('us', transfer('acme:a', 'acme:b', 1));
    await bank.world.run(bank.world.region('us').handover(shard, 'us', false));
    await bank.world.converged();
    bank.isolate(true);
    const mutationId = bank.world.freshMutationId('us');
    const command = { ...transfer('acme:a', 'acme:b', 7), mutationId };
    expect((await bank.refusal(bank.write('us', command, 500))).code).toBe('deadline_exceeded');
    await bank.world.run(bank.world.region('eu').handover(shard, 'eu', true));
    bank.isolate(false);
    const again = await bank.write('us', command, 20_000);
    expect(again.dot.actor).toBe('eu~1');
    await bank.world.converged();
    for (const region of regions) {
      expect(await bank.balances(region, 'acme:a', 'acme:b')).toEqual([-8, 8]);
      const refused = await bank.world.run(bank.world.region(region).refused(10));
      expect(refused.map(({ entity, mutationId: of }) => [entity.id, of])).toEqual([
        ['acme:a', mutationId],
        ['acme:b', mutationId],
      ]);
    }
  });

  it('asks for no fewer acks than each of its types allows', async () => {
    const bank = await Bank.started();
    const early = { ...add('acme:n', 1, 'note'), also: [add('acme:a', 1)] };
    const asking = bank.world.region('us').submit(early, { maxWaitMillis: 1_000, acks: 'local' });
    expect((await bank.refusal(bank.world.run(asking))).code).toBe('acks_not_available');
  });

  it('is left out as a whole too where it was answered before it was decided', async () => {
    const bank = await Bank.started();
    const both = (by: number): Command => ({
      ...add('acme:n', by, 'note'),
      also: [add('acme:t', by, 'tag')],
    });
    await bank.write('us', both(1));
    const shard = bank.world.shardOf('note', 'acme:n');
    await bank.world.run(bank.world.region('us').handover(shard, 'us', false));
    await bank.world.converged();
    bank.isolate(true);
    const asking = bank.world.region('us').submit(both(5), { maxWaitMillis: 500, acks: 'local' });
    const { dot, also } = await bank.world.run(asking);
    expect(also?.map((part) => part.dot)).toEqual([{ ...dot, seq: dot.seq + 1 }]);
    await bank.world.run(bank.world.region('eu').handover(shard, 'eu', true));
    bank.isolate(false);
    await bank.world.converged();
    for (const region of regions) {
      const refused = await bank.world.run(bank.world.region(region).refused(10));
      expect(refused.map(({ entity }) => entity.id)).toEqual(['acme:n', 'acme:t']);
      expect(await bank.balancesOf(region, ['note', 'acme:n'], ['tag', 'acme:t'])).toEqual([1, 1]);
    }
  });

  it('holds no counter under a rights lease: what can be left out alone cannot be part of a whole', async () => {
    const bank = await Bank.started();
    const mixed = { ...add('acme:a', 1), also: [add('acme:t', 1, 'ticket')] };
    expect(await bank.refusal(bank.write('us', mixed))).toEqual({
      code: 'invalid_value',
      path: '/changes/1/operations',
    });
  });
});
