import { describe, expect, it } from 'vitest';
import { AtollError } from '#core/errors.js';
import type { EntityTypes } from '#core/merge/entity-type.js';
import { boundedCounter, counter, lastWriterWins } from '#core/merge/policies.js';
import { openingOf } from '#core/strong/strong-chain.js';
import { parseEpoch } from '#core/strong/epoch.js';
import { MemoryWorld } from '#kit/world/memory-world.js';
import { strongType } from '#kit/world/strong-type.js';
import type { Limits } from '../limits.js';
import type { Command, ReadOutcome, WriteOutcome } from '../service.js';

const paymentFields = { state: { policy: lastWriterWins() }, tries: { policy: counter() } };
const types: EntityTypes = new Map([
  ['payment', strongType('payment', { fields: paymentFields })],
  ['ping', strongType('ping', { acks: 'local' })],
  ['stock', strongType('stock', { fields: { units: { policy: boundedCounter({ min: 0 }) } } })],
  [
    'note',
    {
      name: 'note',
      schemaVersion: 1,
      onDelete: 'update-wins',
      consistency: 'eventual',
      fields: new Map([['state', { policy: lastWriterWins() }]]),
    },
  ],
]);
const regions = ['us', 'eu', 'ap'];
const entity = { type: 'payment', id: 'p1' };
const set = (value: string, more: Partial<Command> = {}): Command => ({
  entity,
  kind: 'update',
  operations: [{ field: 'state', op: 'set', value }],
  ...more,
});
const strong = { level: { kind: 'strong' }, maxWaitMillis: 5_000 } as const;

class StrongWorld {
  private constructor(readonly world: MemoryWorld) {}

  static async started(limits: Partial<Limits> = {}): Promise<StrongWorld> {
    return new StrongWorld(await MemoryWorld.started({ regions, types, shards: 1, limits }));
  }

  write(region: string, command: Command, maxWaitMillis = 10_000): Promise<WriteOutcome> {
    return this.world.run(this.world.region(region).submit(command, { maxWaitMillis }));
  }

  read(region: string): Promise<ReadOutcome> {
    return this.world.run(this.world.region(region).read(entity, strong));
  }

  local(region: string): Promise<ReadOutcome> {
    return this.world.run(this.world.region(region).read(entity, { maxWaitMillis: 1_000 }));
  }

  handover(to: string, force = false, at = to): Promise<{ readonly region: string }> {
    return this.world.run(this.world.region(at).handover(0, to, force));
  }

