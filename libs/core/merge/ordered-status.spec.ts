import { describe, expect, it } from 'vitest';
import { InvariantViolation } from '../assert.js';
import { scenario } from '#kit/laws/scenario.js';
import { orderedStatus } from './ordered-status.js';
import type { Operation } from './policy.js';

const order = orderedStatus(['created', 'authorised', 'captured']);
const advance = (to: string): Operation => ({ op: 'advance', to });

describe('ordered status', () => {
  it('reads as the first status before the first advance', () => {
    expect(order.value(order.initial())).toBe('created');
  });

  it('is the furthest that any region advanced to', () => {
    scenario(order)
      .write('eu', advance('captured'))
      .write('us', advance('authorised'))
      .heal()
      .thenEverywhere('captured')
      .thenConflicts();
  });

  it('accepts an earlier status and changes nothing', () => {
    scenario(order)
      .write('eu', advance('captured'))
      .write('eu', advance('created'))
      .heal()
      .thenEverywhere('captured');
  });

  it('falls back to what a delete had not seen', () => {
    scenario(order)
      .write('eu', advance('captured'))
      .write('us', advance('authorised'))
      .delete('eu')
      .heal()
      .thenEverywhere('authorised');
  });

  it('refuses a status that was not declared, also from a peer', () => {
    scenario(order).write('eu', advance('refunded')).thenRefused('invalid_value', '/to');
    expect(order.isValid?.({ to: 'refunded' })).toBe(false);
    expect(order.isValid?.({ to: '__proto__' })).toBe(false);
  });

  it('must declare each status once, and at least one', () => {
    expect(() => orderedStatus([])).toThrow(InvariantViolation);
    expect(() => orderedStatus(['a', 'a'])).toThrow(InvariantViolation);
  });
});
