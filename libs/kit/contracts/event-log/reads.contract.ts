import { expect, test } from 'vitest';
import type { EntityRow, EventLog, StateRow } from '#flow/ports/event-log.js';
import {
  cart,
  cursorRow,
  entityRow,
  mutationRow,
  otherActor,
  plainEvent,
  storedEvent,
  Writer,
} from './fixtures.js';

type Opened = () => { readonly log: EventLog; readonly other: EventLog };

/** What was committed is read back as it was, in the promised order and no more than was asked for. */
export function readsContract(opened: Opened): void {
  test('gives events back byte for byte, in seq order, whoever reads', async () => {
    const { log, other } = opened();
    const writer = await Writer.of(log);
    const { actor } = log.identity;
    const texts = ['plain', 'äöü €', '🦀 \\u0000 "quoted"', 'x'.repeat(300_000)];
    const events = texts.map((padding, index) =>
      storedEvent({ dot: { actor, seq: index + 1 }, entity: cart('1'), padding }),
    );
    await writer.write({ events: events.slice(0, 2) });
    await writer.write({ events: events.slice(2) });
    expect(
      (await other.range({ shard: 0, actor, from: 1, limit: 100, bytesMax: 1e9 })).map(plainEvent),
    ).toEqual(events.map(plainEvent));
    const carried = await other.rangeBytes({ shard: 0, actor, from: 1, limit: 100, bytesMax: 1e9 });
    expect(carried.map(({ bytes }) => Buffer.from(bytes))).toEqual(
      events.map(({ bytes }) => Buffer.from(bytes)),
    );
    expect(carried.map(({ event }) => event.entity)).toEqual(events.map(({ event }) => event.entity));
  });

  test('limits a range by count and by bytes, but always answers the first event', async () => {
    const { log } = opened();
    const writer = await Writer.of(log);
    const { actor } = log.identity;
    const events = [1, 2, 3, 4, 5].map((seq) =>
      storedEvent({ dot: { actor, seq }, entity: cart('1'), padding: 'y'.repeat(1_000) }),
    );
    await writer.write({ events });
    const seqs = async (from: number, limit: number, bytesMax: number): Promise<readonly number[]> =>
      (await log.range({ shard: 0, actor, from, limit, bytesMax })).map(({ event }) => event.dot.seq);
    expect(await log.rangeBytes({ shard: 0, actor, from: 2, limit: 3, bytesMax: 1e9 })).toHaveLength(3);
    expect(await log.rangeBytes({ shard: 0, actor, from: 1, limit: 100, bytesMax: 1_500 })).toHaveLength(2);
    expect(await log.rangeBytes({ shard: 0, actor, from: 6, limit: 100, bytesMax: 1e9 })).toEqual([]);
    expect(await seqs(2, 3, 1e9)).toEqual([2, 3, 4]);
    expect(await seqs(2, 100, 1)).toEqual([2]);
    expect(await seqs(2, 100, 0)).toEqual([2]);
    expect(await seqs(1, 100, 1_500)).toEqual([1, 2]);
    expect(await seqs(6, 100, 1e9)).toEqual([]);
    expect(await log.range({ shard: 1, actor, from: 1, limit: 100, bytesMax: 1e9 })).toEqual([]);
    expect(await log.range({ shard: 0, actor: 'ap~unheard-of', from: 1, limit: 100, bytesMax: 1e9 })).toEqual(
      [],
    );
  });

  test('finds the events of one entity above a vector, by actor and seq', async () => {
    const { log } = opened();
    const writer = await Writer.of(log);
    const dots = ['us~b', 'eu~a', 'us~b', 'us~B', 'eu~a', 'us~b'].map((actor, index) => ({
      actor,
      seq: index + 1,
    }));
    const mine = dots.map((dot) => storedEvent({ dot, entity: cart('1') }));
    const others = dots.map((dot) => storedEvent({ dot: { ...dot, seq: dot.seq + 10 }, entity: cart('11') }));
    await writer.write({ events: [...mine, ...others] });
    const found = async (above: readonly (readonly [string, number])[]): Promise<readonly string[]> =>
      (await log.entityEvents(cart('1'), 0, new Map(above))).map(
        ({ event: { dot } }) => `${dot.actor}:${dot.seq}`,
      );
    expect(await found([])).toEqual(['eu~a:2', 'eu~a:5', 'us~B:4', 'us~b:1', 'us~b:3', 'us~b:6']);
    expect(
      await found([
        ['eu~a', 5],
        ['us~b', 1],
        ['ap~c', 7],
      ]),
    ).toEqual(['us~B:4', 'us~b:3', 'us~b:6']);
    expect(await log.entityEvents({ type: 'other', id: '1' }, 0, new Map())).toEqual([]);
    expect(await log.entityEvents(cart('1'), 1, new Map())).toEqual([]);
  });

  test('tells the history of an entity newest first by arrival, in pages', async () => {
    const { log } = opened();
    const writer = await Writer.of(log);
    const arrivals = [
      ['us~b', 7],
      ['eu~a', 1],
      ['us~b', 8],
      ['eu~a', 2],
      ['eu~a', 3],
    ] as const;
    const events = arrivals.map(([actor, seq]) => storedEvent({ dot: { actor, seq }, entity: cart('1') }));
    await writer.write({ events: events.slice(0, 3) });
    await writer.write({ events: [storedEvent({ dot: { actor: 'us~b', seq: 9 }, entity: cart('2') })] });
    await writer.write({ events: events.slice(3) });
    const page = async (limit: number, offset: number): Promise<readonly string[]> =>
      (await log.entityHistory(cart('1'), 0, { limit, offset })).map(
        ({ event: { dot } }) => `${dot.actor}:${dot.seq}`,
      );
    expect(await page(100, 0)).toEqual(['eu~a:3', 'eu~a:2', 'us~b:8', 'eu~a:1', 'us~b:7']);
    expect(await page(2, 1)).toEqual(['eu~a:2', 'us~b:8']);
    expect(await page(2, 5)).toEqual([]);
  });

  test('prepares a batch with the entities and mutation records that are there', async () => {
    const { log } = opened();
    const writer = await Writer.of(log);
    const { actor } = log.identity;
    const text = `\uFEFF${'ä€😀"\n'.repeat(40)}`;
    const row = { entity: cart('ü/1'), shard: 0, state: text, value: text.slice(6) };
    const gone = { ...entityRow(cart('gone')), value: null };
    const record = mutationRow(
      { actor, seq: 1 },
      { id: 'eu.1', entity: cart('ü/1'), bornMillis: 1_799_999_999_999 },
    );
    await writer.write({
      entities: [row, gone],
      mutations: [record, mutationRow({ actor, seq: 2 }, { id: 'eu.2' })],
    });
    const prepared = await log.prepare({
      entities: [cart('absent'), cart('ü/1'), cart('gone'), cart('ü/1')],
      mutations: ['eu.absent', 'eu.1', 'eu.1'],
    });
    const byId = (a: { entity: { id: string } }, b: { entity: { id: string } }): number =>
      a.entity.id < b.entity.id ? -1 : 1;
    const stateOf = ({ entity, shard, state }: EntityRow): StateRow => ({ entity, shard, state });
    expect([...prepared.entities].sort(byId)).toEqual([gone, row].map(stateOf));
    expect(prepared.mutations).toEqual([record]);
    expect(await log.prepare({ entities: [], mutations: [] })).toEqual({ entities: [], mutations: [] });
  });

  test('tells the states of entities in the order they are asked for, and of a long one that it is long', async () => {
    const { log } = opened();
    const writer = await Writer.of(log);
    const long = `{"text":"${'ü'.repeat(40_000)}"}`;
    const entities = [
      entityRow(cart('ü/1'), 0, '{"€":"🦀 \\u0000"}'),
      { ...entityRow(cart('gone')), value: null },
      entityRow(cart('long'), 0, long),
      entityRow({ type: 'other', id: 'gone' }, 0, '{"state":2}'),
    ];
    await writer.write({ entities });
    const asked = [cart('gone'), cart('absent'), cart('long'), cart('ü/1'), { type: 'other', id: 'gone' }];
    const short = ['{"state":1}', undefined, null, '{"€":"🦀 \\u0000"}', '{"state":2}'];
    expect(await log.states(asked, 1_000)).toEqual(short);
    expect(await log.states([cart('long'), cart('long')], Infinity)).toEqual([long, long]);
    const bytes = new TextEncoder().encode(long).length;
    expect(await log.states([cart('long')], bytes)).toEqual([long]);
    expect(await log.states([cart('long')], bytes - 1)).toEqual([null]);
    expect(await log.states([], 1_000)).toEqual([]);
  });

  test('keeps numbers as large as a safe integer', async () => {
    const { log } = opened();
    const writer = await Writer.of(log);
    const seq = Number.MAX_SAFE_INTEGER;
    await writer.write({
      lastSeq: seq,
      hybridFloorMillis: seq - 1,
      cursors: [cursorRow(otherActor, seq, 2 ** 40 + 3)],
    });
    expect(await log.loadShard(0)).toMatchObject({
      fence: { lastSeq: seq },
      hybridFloorMillis: seq - 1,
      cursors: [cursorRow(otherActor, seq, 2 ** 40 + 3)],
    });
  });

  test('tells the committed cursors of every shard', async () => {
    const { log } = opened();
    const writer = await Writer.of(log, 1);
    await writer.write({
      cursors: [cursorRow(otherActor, 4, 2), { actor: 'ap~x', stored: 0, hash: '', folded: 0 }],
      waiting: [{ dot: { actor: otherActor, seq: 3 }, entity: cart('1'), state: 'parked', reason: 'drift' }],
    });
    const cursors = await log.cursors();
    expect([...cursors.keys()].sort()).toEqual([0, 1, 2]);
    expect(cursors.get(0)).toEqual([]);
    expect(cursors.get(1)).toEqual([
      { actor: 'ap~x', stored: 0, hash: '', folded: 0, causal: 0 },
      { ...cursorRow(otherActor, 4, 2), causal: 4 },
    ]);
  });

  test('tells how far dependencies are covered: below the first pending event, past what is parked', async () => {
    const { log } = opened();
    const writer = await Writer.of(log);
    const waits = (seq: number, state: 'pending' | 'parked') =>
      ({ dot: { actor: otherActor, seq }, entity: cart('1'), state }) as const;
    await writer.write({
      cursors: [cursorRow(otherActor, 9, 1), cursorRow('ap~x', 3)],
      waiting: [waits(2, 'parked'), waits(5, 'pending'), waits(7, 'pending')],
    });
    const causal = async (): Promise<readonly (readonly [string, number])[]> =>
      ((await log.cursors()).get(0) ?? []).map(({ actor, causal: seq }) => [actor, seq]);
    expect(await causal()).toEqual([
      ['ap~x', 3],
      [otherActor, 4],
    ]);
    await writer.write({ settled: [{ actor: otherActor, seq: 5 }] });
    expect(await causal()).toContainEqual([otherActor, 6]);
  });

  test('lists waiting events of a shard, of an entity, or of all, up to a limit', async () => {
    const { log } = opened();
    const writers = [await Writer.of(log, 0), await Writer.of(log, 1)];
    const waitsFor = { actor: 'ap~x', seq: 4 };
    const pending = {
      dot: { actor: 'us~b', seq: 2 },
      entity: cart('1'),
      state: 'pending',
      waitsFor,
    } as const;
    const crossing = { ...pending, waitsIn: 2 };
    const parked = {
      dot: { actor: 'eu~a', seq: 9 },
      entity: cart('2'),
      state: 'parked',
      reason: 'drift',
    } as const;
    await writers[0]?.write({ waiting: [pending, parked] });
    await writers[1]?.write({ waiting: [crossing] });
    const rows = [
      { ...parked, shard: 0 },
      { ...pending, shard: 0 },
      { ...crossing, shard: 1 },
    ];
    expect(await log.waiting({ limit: 10 })).toEqual(rows);
    expect(await log.waiting({ limit: 2 })).toEqual(rows.slice(0, 2));
    expect(await log.waiting({ shard: 1, limit: 10 })).toEqual(rows.slice(2));
    expect(await log.waiting({ entity: cart('1'), limit: 10 })).toEqual(rows.slice(1));
    expect(await log.waiting({ shard: 0, entity: cart('1'), limit: 10 })).toEqual(rows.slice(1, 2));
    expect((await log.loadShard(0)).waiting).toEqual([parked, pending]);
  });

  test('lists the entities of a type that exist, in byte order of their ids, in pages', async () => {
    const { log } = opened();
    const writer = await Writer.of(log);
    const ids = ['b', 'a', 'B', 'ä', 'a-1', '😀', '\uff5e', 'gone'];
    await writer.write({
      entities: [
        ...ids.map((id) => ({ ...entityRow(cart(id)), ...(id === 'gone' ? { value: null } : {}) })),
        entityRow({ type: 'carts', id: 'c' }),
        entityRow({ type: 'car', id: 'd' }),
      ],
    });
    const list = async (after: string | undefined, limit: number): Promise<readonly string[]> =>
      (await log.listEntities('cart', after, limit)).map(({ entity }) => entity.id);
    expect(await list(undefined, 100)).toEqual(['B', 'a', 'a-1', 'b', 'ä', '\uff5e', '😀']);
    expect(await list('a-1', 2)).toEqual(['b', 'ä']);
    expect(await list('zzz', 100)).toEqual(['ä', '\uff5e', '😀']);
    expect(await log.listEntities('cart', 'a-1', 1)).toEqual([{ ...entityRow(cart('b')), isParked: false }]);
  });

  test('says in a list which entities have an event that is parked', async () => {
    const { log } = opened();
    const writer = await Writer.of(log);
    const ids = ['pending', 'parked', 'free'];
    const waits = { dot: { actor: 'us~b', seq: 1 }, entity: cart('pending'), state: 'pending' } as const;
    const parked = { dot: { actor: 'us~b', seq: 2 }, entity: cart('parked'), state: 'parked' } as const;
    await writer.write({
      entities: ids.map((id) => entityRow(cart(id))),
      waiting: [
        { ...waits, waitsFor: { actor: 'ap~c', seq: 1 } },
        { ...parked, reason: 'beyond_drift' },
      ],
    });
    const listed = await log.listEntities('cart', undefined, 10);
    expect(listed.filter(({ isParked }) => isParked).map(({ entity }) => entity.id)).toEqual(['parked']);
  });
}
