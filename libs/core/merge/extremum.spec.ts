import { describe, expect, it } from 'vitest';
import { scenario } from '#kit/laws/scenario.js';
import type { Json } from '../json.js';
import { maxRegister } from './max-register.js';
import { minRegister } from './min-register.js';
import type { Operation } from './policy.js';

const raise = (value: Json): Operation => ({ op: 'raise', value });
const lower = (value: Json): Operation => ({ op: 'lower', value });

describe('max register', () => {
  it('keeps the greatest, whoever wrote last', () => {
    scenario(maxRegister())
      .write('eu', raise(3))
      .write('us', raise(7))
      .write('us', raise(5))
      .heal()
      .thenEverywhere(7);
  });

  it('falls back to what a delete had not seen', () => {
    scenario(maxRegister())
      .write('eu', raise(9))
      .write('eu', raise(2))
      .send('eu', 'us')
      .write('eu', raise(1.5))
      .delete('us')
      .heal()
      .thenEverywhere(1.5);
  });

  it('refuses what is no number, and integers that JSON cannot carry', () => {
    scenario(maxRegister())
      .write('eu', raise('7'))
      .thenRefused('invalid_value', '/value')
      .write('eu', raise(2 ** 53))
      .thenRefused('out_of_range', '/value')
      .write('eu', lower(1))
      .thenRefused('unknown_operation', '/op');
    expect(maxRegister().value(maxRegister().initial())).toBeNull();
    expect(maxRegister().readChange({ value: 2 ** 53 })).toBeUndefined();
  });
});

describe('min register', () => {
  it('keeps the least', () => {
    scenario(minRegister())
      .write('eu', lower(3))
      .write('us', lower(-7))
      .write('us', lower(5))
      .heal()
      .thenEverywhere(-7);
  });
});
