import { describe, expect, it } from 'vitest';
import { SimClock } from '#kit/world/sim-clock.js';
import { limitsDefault } from '../limits.js';
import { EarlyBuffer } from '../receive/early-buffer.js';
import { EntityCache } from './entity-cache.js';
import { Intake } from './intake.js';
import { prepareCommand } from './prepared-command.js';
import { shardStateOf } from './shard-state.js';
import { kitHashing } from '#kit/memory/memory-auth.js';
import { untouchedEntity } from '#core/merge/entity-state.js';
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

  it('forgets the entities that were not asked for the longest', () => {
    const cache = new EntityCache(100);
    const entity = (id: string) => ({
      entity: { type: 'likes', id },
      state: untouchedEntity,
      tailAbove: nothingSeen,
      tail: [],
      bytes: 40,
    });
    cache.set('a', entity('a'));
    cache.set('b', entity('b'));
    expect(cache.get('a')).toBeDefined();
    cache.set('c', entity('c'));
    expect(cache.get('b')).toBeUndefined();
    expect(cache.get('a')).toBeDefined();
    expect(cache.bytes).toBe(80);
  });
});
