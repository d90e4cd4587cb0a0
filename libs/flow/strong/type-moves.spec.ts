import { describe, expect, it } from 'vitest';
import { AtollError } from '#core/errors.js';
import type { EntityType, EntityTypes } from '#core/merge/entity-type.js';
import { boundedCounter, counter, lastWriterWins } from '#core/merge/policies.js';
import { MemoryWorld } from '#kit/world/memory-world.js';
import type { Command, TypeMove, TypeMoved, WriteOptions, WriteOutcome } from '../service.js';

const typeOf = (
  name: string,
  consistency: EntityType['consistency'],
  fields: EntityType['fields'],
): [string, EntityType] => [name, { name, schemaVersion: 1, onDelete: 'update-wins', consistency, fields }];
const types: EntityTypes = new Map([
  typeOf(
    'note',
    'eventual',
    new Map([
      ['text', { policy: lastWriterWins() }],
      ['hits', { policy: counter() }],
    ]),
  ),
  typeOf(
    'payment',
    'strong',
    new Map([
      ['text', { policy: lastWriterWins() }],
      ['hits', { policy: counter() }],
    ]),
  ),
  typeOf('stock', 'eventual', new Map([['units', { policy: boundedCounter({ min: 0 }) }]])),
]);
const regions = ['us', 'eu', 'ap'];
const note = { type: 'note', id: 'n' };
const hit = (entity = note, more: Partial<Command> = {}): Command => ({
  ...{ entity, kind: 'update' },
  operations: [{ field: 'hits', op: 'increment', by: 1 }],
  ...more,
});

class Lab {
  private constructor(readonly world: MemoryWorld) {}

  static async started(declared = types): Promise<Lab> {
    return new Lab(await MemoryWorld.started({ regions, types: declared, shards: 1 }));
  }

  /** Whose home is us, so that any other region can be cut off. */
  static async atUs(): Promise<Lab> {
    const lab = await Lab.started();
    await lab.handOver('us');
    return lab;
  }

  handOver(to: string): Promise<unknown> {
    return this.world.run(this.world.region(to).handover(0, to, false));
  }

  move(
    at: string,
    type: string,
    to: TypeMove['to'],
    more: Partial<TypeMove> & { wait?: number } = {},
  ): Promise<TypeMoved> {
    const { wait = 20_000, ...rest } = more;
    const move = { type, to, isAbort: false, dryRun: false, ...rest };
    return this.world.run(this.world.region(at).moveType(move, { maxWaitMillis: wait }));
  }

  write(region: string, command: Command, options: Partial<WriteOptions> = {}): Promise<WriteOutcome> {
    return this.world.run(this.world.region(region).submit(command, { maxWaitMillis: 10_000, ...options }));
  }

  async hits(region: string, entity = note): Promise<unknown> {
    const asked = { level: { kind: 'strong' }, maxWaitMillis: 5_000 } as const;
    return (await this.world.run(this.world.region(region).read(entity, asked))).value?.hits;
  }

  async localHits(region: string, entity = note): Promise<unknown> {
    const read = this.world.region(region).read(entity, { maxWaitMillis: 1_000 });
    return (await this.world.run(read)).value?.hits;
  }

  async modeIn(region: string, type = 'note'): Promise<unknown> {
    const standing = await this.world.run(this.world.region(region).typeStanding());
    return standing.find((one) => one.type === type)?.shards[0]?.mode;
  }

  isolate(region: string): void {
    this.world.links.isolate(
      region,
      regions.filter((other) => other !== region),
    );
  }

  async failure(work: Promise<unknown>): Promise<string> {
    const error: unknown = await work.catch((thrown: unknown) => thrown);
    return error instanceof AtollError ? error.code : String(error);
  }
}

