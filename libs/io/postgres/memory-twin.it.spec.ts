import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Dot } from '#core/causality/dot.js';
import { CommitRefused, type EventLog, type Fence, type ShardCommit } from '#flow/ports/event-log.js';
import {
  cart,
  conflictRow,
  cursorRow,
  entityRow,
  longLeaseMillis,
  mutationRow,
  part,
  plainEvent,
  processA,
  processB,
  storedEvent,
} from '#kit/contracts/event-log/fixtures.js';
import { MemoryDatabase } from '#kit/memory/memory-database.js';
import { MemoryEventLog } from '#kit/memory/memory-event-log.js';
import { ScratchDatabase } from '../../../test/integration/scratch-database.js';
import { openPostgresEventLog } from './postgres-event-log.js';

const shards = 2;
const runs = 40;

let database: ScratchDatabase;

beforeAll(async () => {
  database = await ScratchDatabase.create();
});
afterAll(() => database?.drop());

/** One call, and what of its answer two logs must agree on. */
type Step = (log: EventLog, fences: ReadonlyMap<number, Fence>) => Promise<unknown>;

const shard = fc.integer({ min: 0, max: shards - 1 });
const processes = fc.constantFrom(processA, processB);
const ownerEpoch = fc.integer({ min: 0, max: 4 });
const dot = fc.record({
  actor: fc.constantFrom('eu~a', 'us~b', 'us~B'),
  seq: fc.integer({ min: 1, max: 12 }),
});
const entity = fc.constantFrom(cart('1'), cart('ä'), cart('😀'), { type: 'profile', id: '1' });
const conflictId = fc.constantFrom('x', 'y', 'z');
const key = (given: Dot): string => `${given.actor}:${given.seq}`;

const ownership: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(shard, processes).map(([of, by]): Step => async (log) => {
    const outcome = await log.takeOver(of, by, longLeaseMillis);
    return outcome.kind === 'taken' ? outcome : { by: outcome.by.owner, epoch: outcome.by.ownerEpoch };
  }),
  fc.tuple(shard, ownerEpoch).map(
    ([of, epoch]): Step =>
      (log) =>
        log.reclaim(of, epoch),
  ),
  fc.tuple(shard, ownerEpoch).map(
    ([of, epoch]): Step =>
      (log) =>
        log.release([{ shard: of, ownerEpoch: epoch }]),
  ),
  fc
    .tuple(fc.uniqueArray(fc.record({ shard, ownerEpoch }), { selector: (given) => given.shard }), processes)
    .map(([mine, by]): Step => async (log) => [
      await log.renew(by, mine, longLeaseMillis),
      await log.stillOwned(mine),
    ]),
);

/** Rows that keep the rules of a batch, from a domain so small that keys meet often. */
const rows = fc
  .record({
    of: shard,
    wrong: fc.constantFrom<Partial<Fence>>({}, {}, {}, {}, { batch: 99 }, { ownerEpoch: 0 }, { lastSeq: 98 }),
    minted: fc.integer({ min: 0, max: 3 }),
    floor: fc.integer({ min: 0, max: 1_000 }),
    events: fc.uniqueArray(fc.record({ dot, entity }), { maxLength: 4, selector: (given) => key(given.dot) }),
    entities: fc.uniqueArray(fc.record({ entity, text: fc.string(), gone: fc.boolean() }), {
      maxLength: 3,
      selector: (given) => `${given.entity.type}/${given.entity.id}`,
    }),
    cursors: fc.uniqueArray(dot, { maxLength: 2, selector: (given) => given.actor }),
    mutations: fc.array(
      fc.record({ id: fc.constantFrom('m1', 'm2', 'm3'), dot, groupIndex: fc.nat(1), born: fc.nat(9) }),
      {
        maxLength: 2,
      },
    ),
    waits: fc.uniqueArray(
      fc.record({
        dot,
        entity,
        waitsFor: fc.option(dot),
        waitsIn: fc.option(fc.nat(2), { nil: undefined }),
        settled: fc.boolean(),
      }),
      {
        maxLength: 4,
        selector: (given) => key(given.dot),
      },
    ),
    conflicts: fc.uniqueArray(
      fc.record({ id: conflictId, by: fc.option(dot), withdrawn: fc.boolean(), at: fc.nat(9) }),
      {
        maxLength: 2,
        selector: (given) => given.id,
      },
    ),
    resolved: fc.array(fc.record({ id: conflictId, by: dot }), { maxLength: 2 }),
  })
  .map((given) => (fences: ReadonlyMap<number, Fence>): ShardCommit => {
    const fence = { ...fences.get(given.of)!, ...given.wrong };
    // Everything that names an entity or a conflict belongs to one shard for ever.
    const home = given.of;
    const suffix = `@${home}`;
    const here = (ref: { type: string; id: string }): { type: string; id: string } => ({
      ...ref,
      id: ref.id + suffix,
    });
    return part(fence, {
      shard: home,
      lastSeq: fence.lastSeq + given.minted,
      hybridFloorMillis: given.floor,
      events: given.events.map((event) =>
        storedEvent({ dot: event.dot, entity: here(event.entity), shard: home }),
      ),
      entities: given.entities.map(({ entity: ref, text, gone }) => {
        const row = entityRow(here(ref), home, JSON.stringify(text));
        return gone ? { ...row, value: null } : row;
      }),
      cursors: given.cursors.map(({ actor, seq }) => cursorRow(actor, seq, seq - 1)),
      mutations: given.mutations.map(({ id, dot: of, groupIndex, born }) =>
        mutationRow(of, { id: id + suffix, groupIndex, shard: home, bornMillis: born }),
      ),
      waiting: given.waits
        .filter((wait) => !wait.settled)
        .map((wait) => ({
          dot: wait.dot,
          entity: here(wait.entity),
          ...(wait.waitsFor === null
            ? { state: 'parked' as const, reason: 'drift' }
            : {
                state: 'pending' as const,
                waitsFor: wait.waitsFor,
                ...(wait.waitsIn !== undefined && { waitsIn: wait.waitsIn }),
              }),
        })),
      settled: given.waits.filter((wait) => wait.settled).map((wait) => wait.dot),
      conflicts: given.conflicts
        .filter((conflict) => !conflict.withdrawn)
        .map(({ id, by, at }) =>
          conflictRow(id + suffix, { shard: home, resolvedBy: by, detectedMillis: at }),
        ),
      withdrawnConflicts: given.conflicts.filter(({ withdrawn }) => withdrawn).map(({ id }) => id + suffix),
      resolvedConflicts: given.resolved.map(({ id, by }) => ({ id: id + suffix, by })),
    });
  });

