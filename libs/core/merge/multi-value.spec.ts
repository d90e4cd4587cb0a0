import { describe, it } from 'vitest';
import { scenario } from '#kit/laws/scenario.js';
import type { Json } from '../json.js';
import { multiValue } from './multi-value.js';
import type { Operation } from './policy.js';

const set = (value: Json): Operation => ({ op: 'set', value });

describe('multi-value', () => {
  it('keeps concurrent values side by side, in canonical order', () => {
    scenario(multiValue())
      .write('us', set('blue'))
      .write('eu', set('red'))
      .write('ap', set('amber'))
      .heal()
      .thenEverywhere({ siblings: ['amber', 'blue', 'red'] });
  });

  it('reads as one value where all siblings are equal', () => {
    scenario(multiValue())
      .write('us', set({ a: 1, b: 2 }))
      .write('eu', set({ b: 2, a: 1 }))
      .heal()
      .thenEverywhere({ a: 1, b: 2 })
      .write('us', set('next'))
      .thenAt('us', 'next');
  });

  it('refuses a write that does not say what was read, while there are siblings', () => {
    scenario(multiValue())
      .write('us', set('blue'))
      .write('eu', set('red'))
      .heal()
      .write('ap', set('one'))
      .thenRefused('observed_required', '')
      .write('ap', set('one'), { observed: 'all' })
      .heal()
      .thenEverywhere('one');
  });

  it('replaces only what was observed, and tells what was not', () => {
    scenario(multiValue())
      .write('eu', set('red'))
      .write('eu', set('blue'), { observed: 'nothing' })
      .heal()
      .thenEverywhere({ siblings: ['blue', 'red'] })
      .thenConflicts('eu~1:0:1 | eu~1:0:2');
  });

  it('leaves the siblings that a delete had not seen', () => {
    scenario(multiValue())
      .write('eu', set('red'))
      .write('us', set('blue'))
      .write('ap', set('amber'))
      .send('eu', 'us')
      .delete('us')
      .heal()
      .thenEverywhere('amber');
  });
});
