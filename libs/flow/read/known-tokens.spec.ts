import { expect, it } from 'vitest';
import { vectorOf } from '#kit/laws/make-event.js';
import type { SessionCursors } from '#core/consistency/session-token.js';
import { KnownTokens } from './known-tokens.js';

const session: SessionCursors = new Map([[3, vectorOf('eu:7')]]);
const token = (at: number): string => `token-${at}`.padEnd(100, '.');
/** What one of them counts for: its text, and one cursor in one shard. */
const bytesEach = 200 + 2 * 100 + 150 + 60;

it('are remembered with what they stand for', () => {
  const known = new KnownTokens(1_000_000);
  known.add(token(1), session);
  expect(known.get(token(1))).toBe(session);
  expect(known.get(token(2))).toBeUndefined();
});

it('never take more than the limit, however many there are', () => {
  const known = new KnownTokens(10 * bytesEach);
  for (let at = 0; at < 1_000; at += 1) {
    known.add(token(at), session);
    expect(known.bytes).toBeLessThanOrEqual(10 * bytesEach);
    expect(known.get(token(at))).toBe(session);
  }
  expect(known.get(token(0))).toBeUndefined();
});

it('stay known while they are asked for', () => {
  const known = new KnownTokens(10 * bytesEach);
  known.add(token(0), session);
  for (let at = 1; at < 1_000; at += 1) {
    known.add(token(at), session);
    expect(known.get(token(0))).toBe(session);
  }
});

it('that are too large for the limit are not remembered, and push out nobody', () => {
  const known = new KnownTokens(10 * bytesEach);
  known.add(token(1), session);
  known.add('x'.repeat(10 * bytesEach), session);
  expect(known.get('x'.repeat(10 * bytesEach))).toBeUndefined();
  expect(known.get(token(1))).toBe(session);
  expect(known.bytes).toBe(bytesEach);
});

it('count once, however often they are added', () => {
  const known = new KnownTokens(10 * bytesEach);
  for (let again = 0; again < 100; again += 1) known.add(token(1), session);
  expect(known.bytes).toBe(bytesEach);
});