const commit: fc.Arbitrary<Step> = fc
  .array(rows, { minLength: 1, maxLength: 2 })
  .map((parts): Step => async (log, fences) => {
    const built = parts.map((build) => build(fences));
    const distinct = [...new Map(built.map((given) => [given.shard, given])).values()];
    try {
      return await log.commit(distinct);
    } catch (error) {
      if (error instanceof CommitRefused) return 'refused';
      throw error;
    }
  });

const drop: fc.Arbitrary<Step> = fc
  .tuple(fc.nat(9), shard, fc.array(dot, { maxLength: 2 }))
  .map(([horizon, of, dots]): Step => async (log) => {
    const stable = new Map([[of, new Map(dots.map(({ actor, seq }) => [actor, seq]))]]);
    return [await log.dropMutations(horizon, stable), await log.mutationHorizonMillis()];
  });

/** Everything that can be read of a small region. */
async function everything(log: EventLog): Promise<unknown> {
  const all = [0, 1];
  const refs = all.flatMap((of) =>
    [cart('1'), cart('ä'), cart('😀'), { type: 'profile', id: '1' }].map((ref) => ({
      of,
      ref: { ...ref, id: `${ref.id}@${of}` },
    })),
  );
  const ids = all.flatMap((of) => ['m1', 'm2', 'm3'].map((id) => `${id}@${of}`));
  const prepared = await log.prepare({ entities: refs.map(({ ref }) => ref), mutations: ids });
  const sorted = (values: readonly unknown[]): readonly string[] =>
    values.map((value) => JSON.stringify(value)).sort();
  return {
    shards: await Promise.all(all.map((of) => log.loadShard(of))),
    owners: (await log.owners()).map(({ owner, address, ownerEpoch: epoch }) => ({ owner, address, epoch })),
    processes: (await log.processes()).map(({ id, address }) => ({ id, address })),
    cursors: await log.cursors(),
    entities: sorted(prepared.entities),
    mutations: sorted(prepared.mutations),
    lists: (await Promise.all(['cart', 'profile'].map((type) => log.listEntities(type, '1@0', 3)))).map(
      (list) => list,
    ),
    streams: await Promise.all(
      ['eu~a', 'us~b', 'us~B'].map(async (actor) =>
        (await log.range({ shard: 0, actor, from: 3, limit: 5, bytesMax: 900 })).map(plainEvent),
      ),
    ),
    events: await Promise.all(
      refs.map(async ({ of, ref }) =>
        (await log.entityEvents(ref, of, new Map([['us~b', 4]]))).map(plainEvent),
      ),
    ),
    history: await Promise.all(
      refs.map(async ({ of, ref }) =>
        (await log.entityHistory(ref, of, { limit: 3, offset: 1 })).map(plainEvent),
      ),
    ),
    waiting: [await log.waiting({ limit: 7 }), await log.waiting({ entity: refs[0]!.ref, limit: 7 })],
    conflicts: [
      await log.conflicts({ limit: 9 }),
      await log.conflicts({ limit: 9, onlyUnresolved: true, after: { detectedMillis: 5, id: 'x' } }),
    ],
  };
}

test('Postgres answers whatever happens as the in-memory twin does', async () => {
  const { url, sql } = database;
  let committed = 0;
  let refused = 0;
  const steps = fc.array(
    fc.oneof(
      { weight: 6, arbitrary: commit },
      { weight: 3, arbitrary: ownership },
      { weight: 1, arbitrary: drop },
    ),
    {
      minLength: 5,
      maxLength: 25,
    },
  );
  const law = fc.asyncProperty(steps, async (given) => {
    const real = await openPostgresEventLog({ url, region: 'eu', shards });
    const { actor } = real.identity;
    const twin = new MemoryEventLog(
      new MemoryDatabase({ region: 'eu', actor, shards, nowMillis: () => performance.now() }),
    );
    try {
      for (const step of given) {
        const fences = new Map<number, Fence>();
        for (let of = 0; of < shards; of += 1) fences.set(of, (await twin.loadShard(of)).fence);
        const [answer, expected] = [await step(real, fences), await step(twin, fences)];
        expect(answer).toEqual(expected);
        if (answer === 'refused') refused += 1;
        else committed += 1;
      }
      expect(await everything(real)).toEqual(await everything(twin));
    } finally {
      await real.close();
      await sql.query('drop schema atoll cascade');
    }
  });
  // A run takes part of a second: shrinking would outlast the test, and the seed repeats the failure.
  await fc.assert(law, { numRuns: runs, endOnFailure: true });
  expect(Math.min(committed, refused)).toBeGreaterThan(0);
});
