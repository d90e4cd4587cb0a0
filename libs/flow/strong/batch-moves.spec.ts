import { describe, expect, it } from 'vitest';
import type { Dot } from '#core/causality/dot.js';
import type { Event } from '#core/event/event.js';
import { lawType } from '#kit/laws/make-event.js';
import { counter } from '#core/merge/policies.js';
import { noMoves, withRecord, type TypeMoves } from '#core/strong/type-moves.js';
import { writeTypeRecord } from '#core/strong/type-record.js';
import { storeOpening } from '#core/strong/promises.js';
import { BatchWaiting } from '../accept/batch-waiting.js';
import type { ShardState } from '../accept/shard-state.js';
import { WaitingIndex } from '../accept/waiting-index.js';
import { BatchMoves } from './batch-moves.js';
import type { BatchStrong } from './batch-strong.js';
import { StrongShard } from './strong-shard.js';

const type = lawType({ likes: counter() });
const entity = { type: type.name, id: '1' };
const upTo = new Map([['us~1', 5]]);
const epoch = { membership: 1, counter: 1 };
const at = { epoch, seq: 9 };
const opened = withRecord(noMoves, { kind: 'opened', type: type.name, phase: 0, at, upTo });
const loosened = withRecord(opened, { kind: 'loosened', type: type.name, phase: 1, at, upTo });

/** A batch of a shard that stores so much of us, and of which these dots wait. */
function batchOn(moves: TypeMoves, stored: number, waits: readonly Dot[] = []): BatchMoves {
  const strong = new StrongShard();
  strong.moves = moves;
  const waiting = new WaitingIndex();
  for (const dot of waits) waiting.add({ dot, entity, state: 'pending' });
  return new BatchMoves({ shard: 0, strong } as ShardState, {
    ownActor: 'ap~1',
    strong: {} as BatchStrong,
    waiting: new BatchWaiting(waiting),
    cursor: () => ({ stored, hash: '', folded: stored }),
    mint: (event) => event as Event,
  });
}

describe('a change of a type that was moved', () => {
  it('is decided once all is here that the move was decided on', () => {
    expect(batchOn(loosened, 4).whyNot(type, entity, 'eventual')?.code).toBe('type_moving');
    expect(batchOn(loosened, 5).whyNot(type, entity, 'eventual')).toBeUndefined();
    expect(batchOn(opened, 4).whyNot(type, entity, 'strong')?.code).toBe('type_moving');
    expect(batchOn(opened, 5).whyNot(type, entity, 'strong')).toBeUndefined();
  });

  it('waits for what of its entity is from before the move and pending, and for nothing later', () => {
    const before = batchOn(loosened, 5, [{ actor: 'us~1', seq: 5 }]);
    expect(before.whyNot(type, entity, 'eventual')?.code).toBe('not_covered_yet');
    const later = batchOn(loosened, 6, [{ actor: 'us~1', seq: 6 }]);
    expect(later.whyNot(type, entity, 'eventual')).toBeUndefined();
  });

  it('is decided only as the type is written by now', () => {
    expect(batchOn(loosened, 5).whyNot(type, entity, 'strong')?.code).toBe('type_moving');
    expect(batchOn(opened, 5).whyNot(type, entity, 'eventual')?.code).toBe('type_moving');
  });
});

describe('the moves of a shard that is taken over', () => {
  const opening = { epoch, home: 'us~1', seq: 1, previous: { membership: 0, counter: 0 }, close: 0 };
  const next = { epoch: { membership: 1, counter: 2 }, home: 'eu~1', seq: 1, previous: epoch, close: 3 };
  const closing = (seq: number): Event =>
    ({
      ...writeTypeRecord({ kind: 'closing', type: type.name, phase: 0 }, 0, '1'),
      dot: { actor: 'us~1', seq },
      shard: 0,
      epoch: '1.1',
    }) as Event;
  const found = (seq: number, waits: readonly Dot[] = []): boolean => {
    const strong = new StrongShard();
    strong.restore(
      '',
      [],
      waits.map((dot) => ({ dot, entity })),
    );
    strong.record = storeOpening(storeOpening(strong.record, opening), next);
    strong.restoreMoves([closing(seq)]);
    return batchOn(strong.moves, 9).modeOf(type).isClosing;
  };

  it('are those that were decided: not what waits for that, nor what a new home left out', () => {
    expect(found(3)).toBe(true);
    expect(found(3, [{ actor: 'us~1', seq: 3 }])).toBe(false);
    expect(found(4)).toBe(false);
  });

  it('are closings of regions too, whatever is decided', () => {
    const strong = new StrongShard();
    const written = writeTypeRecord({ kind: 'closed', type: type.name, phase: 0 }, 0, '1');
    strong.restoreMoves([{ ...written, dot: { actor: 'eu~1', seq: 7 }, shard: 0 } as Event]);
    expect(batchOn(strong.moves, 9).modeOf(type).closed.get('eu~1')).toBe(7);
  });
});
