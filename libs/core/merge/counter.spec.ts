import { describe, expect, it } from 'vitest';
import { scenario } from '#kit/laws/scenario.js';
import { counter } from './counter.js';
import { growOnlyCounter } from './grow-only-counter.js';
import type { Json } from '../json.js';
import type { Operation } from './policy.js';

const by = (amount: Json): Operation => ({ op: 'increment', by: amount });
const most = Number.MAX_SAFE_INTEGER;

describe('counter', () => {
  it('adds up the increments of all regions', () => {
    scenario(counter())
      .write('eu', by(3))
      .write('us', by(-1))
      .write('us', by(5))
      .heal()
      .thenEverywhere(7)
      .thenConflicts();
  });

  it('counts a command once that was retried in another region', () => {
    scenario(counter())
      .write('eu', by(3), { as: 'retried' })
      .write('us', by(3), { as: 'retried' })
      .write('us', by(1))
      .heal()
      .thenEverywhere(4);
  });

  it('takes with a delete exactly the increments that it had seen', () => {
    scenario(counter())
      .write('eu', by(1))
      .write('eu', by(2))
      .send('eu', 'us')
      .write('eu', by(4))
      .delete('us')
      .heal()
      .thenEverywhere(4);
  });

  it('counts twice what one command adds twice', () => {
    scenario(counter())
      .write('eu', [by(1), by(1)])
      .heal()
      .thenEverywhere(2);
  });

  it('stays exact where regions leave the range together, and reads as its end', () => {
    scenario(counter())
      .write('eu', by(most))
      .write('us', by(most))
      .write('ap', by(-1))
      .heal()
      .thenEverywhere(most)
      .write('ap', by(1))
      .thenRefused('out_of_range', '/by')
      .write('ap', by(-most))
      .heal()
      .thenEverywhere(most - 1)
      .write('ap', by(1))
      .heal()
      .thenEverywhere(most);
  });

  it('refuses what would leave the range here, and what is no integer', () => {
    scenario(counter())
      .write('eu', by(most))
      .write('eu', by(1))
      .thenRefused('out_of_range', '/by')
      .write('eu', by(1.5))
      .thenRefused('invalid_value', '/by')
      .write('eu', by('1'))
      .thenRefused('invalid_value', '/by')
      .write('eu', by(2 ** 53))
      .thenRefused('out_of_range', '/by')
      .write('eu', { op: 'spend', by: 1 })
      .thenRefused('unknown_operation', '/op')
      .thenAt('eu', most);
  });

  it('takes nothing from a peer that it would not take from a client', () => {
    expect(counter().readChange({ by: -2 })).toEqual({ by: -2 });
    const wrong: readonly Json[] = [
      { by: 0.5 },
      { by: 2 ** 53 },
      { by: '1' },
      {},
      { by: 1, also: 2 },
      1,
      null,
      [1],
    ];
    for (const json of wrong) {
      expect(counter().readChange(json)).toBeUndefined();
    }
  });
});

describe('grow-only counter', () => {
  it('refuses to shrink, also when a peer asks', () => {
    scenario(growOnlyCounter())
      .write('eu', by(3))
      .write('eu', by(-1))
      .thenRefused('invalid_value', '/by')
      .heal()
      .thenEverywhere(3);
    expect(growOnlyCounter().readChange({ by: -1 })).toBeUndefined();
    expect(growOnlyCounter().readChange({ by: 0 })).toEqual({ by: 0 });
  });
});
