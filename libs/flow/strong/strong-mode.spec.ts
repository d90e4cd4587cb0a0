import { expect, it } from 'vitest';
import { counter } from '#core/merge/policies.js';
import { noMoves, withRecord, type TypeMoves } from '#core/strong/type-moves.js';
import { lawType } from '#kit/laws/make-event.js';
import type { ShardState } from '../accept/shard-state.js';
import { whyNotStrong } from './strong-mode.js';

const type = lawType({ likes: counter() });
const closing = withRecord(noMoves, { kind: 'closing', type: type.name, phase: 0 });
const at = { epoch: { membership: 1, counter: 1 }, seq: 9 };
const upTo = new Map([['us~1', 5]]);
const opened = withRecord(closing, { kind: 'opened', type: type.name, phase: 0, at, upTo });

function why(moves: TypeMoves, stored: number, isHome = true): string | undefined {
  const cursors = new Map([['us~1', { stored, hash: '', folded: stored }]]);
  return whyNotStrong({ cursors, strong: { moves } } as unknown as ShardState, type, { isHome })?.code;
}

it('a home reads strongly once it stores all that the type was opened on, also one that was not the home then', () => {
  expect(why(opened, 4)).toBe('type_moving');
  expect(why(opened, 5)).toBeUndefined();
  expect(why(opened, 4, false)).toBeUndefined();
});

it('a type that nobody has begun to close is known not to be strong, one that is closing may be in a moment', () => {
  expect(why(noMoves, 9)).toBe('level_not_available');
  expect(why(closing, 9)).toBe('type_moving');
});