describe('moving a type to strong', () => {
  it('keeps what every region had acknowledged, and is written and read at the home from then on', async () => {
    const lab = await Lab.started();
    for (const region of regions) await lab.write(region, hit());
    expect(await lab.failure(lab.hits('us'))).toBe('level_not_available');
    expect(await lab.move('us', 'note', 'strong')).toMatchObject({ isDone: true, goal: 'strong' });
    expect(await lab.hits('ap')).toBe(3);
    for (const region of regions) await lab.write(region, hit());
    expect(await lab.hits('eu')).toBe(6);
    await lab.world.converged();
    for (const region of regions) expect([region, await lab.localHits(region)]).toEqual([region, 6]);
  });

  it('finds a home where nothing was ever strong', async () => {
    const lab = await Lab.started(new Map([...types].filter(([name]) => name === 'note')));
    await lab.write('eu', hit());
    expect(await lab.move('ap', 'note', 'strong')).toMatchObject({ isDone: true });
    expect(await lab.hits('us')).toBe(1);
  });

  it('waits for a region that is cut off, with what that had acknowledged, and serves reads meanwhile', async () => {
    const lab = await Lab.atUs();
    await lab.write('us', hit(), { acks: 'all' });
    lab.isolate('ap');
    expect(await lab.move('us', 'note', 'strong', { wait: 4_000 })).toMatchObject({
      isDone: false,
      shards: [{ mode: 'closing', closed: ['eu', 'us'] }],
    });
    await lab.write('ap', hit());
    expect(await lab.failure(lab.write('us', hit(), { maxWaitMillis: 500 }))).toBe('type_moving');
    expect(await lab.localHits('us')).toBe(1);
    lab.world.links.healAll();
    expect(await lab.move('eu', 'note', 'strong')).toMatchObject({ isDone: true });
    expect(await lab.hits('us')).toBe(2);
  });

  it('goes on at the next home after a handover half-way', async () => {
    const lab = await Lab.atUs();
    await lab.write('us', hit(), { acks: 'all' });
    lab.isolate('ap');
    await lab.move('us', 'note', 'strong', { wait: 3_000 });
    await lab.handOver('eu');
    expect(await lab.modeIn('eu')).toBe('closing');
    lab.world.links.healAll();
    expect(await lab.move('ap', 'note', 'strong')).toMatchObject({ isDone: true });
    expect(await lab.hits('us')).toBe(1);
  });

  it('is taken back half-way by an abort, and begun again', async () => {
    const lab = await Lab.atUs();
    lab.isolate('ap');
    await lab.move('us', 'note', 'strong', { wait: 2_000 });
    const held = lab.world.region('eu').submit(hit(), { maxWaitMillis: 10_000 });
    expect(await lab.move('us', 'note', 'strong', { isAbort: true })).toMatchObject({
      goal: 'eventual',
      isDone: true,
    });
    await lab.world.run(held);
    await lab.write('us', hit());
    lab.world.links.healAll();
    await lab.write('ap', hit());
    await lab.world.converged();
    expect(await lab.localHits('ap')).toBe(3);
    expect(await lab.move('us', 'note', 'strong')).toMatchObject({ isDone: true, shards: [{ phase: 2 }] });
    expect(await lab.hits('ap')).toBe(3);
    expect(await lab.failure(lab.move('us', 'note', 'strong', { isAbort: true }))).toBe(
      'precondition_failed',
    );
  });

  it('answers a retry from before the switch with the first outcome', async () => {
    const lab = await Lab.started();
    const command = hit(note, { mutationId: lab.world.freshMutationId('ap') });
    const first = await lab.write('ap', command);
    await lab.move('us', 'note', 'strong');
    for (const region of regions)
      expect(await lab.write(region, command)).toMatchObject({ dot: first.dot, replayed: true });
    expect(await lab.hits('us')).toBe(1);
  });

  it('is refused for a bounded counter and for types that nobody declares, and changes nothing when it is dry', async () => {
    const lab = await Lab.started();
    expect(await lab.failure(lab.move('us', 'stock', 'strong'))).toBe('level_not_available');
    expect(await lab.failure(lab.move('us', 'atoll.membership', 'eventual'))).toBe('unknown_type');
    expect(await lab.move('us', 'note', 'strong', { dryRun: true })).toMatchObject({ isApplied: false });
    expect(await lab.modeIn('us')).toBe('eventual');
  });
});

describe('moving a type to eventual', () => {
  const payment = { type: 'payment', id: 'p' };

  it('lets every region write alone, on all that was decided', async () => {
    const lab = await Lab.started();
    for (const region of regions) await lab.write(region, hit(payment));
    expect(await lab.move('us', 'payment', 'eventual')).toMatchObject({ isDone: true });
    await lab.world.converged();
    lab.isolate('ap');
    const { seen } = await lab.write('ap', hit(payment));
    await lab.write('us', hit(payment));
    expect([...seen.keys()]).toContain('ap~1');
    expect(await lab.localHits('ap', payment)).toBe(4);
    expect(await lab.failure(lab.hits('us', payment))).toBe('level_not_available');
    lab.world.links.healAll();
    await lab.world.converged();
    for (const region of regions) expect(await lab.localHits(region, payment)).toBe(5);
  });

  it('loses nothing that arrives while the home loosens it', async () => {
    const lab = await Lab.atUs();
    const writes = Array.from({ length: 12 }, async (_, index) => {
      const region = regions[index % 3] ?? 'us';
      return lab.world
        .region(region)
        .submit(hit({ type: 'payment', id: String(index) }), { maxWaitMillis: 10_000 });
    });
    expect(await lab.move('us', 'payment', 'eventual')).toMatchObject({ isDone: true });
    await lab.world.run(Promise.all(writes));
    await lab.world.converged();
    for (let index = 0; index < writes.length; index += 1)
      expect(await lab.localHits('ap', { type: 'payment', id: String(index) })).toBe(1);
  });

  it('takes no local write in a region that has not heard of it', async () => {
    const lab = await Lab.atUs();
    await lab.write('us', hit(payment));
    await lab.world.converged();
    lab.isolate('ap');
    await lab.move('us', 'payment', 'eventual', { wait: 3_000 });
    await lab.write('us', hit(payment));
    expect(['not_home', 'deadline_exceeded', 'no_majority']).toContain(
      await lab.failure(lab.write('ap', hit(payment), { maxWaitMillis: 1_000 })),
    );
    lab.world.links.healAll();
    await lab.write('ap', hit(payment));
    await lab.world.converged();
    expect(await lab.localHits('eu', payment)).toBe(3);
  });

  it('answers a retry from before the switch with the first outcome, and may be moved back', async () => {
    const lab = await Lab.started();
    const command = hit(payment, { mutationId: lab.world.freshMutationId('us') });
    const first = await lab.write('us', command);
    await lab.move('eu', 'payment', 'eventual');
    for (const region of regions)
      expect(await lab.write(region, command)).toMatchObject({ dot: first.dot, replayed: true });
    await lab.write('ap', hit(payment));
    expect(await lab.move('ap', 'payment', 'strong')).toMatchObject({ isDone: true, shards: [{ phase: 2 }] });
    expect(await lab.hits('eu', payment)).toBe(2);
  });

  it('answers strong acks at a majority before it, and local ones after it', async () => {
    const lab = await Lab.started();
    expect(await lab.failure(lab.write('us', hit(payment), { acks: 'local' }))).toBe('acks_not_available');
    await lab.move('eu', 'payment', 'eventual');
    lab.isolate('us');
    expect(await lab.write('us', hit(payment), { acks: 'local' })).toMatchObject({ replayed: false });
  });
});
