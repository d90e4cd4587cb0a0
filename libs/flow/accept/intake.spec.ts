import { describe, expect, it } from 'vitest';
import type { AtollError } from '#core/errors.js';
import { ManualClock } from '#kit/memory/manual-clock.js';
import { SimClock } from '#kit/world/sim-clock.js';
import { limitsDefault } from '../limits.js';
import type { Clock } from '../ports/clock.js';
import { EarlyBuffer } from '../receive/early-buffer.js';
import { Intake } from './intake.js';
import { prepareCommand } from './prepared-command.js';
import { shardStateOf } from './shard-state.js';
import { kitHashing } from '#kit/memory/memory-auth.js';
import { nothingSeen } from '#core/causality/version-vector.js';
import type { StoredEvent } from '#core/event/event.js';

const image = {
  fence: { ownerEpoch: 1, batch: 0, lastSeq: 0 },
  hybridFloorMillis: 0,
  cursors: [],
  waiting: [],
  marks: new Map<string, number>(),
  promised: '',
};
const command = (id: string) =>
  prepareCommand(
    {
      entity: { type: 'likes', id },
      kind: 'update',
      operations: [{ field: 'count', op: 'increment', by: 1 }],
    },
    { mutationId: `m${id}`, depends: undefined, dependencies: undefined, asksAcks: false },
    kitHashing,
  );

function stored(seq: number, size: number): StoredEvent {
  const dot = { actor: 'us~1', seq };
  const event = {
    shard: 0,
    dot,
    prev: '',
    entity: { type: 'likes', id: 'a' },
    kind: 'update' as const,
    schemaVersion: 1,
    changes: [],
    context: nothingSeen,
    time: { wallMillis: 0, counter: 0, actor: 'us~1' },
    mutation: { id: 'm', digest: 'd' },
  };
  return { event, bytes: new Uint8Array(size), hash: `h${seq}` };
}

describe('limits', () => {
  it('refuses a command when too many wait, with an error that says it may be retried', async () => {
    const intake = new Intake({ ...limitsDefault, commandQueueMax: 1 }, new SimClock());
    intake.own(shardStateOf(0, image));
    void intake.submit(0, command('a'), 1_000);
    await expect(intake.submit(0, command('b'), 1_000)).rejects.toMatchObject({
      code: 'overloaded',
      retryable: true,
    });
  });

  it('refuses a command when those that wait are too large', async () => {
    const intake = new Intake({ ...limitsDefault, commandQueueBytesMax: command('a').bytes }, new SimClock());
    intake.own(shardStateOf(0, image));
    void intake.submit(0, command('a'), 1_000);
    await expect(intake.submit(0, command('b'), 1_000)).rejects.toMatchObject({ code: 'overloaded' });
  });

  it('refuses a command that would wait much longer than a second, once more comes than is done', async () => {
    const clock = new ManualClock();
    const intake = new Intake({ ...limitsDefault, commandQueueMin: 10, batchItemsMax: 5 }, clock);
    intake.own(shardStateOf(0, image));
    const [lane] = intake.lanes;
    const refused: string[] = [];
    // Twenty commands each 50 ms, of which five are done: a hundred in a second.
    for (let at = 0; at < 100 && lane; at += 1) {
      for (let count = 0; count < 20; count += 1)
        intake.submit(0, command('a'), 100_000).catch(({ code }: AtollError) => refused.push(code));
      intake.gather(lane);
      intake.ended(lane);
      await clock.advance(50);
    }
    expect(new Set(refused)).toEqual(new Set(['overloaded']));
    const standing = intake.depths.commands;
    expect(intake.hasRoom()).toBe(false);
    for (let at = 0; standing > 0 && !intake.hasRoom() && lane; at += 1) {
      intake.gather(lane);
      intake.ended(lane);
      await clock.advance(50);
    }
    expect(intake.depths.commands).toBeLessThan(110);
  });

  it('lets whoever delivers events wait until there is room', async () => {
    const intake = new Intake({ ...limitsDefault, applyQueueBytesMax: 100 }, new SimClock());
    intake.own(shardStateOf(0, image));
    intake.offer(0, stored(1, 101));
    let room = false;
    const waiting = intake.room().then(() => (room = true));
    await Promise.resolve();
    expect(room).toBe(false);
    const [lane] = intake.lanes;
    if (lane) intake.gather(lane);
    await waiting;
    expect(room).toBe(true);
  });

  it('holds early events within a limit, and drops what is beyond it', () => {
    const early = new EarlyBuffer(100);
    expect(early.hold(0, stored(2, 60))).toBe(true);
    expect(early.hold(0, stored(3, 60))).toBe(false);
    expect(early.hold(0, stored(2, 60))).toBe(true);
    expect(early.take(0, 'us~1', 2)?.event.dot.seq).toBe(2);
    expect(early.bytes).toBe(0);
  });
});

