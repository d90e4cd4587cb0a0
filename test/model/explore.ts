import type { Step, StrongModel } from './strong-model.js';
import type { State } from './strong-state.js';

export interface Explored {
  readonly states: number;
  /** What does not hold, and the steps that lead there. */
  readonly broken?: { readonly sentence: string; readonly trace: readonly string[] };
}

/**
 * Visits every state that can be reached, nearest first, so that a counter-example is a shortest one.
 *
 * Of a visited state only 53 bits of a hash are kept, in a flat table: with ten million states the chance that any two
 * share them is below one in a hundred.
 */
export function explore(model: StrongModel, start: State, statesMax: number): Explored {
  const alike = keyAs(start, asTheyAre) === keyAs(start, swapped);
  const seen = new NumberSet();
  const parents: number[] = [-1];
  const names: string[] = [''];
  seen.add(hashOf(keyOf(start, alike)));
  let layer: { readonly state: State; readonly at: number }[] = [{ state: start, at: 0 }];
  while (layer.length > 0) {
    const next: typeof layer = [];
    for (const { state, at } of layer) {
      for (const step of model.steps(state)) {
        if (step.broken !== undefined)
          return { states: parents.length, broken: { sentence: step.broken, trace: traceTo(at, step) } };
        if (!seen.add(hashOf(keyOf(step.to, alike)))) continue;
        parents.push(at);
        names.push(step.name);
        if (parents.length > statesMax) throw new RangeError(`more than ${statesMax} states`);
        next.push({ state: step.to, at: parents.length - 1 });
      }
    }
    layer = next;
  }
  return { states: parents.length };

  function traceTo(at: number, last: Step): readonly string[] {
    const trace = [last.name];
    for (let index = at; index > 0; index = parents[index] ?? 0) trace.unshift(names[index] ?? '');
    return trace;
  }
}

/** One key for a state and what it becomes when two regions swap their names, where `swap` says they are alike. */
function keyOf(state: State, swap: boolean): string {
  const key = keyAs(state, asTheyAre);
  if (!swap) return key;
  const other = keyAs(state, swapped);
  return other < key ? other : key;
}

const asTheyAre = [0, 1, 2] as const;
/** us is told apart by having been the first home, eu and ap by nothing. */
const swapped = [0, 2, 1] as const;

function keyAs(state: State, order: readonly number[]): string {
  const by = <T>(list: readonly T[]): readonly T[] => order.flatMap((at) => list.slice(at, at + 1));
  const streams = by(state.streams).map((stream) =>
    stream
      .map((entry) => {
        if (entry.kind === 'eventual') return 'e';
        if (entry.kind === 'write') return `w${entry.epoch}${entry.id}`;
        const { epoch, previous, close } = entry.opening;
        return `o${epoch.counter}${previous.counter}${close}`;
      })
      .join(''),
  );
  const standing = by(state.standing).map((one) =>
    one
      ? `${one.epoch}${by(one.promises)
          .map((given) => (given ? `${given.epoch.counter}:${given.seq}` : '-'))
          .join('')}`
      : '',
  );
  const { read } = state;
  const reading = typeof read === 'object' ? `${order[read.at]}${read.epoch}${read.must}` : read;
  return [
    streams.join('/'),
    by(state.stored)
      .map((row) => by(row).join(''))
      .join(''),
    by(state.promised).join(''),
    standing.join('/'),
    by(state.acks)
      .map((row) => row.join(''))
      .join(''),
    state.decided.join(''),
    state.log.join(''),
    state.acknowledged,
    reading,
  ].join('|');
}

/**
 * 53 bits: two runs of a 32-bit multiplicative hash with different constants.
 *
 * Source: cyrb53 by bryc, public domain.
 */
function hashOf(key: string): number {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let index = 0; index < key.length; index += 1) {
    const unit = key.charCodeAt(index);
    high = Math.imul(high ^ unit, 2654435761);
    low = Math.imul(low ^ unit, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return 4294967296 * (2097151 & low) + (high >>> 0);
}

/** A set of positive whole numbers in one flat array: a fraction of what a `Set` takes. */
class NumberSet {
  private slots = new Float64Array(2 ** 16);
  private count = 0;

  /** Whether it was not there before. */
  add(value: number): boolean {
    if (this.count * 2 > this.slots.length) this.grow();
    const slot = this.slotOf(value + 1);
    if (this.slots[slot] !== 0) return false;
    this.slots[slot] = value + 1;
    this.count += 1;
    return true;
  }

  private slotOf(stored: number): number {
    const mask = this.slots.length - 1;
    let slot = stored % this.slots.length;
    while (this.slots[slot] !== 0 && this.slots[slot] !== stored) slot = (slot + 1) & mask;
    return slot;
  }

  private grow(): void {
    const old = this.slots;
    this.slots = new Float64Array(old.length * 2);
    for (const stored of old) if (stored !== 0) this.slots[this.slotOf(stored)] = stored;
  }
}
