import { describe, expect, it } from 'vitest';
import { scenario } from '#kit/laws/scenario.js';
import type { Json } from '../json.js';
import { addWinsSet } from './add-wins-set.js';
import type { Operation } from './policy.js';
import { removeWinsSet } from './remove-wins-set.js';

const add = (element: Json): Operation => ({ op: 'add', element });
const remove = (element: Json): Operation => ({ op: 'remove', element });

describe('add-wins set', () => {
  it('keeps an add that the remove had not seen, and tells the pair', () => {
    scenario(addWinsSet())
      .write('eu', add('tea'))
      .heal()
      .write('eu', remove('tea'))
      .write('us', add('tea'))
      .heal()
      .thenEverywhere(['tea'])
      .thenConflicts('eu~1:0:2 | us~1:0:1');
  });

  it('removes what the remove had seen', () => {
    scenario(addWinsSet())
      .write('eu', add('tea'))
      .write('us', add('tea'))
      .heal()
      .write('ap', remove('tea'))
      .heal()
      .thenEverywhere([])
      .thenConflicts();
  });

  it('takes the operations of one command in their order', () => {
    scenario(addWinsSet())
      .write('eu', [add('tea'), remove('tea'), remove('milk'), add('milk')])
      .heal()
      .thenEverywhere(['milk']);
  });

  it('takes with a remove what its survivor had seen, though an alias had not', () => {
    scenario(addWinsSet())
      .write('us', add('tea'))
      .send('us', 'eu')
      .write('eu', remove('tea'), { as: 'retried' })
      .write('ap', remove('tea'), { as: 'retried' })
      .heal()
      .thenEverywhere(['tea'])
      .write('ap', remove('tea'))
      .heal()
      .thenEverywhere([]);
  });

  it('sorts its elements by their canonical bytes, and tells 1 from "1"', () => {
    scenario(addWinsSet())
      .write('eu', [add('b'), add(10), add(9), add('1'), add(1), add(true), add('__proto__'), add(-0)])
      .heal()
      .thenEverywhere(['1', '__proto__', 'b', 0, 1, 10, 9, true]);
  });

  it('refuses elements that are no scalars', () => {
    scenario(addWinsSet())
      .write('eu', add(null))
      .thenRefused('invalid_value', '/element')
      .write('eu', add(['tea']))
      .thenRefused('invalid_value', '/element')
      .write('eu', { op: 'add' })
      .thenRefused('invalid_value', '/element')
      .write('eu', { op: 'toggle', element: 'tea' })
      .thenRefused('unknown_operation', '/op');
    expect(addWinsSet().readChange({ add: {} })).toBeUndefined();
    expect(addWinsSet().readChange({ add: 'a', remove: 'a' })).toBeUndefined();
  });
});

describe('remove-wins set', () => {
  it('drops an add that had not seen the remove', () => {
    scenario(removeWinsSet())
      .write('eu', add('tea'))
      .heal()
      .write('eu', remove('tea'))
      .write('us', add('tea'))
      .heal()
      .thenEverywhere([])
      .thenConflicts('eu~1:0:2 | us~1:0:1');
  });

  it('has an element again once one add has seen every remove', () => {
    scenario(removeWinsSet())
      .write('eu', remove('tea'))
      .write('us', remove('tea'))
      .send('eu', 'us')
      .write('us', add('tea'))
      .heal()
      .thenEverywhere(['tea']);
  });

  it('does not add up adds that have each seen one of two removes', () => {
    scenario(removeWinsSet())
      .write('eu', remove('tea'))
      .write('eu', add('tea'))
      .write('us', remove('tea'))
      .write('us', add('tea'))
      .heal()
      .thenEverywhere([]);
  });

  it('keeps what was removed removed, although a delete had seen the remove', () => {
    scenario(removeWinsSet())
      .write('eu', remove('tea'))
      .delete('eu')
      .write('us', [add('tea'), add('milk')])
      .heal()
      .thenEverywhere(['milk']);
  });

  it('takes the operations of one command in their order', () => {
    scenario(removeWinsSet())
      .write('eu', [add('tea'), remove('tea'), remove('milk'), add('milk')])
      .heal()
      .thenEverywhere(['milk']);
  });
});