describe('lanes', () => {
  function laneOf(intake: Intake, at: number): Intake['lanes'][number] {
    const lane = intake.lanes[at];
    if (!lane) throw new Error(`there is no lane ${at}`);
    return lane;
  }

  function owning(shards: readonly number[], clock: Clock = new SimClock()): Intake {
    const intake = new Intake(limitsDefault, clock);
    for (const shard of shards) intake.own(shardStateOf(shard, image));
    return intake;
  }

  const shardsIn = (work: ReturnType<Intake['gather']>): readonly number[] =>
    work.map(({ owned }) => owned.state.shard);

  function submit(intake: Intake, shard: number, count: number): void {
    for (let at = 0; at < count; at += 1) void intake.submit(shard, command('a'), 1_000);
  }

  it('one batch takes what little waits, whichever lane begins', () => {
    const intake = owning([0, 1]);
    submit(intake, 0, 2);
    submit(intake, 1, 2);
    expect(shardsIn(intake.gather(laneOf(intake, 1)))).toEqual([0, 1]);
    expect(intake.gather(laneOf(intake, 0))).toEqual([]);
  });

  it('what little comes while a batch is under way waits until that is over', async () => {
    const intake = owning([0, 1]);
    submit(intake, 0, 1);
    intake.gather(laneOf(intake, 0));
    submit(intake, 0, 1);
    submit(intake, 1, 1);
    expect(intake.gather(laneOf(intake, 1))).toEqual([]);
    const woken = laneOf(intake, 1).wake.wait();
    intake.ended(laneOf(intake, 0));
    await woken;
    expect(shardsIn(intake.gather(laneOf(intake, 1)))).toEqual([0, 1]);
  });

  it('much that waits is taken by both lanes at once, each from its own shards', () => {
    const intake = owning([0, 1, 2]);
    for (const shard of [0, 1, 2]) submit(intake, shard, 70);
    expect(shardsIn(intake.gather(laneOf(intake, 0)))).toEqual([0, 2]);
    expect(shardsIn(intake.gather(laneOf(intake, 1)))).toEqual([1]);
  });

  it('a batch takes some of every shard, and then of whoever has waited longest', async () => {
    const clock = new ManualClock();
    const intake = new Intake({ ...limitsDefault, batchItemsMax: 80 }, clock);
    for (const shard of [0, 2, 4]) intake.own(shardStateOf(shard, image));
    submit(intake, 2, 100);
    await clock.advance(10);
    submit(intake, 0, 200);
    submit(intake, 4, 3);
    const taken = intake
      .gather(laneOf(intake, 0))
      .map(({ owned, items }) => [owned.state.shard, items.length]);
    expect(taken).toEqual([
      [0, 13],
      [2, 64],
      [4, 3],
    ]);
  });

  it('a batch takes one of every shard, also where there are more shards than it should have items', () => {
    const intake = new Intake({ ...limitsDefault, batchItemsMax: 2 }, new SimClock());
    const even = Array.from({ length: 20 }, (_, at) => at * 2);
    for (const shard of even) intake.own(shardStateOf(shard, image));
    for (const shard of even) submit(intake, shard, 2);
    const taken = intake.gather(laneOf(intake, 0));
    expect(taken.map(({ owned, items }) => [owned.state.shard, items.length])).toEqual(
      even.map((shard) => [shard, 1]),
    );
  });

  /** Whether the lane has done with its rest. */
  function resting(intake: Intake, lane: number, millis: number): () => boolean {
    let isOver = false;
    void intake.rest(laneOf(intake, lane), millis).then(() => (isOver = true));
    return () => isOver;
  }

  it('a lane rests for its time while little comes, and longer for nobody', async () => {
    const clock = new ManualClock();
    const intake = owning([0, 1], clock);
    const isOver = resting(intake, 0, 5);
    submit(intake, 0, 30);
    submit(intake, 1, 30);
    await clock.advance(4.9);
    expect(isOver()).toBe(false);
    await clock.advance(0.1);
    expect(isOver()).toBe(true);
    await intake.rest(laneOf(intake, 0), 0);
  });

  it('a rest is over once much waits, wherever it waits, or when nothing is taken in any more', async () => {
    const clock = new ManualClock();
    const intake = owning([0, 1], clock);
    const first = resting(intake, 0, 5);
    submit(intake, 1, 65);
    await clock.advance(0);
    expect(first()).toBe(true);
    intake.gather(laneOf(intake, 1));
    intake.ended(laneOf(intake, 1));
    const second = resting(intake, 0, 5);
    await clock.advance(1);
    expect(second()).toBe(false);
    intake.close();
    await clock.advance(0);
    expect(second()).toBe(true);
  });

  it('what was dropped or put back is counted once', () => {
    const intake = owning([0, 1, 2]);
    const [lane] = intake.lanes;
    if (!lane) throw new Error('there is a lane');
    const refused = Array.from({ length: 60 }, () => intake.submit(2, command('a'), 1_000));
    for (const one of refused) one.catch(() => undefined);
    intake.replay(2, { type: 'likes', id: 'a' });
    intake.offer(2, stored(1, 10));
    intake.drop(2);
    submit(intake, 0, 32);
    for (const work of intake.gather(lane)) intake.putBack(work);
    intake.ended(lane);
    submit(intake, 1, 32);
    expect(shardsIn(intake.gather(lane))).toEqual([0, 1]);
  });

  it('a batch of all shards keeps every lane from them, however much comes meanwhile', () => {
    const intake = owning([0, 1]);
    submit(intake, 0, 1);
    intake.gather(laneOf(intake, 0));
    submit(intake, 1, 100);
    expect(intake.gather(laneOf(intake, 1))).toEqual([]);
    intake.ended(laneOf(intake, 0));
    expect(shardsIn(intake.gather(laneOf(intake, 1)))).toEqual([1]);
  });
});