  isolate(region: string): void {
    this.world.links.isolate(
      region,
      regions.filter((other) => other !== region),
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

describe('a strong entity', () => {
  it('finds a home by itself, and is written and read from any region', async () => {
    const lab = await StrongWorld.started();
    await lab.write('us', set('created'));
    expect((await lab.read('ap')).value).toMatchObject({ state: 'created' });
    await lab.write('ap', set('authorised'));
    expect((await lab.read('eu')).value).toMatchObject({ state: 'authorised' });
    await lab.world.converged();
    expect((await lab.local('us')).value).toMatchObject({ state: 'authorised' });
  });

  it('is compared and set: of two writers who read the same, one is refused', async () => {
    const lab = await StrongWorld.started();
    const { seen } = await lab.write('us', set('created'));
    await lab.write('eu', set('captured', { ifMatch: seen }));
    expect(await lab.failure(lab.write('ap', set('cancelled', { ifMatch: seen })))).toBe(
      'precondition_failed',
    );
    expect((await lab.read('us')).value).toMatchObject({ state: 'captured' });
  });

  it('is confirmed by all regions where a write asks for that, in whatever region it is asked', async () => {
    const lab = await StrongWorld.started();
    for (const region of regions) {
      const work = lab.world.region(region).submit(set(region), { maxWaitMillis: 10_000, acks: 'all' });
      const { confirmed, dot } = await lab.world.run(work);
      expect([...confirmed, dot.actor.slice(0, 2)].sort()).toEqual(['ap', 'eu', 'us']);
    }
  });

  it('answers a retry anywhere with the first outcome, and executes it once', async () => {
    const lab = await StrongWorld.started();
    const command: Command = {
      entity,
      kind: 'update',
      operations: [{ field: 'tries', op: 'increment', by: 1 }],
      mutationId: lab.world.freshMutationId('us'),
    };
    const first = await lab.write('us', command);
    const second = await lab.write('ap', command);
    expect(second.dot).toEqual(first.dot);
    expect(second.replayed).toBe(true);
    await lab.handover('eu');
    expect((await lab.write('eu', command)).dot).toEqual(first.dot);
    expect((await lab.read('ap')).value).toMatchObject({ tries: 1 });
  });

  it('takes writes from many clients at once, one after another', async () => {
    const lab = await StrongWorld.started();
    const increment: Command = {
      entity,
      kind: 'update',
      operations: [{ field: 'tries', op: 'increment', by: 1 }],
    };
    const all = Array.from({ length: 30 }, (_, at) =>
      lab.world.region(regions[at % 3]!).submit(increment, { maxWaitMillis: 20_000 }),
    );
    await lab.world.run(Promise.all(all));
    expect((await lab.read('eu')).value).toMatchObject({ tries: 30 });
  });
});

describe('a handover', () => {
  it('moves the home where it is told to, and keeps everything', async () => {
    const lab = await StrongWorld.started();
    await lab.write('us', set('created'));
    for (const to of ['eu', 'ap', 'us', 'ap', 'eu']) {
      expect((await lab.handover(to, false, 'us')).region).toBe(to);
      const { dot } = await lab.write('us', set(`by ${to}`));
      expect(dot.actor).toBe(`${to}~1`);
      expect((await lab.read('us')).value).toMatchObject({ state: `by ${to}` });
    }
  });

  it('is found by itself when the home is lost, by those who are a majority', async () => {
    const lab = await StrongWorld.started();
    const { dot } = await lab.write('us', set('created'));
    const home = dot.actor.split('~')[0]!;
    const [left] = regions.filter((region) => region !== home);
    lab.isolate(home);
    const next = await lab.write(left!, set('went on'), 30_000);
    expect(next.dot.actor).not.toBe(dot.actor);
    expect((await lab.read(left!)).value).toMatchObject({ state: 'went on' });
    expect(await lab.failure(lab.read(home))).toMatch(/^(no_majority|not_home)$/);
    lab.heal();
    expect((await lab.read(home)).value).toMatchObject({ state: 'went on' });
  });

  it('leaves out what the old home had taken alone, keeps it as losing, and executes its retry anew', async () => {
    const lab = await StrongWorld.started();
    await lab.write('us', set('created'));
    await lab.handover('us', false, 'us');
    await lab.world.converged();
    lab.isolate('us');
    const mutationId = lab.world.freshMutationId('us');
    expect(await lab.failure(lab.write('us', set('taken alone', { mutationId }), 500))).toBe(
      'deadline_exceeded',
    );
    expect((await lab.local('us')).value).toMatchObject({ state: 'created' });
    await lab.handover('eu', true);
    await lab.write('eu', set('by eu'));
    lab.heal();
    const status = () => lab.world.run(lab.world.region('us').writeStatus(mutationId));
    await lab.world.converged();
    expect(await status()).toMatchObject({ state: 'refused', entity, copies: [{ region: 'us' }] });
    const again = await lab.write('us', set('taken alone', { mutationId }), 20_000);
    expect(again.dot.actor).toBe('eu~1');
    await lab.world.converged();
    const copies = [{ region: 'eu' }, { region: 'us', state: 'refused' }];
    expect(await status()).toMatchObject({ state: expect.stringMatching(/^(merged|converged)$/), copies });
    for (const region of regions) {
      expect((await lab.local(region)).value).toMatchObject({ state: 'taken alone' });
      const refused = await lab.world.run(lab.world.region(region).refused(10));
      expect(refused).toMatchObject([{ dot: { actor: 'us~1' }, entity, mutationId }]);
      const page = { limit: 10, offset: 0 };
      const history = await lab.world.run(lab.world.region(region).history(entity, page));
      const tries = history.filter(({ event }) => event.mutation.id === mutationId);
      const fates = tries.map(({ event, merged }) => `${event.dot.actor} ${merged}`);
      expect(fates.sort()).toEqual(['eu~1 folded', 'us~1 refused']);
    }
  });

  it('answers no read from the old home that had been asked before it heard of the new one', async () => {
    const answers = new Set<unknown>();
    // At any moment of the round of questions that is under way.
    for (let healAfterMillis = 0; healAfterMillis < 1_600; healAfterMillis += 40) {
      const lab = await StrongWorld.started();
      await lab.write('us', set('old'));
      await lab.handover('us', false, 'us');
      await lab.world.converged();
      lab.isolate('us');
      await lab.handover('eu', true);
      await lab.write('eu', set('new'));
      const asked = lab.world.region('us').read(entity, strong);
      await lab.world.clock.advance(healAfterMillis);
      lab.heal();
      answers.add((await lab.world.run(asked)).value?.state);
    }
    expect([...answers]).toEqual(['new']);
  });

  it('has one writer per epoch in every log', async () => {
    const lab = await StrongWorld.started();
    await lab.write('us', set('created'));
    for (const to of ['eu', 'ap', 'us']) await lab.handover(to, true);
    await lab.write('us', set('done'));
    await lab.world.converged();
    for (const database of lab.world.databases.values())
      expect(parseEpoch(database.shard(0).promised)?.counter).toBeGreaterThanOrEqual(4);
    expect(openingOf(new Map(), parseEpoch('1.1')!)).toBeUndefined();
  });
});

describe('without a majority', () => {
  it('nothing strong is answered, and the error says so in time', async () => {
    const lab = await StrongWorld.started();
    await lab.write('us', set('created'));
    for (const region of regions) lab.isolate(region);
    const began = lab.world.clock.monotonicMillis();
    const codes = await lab.world.run(
      Promise.all(
        regions.map((region) =>
          lab.failure(lab.world.region(region).read(entity, { ...strong, maxWaitMillis: 1_000 })),
        ),
      ),
    );
    expect(codes.every((code) => code === 'no_majority' || code === 'not_home')).toBe(true);
    expect(lab.world.clock.monotonicMillis() - began).toBeLessThanOrEqual(1_050);
  });
});

describe('what a strong change may build on', () => {
  it('is what its home has: a read that is older is refused there, whatever level it was read at', async () => {
    const strong = await StrongWorld.started();
    await strong.write('us', set('created'));
    await strong.handover('us');
    const { seen } = await strong.read('eu');
    await strong.write('us', set('captured', { observed: seen }));
    const stale = strong.write('eu', set('cancelled', { observed: seen }));
    await expect(stale).rejects.toMatchObject({ code: 'precondition_failed' });
    expect((await strong.read('ap')).value).toMatchObject({ state: 'captured' });
  });

  it('is at its home before it is decided there, where the change is causal', async () => {
    const strong = await StrongWorld.started();
    await strong.write('us', set('created'));
    await strong.handover('us');
    const { world } = strong;
    world.loseRecordsTo('us', true);
    const note = { ...set('the cause'), entity: { type: 'note', id: 'n' }, consistency: 'causal' as const };
    const { session, dot } = await strong.write('eu', note);
    expect(world.storedOf('us', 'eu', 'note', 'n')).toBeLessThan(dot.seq);
    await strong.write('eu', set('the effect', { session, consistency: 'causal' }));
    expect(world.cursorOf('us', 'eu', 'note', 'n').folded).toBeGreaterThanOrEqual(dot.seq);
  });
});

describe('a strong change of which a try was not answered', () => {
  const stock = { type: 'stock', id: 's' };
  const change = (op: 'increment' | 'spend'): Command => ({
    entity: stock,
    kind: 'update',
    operations: [{ field: 'units', op, by: 1 }],
  });

  it('is not called refused where a later try was: the first is under way, and may be taken', async () => {
    const lab = await StrongWorld.started();
    const { world } = lab;
    await lab.write('us', set('created'));
    await lab.handover('us');
    world.links.delay('ap', 'us', 3_000);
    const spent = world.region('ap').submit(change('spend'), { maxWaitMillis: 6_000 });
    const told = lab.failure(spent);
    await world.clock.advance(100);
    world.links.delay('ap', 'us', 10);
    expect(await world.run(told)).toBe('unavailable');
    await lab.write('us', change('increment'));
    await world.clock.advance(3_000);
    const { value } = await world.run(world.region('us').read(stock, strong));
    expect(value).toMatchObject({ units: { value: 0 } });
  });
});

describe('acks of a strong change', () => {
  const ping = (value: string): Command => ({ ...set(value), entity: { type: 'ping', id: 'p' } });
  const asking = (strong: StrongWorld, command: Command, acks: 'local' | '1'): Promise<WriteOutcome> =>
    strong.world.run(strong.world.region('us').submit(command, { maxWaitMillis: 300, acks }));

  it('are a majority, and no fewer can be asked for unless the type says so', async () => {
    const strong = await StrongWorld.started();
    await strong.write('us', set('created'));
    await strong.write('us', ping('first'));
    await strong.handover('us');
    await expect(asking(strong, set('x'), 'local')).rejects.toMatchObject({ code: 'acks_not_available' });
    expect((await asking(strong, set('y'), '1')).dot.actor).toBe('us~1');
    strong.isolate('us');
    expect((await asking(strong, ping('early'), 'local')).dot.actor).toBe('us~1');
    await expect(asking(strong, set('z'), '1')).rejects.toMatchObject({ code: 'deadline_exceeded' });
    // Nothing shows it before it is decided, and here it never is: the next home leaves it out.
    await strong.handover('eu', true, 'eu');
    strong.heal();
    await strong.world.converged();
    const { value } = await strong.world.run(
      strong.world.region('us').read({ type: 'ping', id: 'p' }, { maxWaitMillis: 500 }),
    );
    expect(value).toEqual({ state: 'first' });
  });
});

describe('INV-15: what waits until it is decided', () => {
  it('is bounded in bytes: a home that has too much of it takes nothing more for now', async () => {
    const strong = await StrongWorld.started({ undecidedBytesMax: 4_000 });
    await strong.write('us', set('created'));
    await strong.handover('us');
    strong.isolate('us');
    const { world } = strong;
    const many = Array.from({ length: 12 }, (_, index) =>
      world
        .region('us')
        .submit(
          { ...set('x'.repeat(300)), entity: { type: 'payment', id: `many-${index}` } },
          { maxWaitMillis: 400 },
        )
        .then(
          () => 'ok',
          (error: unknown) => (error as AtollError).code,
        ),
    );
    const codes = await world.run(Promise.all(many));
    expect(new Set(codes)).toEqual(new Set(['deadline_exceeded', 'overloaded']));
    strong.heal();
    await world.clock.advance(6_000);
    await strong.write('us', set('after'));
    await world.converged();
    expect((await strong.read('ap')).value).toMatchObject({ state: 'after' });
  });
});
