import { describe, expect, it } from 'vitest';
import { scenario } from '#kit/laws/scenario.js';
import { flag } from './flag.js';
import type { Operation } from './policy.js';

const enable: Operation = { op: 'enable' };
const disable: Operation = { op: 'disable' };

describe('flag', () => {
  it('is off until it is enabled, and then follows those who know', () => {
    scenario(flag({ concurrent: 'enable-wins' }))
      .write('us', disable)
      .heal()
      .thenEverywhere(false)
      .write('eu', enable)
      .heal()
      .thenEverywhere(true)
      .write('us', disable)
      .heal()
      .thenEverywhere(false)
      .thenConflicts();
  });

  it.each([
    ['enable-wins', true],
    ['disable-wins', false],
  ] as const)('lets %s between concurrent ones, and tells the pair', (concurrent, on) => {
    scenario(flag({ concurrent }))
      .write('eu', enable)
      .heal()
      .write('eu', disable)
      .write('us', enable)
      .heal()
      .thenEverywhere(on)
      .thenConflicts('eu~1:0:2 | us~1:0:1');
  });

  it('keeps disabled what a deleted disable had not heard of, where disables win', () => {
    scenario(flag({ concurrent: 'disable-wins' }))
      .write('eu', disable)
      .delete('eu')
      .write('us', enable)
      .heal()
      .thenEverywhere(false);
  });

  it('takes no arguments', () => {
    scenario(flag({ concurrent: 'enable-wins' }))
      .write('eu', { op: 'enable', value: true })
      .thenRefused('invalid_value', '/value')
      .write('eu', { op: 'set' })
      .thenRefused('unknown_operation', '/op');
    expect(flag({ concurrent: 'enable-wins' }).readChange('toggle')).toBeUndefined();
  });
});
