import { describe, expect, it } from 'vitest';
import { tellHistory, type TellHistory } from '../../../../test/histories/told-history.js';
import { checkPlace, judgeLinearizability } from './linearizability.js';
import { placeHistories } from './single-place.js';

const broken = ({ operations }: TellHistory): number => judgeLinearizability(operations).length;
const swap = (told: TellHistory, expected: string | null, value: string, done: boolean, more: object = {}) =>
  told.tell(
    { kind: 'cas', input: { expected, value }, output: done },
    { ...(done ? {} : { outcome: 'fail', error: 'precondition_failed' }), ...more },
  );

describe('a register', () => {
  it('may show a write that is under way, and then no older one', () => {
    const told = tellHistory();
    told.write('one', { during: [1, 2] });
    told.write('two', { during: [3, 9] });
    told.read('one', { during: [4, 5] });
    told.read('two', { during: [6, 7] });
    expect(broken(told)).toBe(0);
    told.read('one', { during: [8, 10] });
    expect(broken(told)).toBe(1);
  });

  it('shows a completed write to everybody who asks later', () => {
    const told = tellHistory();
    told.write('one');
    told.read(null);
    expect(broken(told)).toBe(1);
  });

  it('may take a write of unknown outcome late, once, or never', () => {
    const told = tellHistory();
    told.write('zero', { during: [0, 1] });
    told.write('one', { during: [2, null] });
    told.read('zero', { during: [3, 4] });
    expect(broken(told)).toBe(0);
    told.read('one', { during: [5, 6] });
    expect(broken(told)).toBe(0);
    told.read('zero', { during: [7, 8] });
    expect(broken(told)).toBe(1);
  });

  it('lets one of two compare-and-sets win, and tells the other no', () => {
    const told = tellHistory();
    swap(told, null, 'a', true, { during: [1, 4] });
    swap(told, null, 'b', false, { during: [2, 3] });
    told.read('a');
    expect(broken(told)).toBe(0);
  });

  it('is not linearizable when both win', () => {
    const told = tellHistory();
    swap(told, null, 'a', true, { during: [1, 4] });
    swap(told, null, 'b', true, { during: [2, 3] });
    expect(broken(told)).toBe(1);
  });

  it('is not linearizable when a compare-and-set is denied although its condition holds', () => {
    const told = tellHistory();
    told.write('a');
    swap(told, 'a', 'b', false);
    expect(broken(told)).toBe(1);
  });

  it('touches at the ends: intervals are closed', () => {
    const told = tellHistory();
    told.write('one', { during: [1, 5] });
    told.read(null, { during: [5, 6] });
    expect(broken(told)).toBe(0);
  });

  it('is judged place by place', () => {
    const told = tellHistory();
    told.write('one', { id: '1' });
    told.write('two', { id: '2' });
    told.read(null, { id: '1' });
    told.read('two', { id: '2' });
    expect(judgeLinearizability(told.operations).map(({ what }) => what)).toEqual([
      'x/1 f: 2 operations, 0 of them unknown: not linearizable',
    ]);
  });
});

describe('a set and a counter', () => {
  it('of one order are linearizable', () => {
    const told = tellHistory();
    told.tell({ kind: 'add', input: 'tea', output: null }, { during: [1, 5] });
    told.tell({ kind: 'add', input: 'milk', output: null }, { during: [2, 3] });
    told.read(['milk'], { during: [3, 4] });
    told.read(['milk', 'tea'], { during: [4, 6] });
    told.tell({ kind: 'remove', input: 'milk', output: null });
    told.read(['tea']);
    const count = { field: 'n' };
    told.tell({ kind: 'increment', input: 3, output: null }, count);
    told.tell({ kind: 'increment', input: -1, output: null }, count);
    told.read('2', count);
    expect(broken(told)).toBe(0);
  });

  it('that lose an element or a count are not', () => {
    const told = tellHistory();
    told.tell({ kind: 'add', input: 'tea', output: null });
    told.read([]);
    const count = { field: 'n' };
    told.tell({ kind: 'increment', input: 3, output: null }, count);
    told.read('0', count);
    expect(broken(told)).toBe(2);
  });
});

describe('the search', () => {
  it('gives up where it is told to', () => {
    const told = tellHistory();
    for (let count = 0; count < 12; count += 1) told.write(`w${count}`, { during: [1, 50] });
    told.read(null, { during: [60, 61] });
    const [history] = placeHistories(told.operations);
    expect(history && checkPlace(history, 1_000)).toBe('too hard');
  });

  it('agrees with a look at every order, on small histories at random', () => {
    let state = 11;
    const random = (below: number): number => (state = (state * 48_271) % 2_147_483_647) % below;
    const verdicts = new Set<string>();
    for (let round = 0; round < 400; round += 1) {
      const told = tellHistory();
      const values: (string | null)[] = [null];
      for (let at = 0; at < 6; at += 1) {
        const from = random(12);
        const during: [number, number | null] = [from, random(8) === 0 ? null : from + 1 + random(6)];
        if (random(2) === 0) {
          values.push(`v${at}`);
          told.write(`v${at}`, { during });
        } else told.read(values[random(values.length)] ?? null, { during: [from, from + 1 + random(6)] });
      }
      for (const history of placeHistories(told.operations)) {
        const verdict = checkPlace(history);
        verdicts.add(verdict);
        expect(verdict === 'linearizable').toBe(someOrderFits(history.operations));
      }
    }
    expect(verdicts.size).toBe(2);
  });
});

type Operations = ReturnType<typeof placeHistories>[number]['operations'];

/** Tries every order that respects time; operations of unknown outcome may be left out. */
function someOrderFits(operations: Operations, value: unknown = null): boolean {
  if (operations.every(({ unknown }) => unknown)) return true;
  return operations.some((one) => {
    const rest = operations.filter((other) => other !== one);
    if (rest.some(({ completed }) => completed !== undefined && completed < one.invoked)) return false;
    if (one.kind === 'read') return one.output === value && someOrderFits(rest, value);
    return someOrderFits(rest, one.input);
  });
}
