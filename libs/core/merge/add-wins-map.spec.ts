import { describe, expect, it } from 'vitest';
import { scenario } from '#kit/laws/scenario.js';
import type { Json } from '../json.js';
import { addWinsMap } from './add-wins-map.js';
import { addWinsSet } from './add-wins-set.js';
import { counter } from './counter.js';
import { lastWriterWins } from './last-writer-wins.js';
import type { Operation } from './policy.js';
import { removeWinsSet } from './remove-wins-set.js';

const at = (key: string, then: Operation): Operation => ({ op: 'at', key, then: then as unknown as Json });
const remove = (key: string): Operation => ({ op: 'remove', key });
const by = (amount: number): Operation => ({ op: 'increment', by: amount });
const add = (element: string): Operation => ({ op: 'add', element });
const drop = (element: string): Operation => ({ op: 'remove', element });

describe('add-wins map of counters', () => {
  it('adds up per key', () => {
    scenario(addWinsMap(counter()))
      .write('eu', at('tea', by(1)))
      .write('us', at('tea', by(2)))
      .write('us', at('milk', by(1)))
      .heal()
      .thenEverywhere({ tea: 3, milk: 1 })
      .thenConflicts();
  });

  it('leaves the quantity that a removal had not seen, and tells the pair', () => {
    scenario(addWinsMap(counter()))
      .write('eu', at('tea', by(5)))
      .heal()
      .write('us', remove('tea'))
      .write('eu', at('tea', by(2)))
      .heal()
      .thenEverywhere({ tea: 2 })
      .thenConflicts('eu~1:0:2 | us~1:0:1');
  });

  it('has no key that a removal had seen all of', () => {
    scenario(addWinsMap(counter()))
      .write('eu', at('tea', by(5)))
      .heal()
      .write('us', remove('tea'))
      .heal()
      .thenEverywhere({})
      .write('eu', at('tea', by(1)))
      .heal()
      .thenEverywhere({ tea: 1 });
  });

  it('takes the operations of one command in their order', () => {
    scenario(addWinsMap(counter()))
      .write('eu', at('tea', by(5)))
      .write('eu', [remove('tea'), at('tea', by(2)), at('milk', by(1)), remove('milk')])
      .heal()
      .thenEverywhere({ tea: 2 });
  });

  it('takes each increment of a retried removal by what its survivor had seen', () => {
    scenario(addWinsMap(counter()))
      .write('us', at('tea', by(1)))
      .send('us', 'ap')
      .write('us', at('tea', by(2)))
      .send('us', 'eu')
      .write('eu', remove('tea'), { as: 'retried' })
      .write('ap', remove('tea'), { as: 'retried' })
      .heal()
      .thenEverywhere({ tea: 2 });
  });

  it('takes what was named like a prototype for a key like any other', () => {
    scenario(addWinsMap(counter()))
      .write('eu', [at('__proto__', by(1)), at('constructor', by(2))])
      .heal()
      .thenEverywhere(JSON.parse('{"__proto__":1,"constructor":2}') as Json);
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });

  it('refuses with the path of the inner operation', () => {
    scenario(addWinsMap(counter()))
      .write('eu', at('tea', { op: 'increment', by: 1.5 }))
      .thenRefused('invalid_value', '/then/by')
      .write('eu', at('tea', { op: 'set', value: 1 }))
      .thenRefused('unknown_operation', '/then/op')
      .write('eu', { op: 'at', key: 'tea', then: 'increment' })
      .thenRefused('invalid_value', '/then')
      .write('eu', { op: 'at', key: 7, then: by(1) as unknown as Json })
      .thenRefused('invalid_value', '/key')
      .write('eu', { op: 'remove', key: 'tea', then: null })
      .thenRefused('invalid_value', '/then')
      .write('eu', { op: 'put', key: 'tea' })
      .thenRefused('unknown_operation', '/op');
  });

  it('takes nothing from a peer that the inner policy would not take', () => {
    const map = addWinsMap(counter());
    expect(map.readChange({ at: 'tea', then: { by: 1 } })).toEqual({
      kind: 'at',
      key: 'tea',
      then: { by: 1 },
    });
    const wrong: readonly Json[] = [
      { at: 'tea', then: { by: 0.5 } },
      { at: 'tea' },
      { remove: 1 },
      { at: 1, then: { by: 1 } },
    ];
    for (const json of wrong) {
      expect(map.readChange(json)).toBeUndefined();
    }
  });
});

describe('add-wins map of other policies', () => {
  it('is in conflict where the values at one key are', () => {
    scenario(addWinsMap(lastWriterWins()))
      .write('eu', at('name', { op: 'set', value: 'a' }))
      .write('us', at('name', { op: 'set', value: 'b' }))
      .write('us', at('other', { op: 'set', value: 'c' }))
      .heal()
      .thenEverywhere({ name: 'b', other: 'c' })
      .thenConflicts('eu~1:0:1 | us~1:0:1');
  });

  it('nests', () => {
    scenario(addWinsMap(addWinsMap(addWinsSet())))
      .write('eu', at('eu', at('tags', add('a'))))
      .write('us', at('eu', at('tags', add('b'))))
      .write('us', at('us', at('tags', add('c'))))
      .heal()
      .thenEverywhere({ eu: { tags: ['a', 'b'] }, us: { tags: ['c'] } })
      .write('eu', at('eu', remove('tags')))
      .write('us', at('eu', at('tags', drop('a'))))
      .heal()
      .thenEverywhere({ eu: { tags: [] }, us: { tags: ['c'] } })
      .write('eu', remove('eu'))
      .heal()
      .thenEverywhere({ us: { tags: ['c'] } });
  });

  it('keeps a key whose only element a concurrent remove took: the removal of the key had not seen the add', () => {
    scenario(addWinsMap(removeWinsSet()))
      .write('eu', at('tags', add('a')))
      .write('us', at('tags', drop('a')))
      .write('us', remove('tags'))
      .heal()
      .thenEverywhere({ tags: [] });
  });

  it('keeps removed within an entry what was removed before the key was', () => {
    scenario(addWinsMap(removeWinsSet()))
      .write('eu', at('tags', drop('a')))
      .write('eu', remove('tags'))
      .write('us', at('tags', add('a')))
      .write('us', at('tags', add('b')))
      .heal()
      .thenEverywhere({ tags: ['b'] });
  });
});
