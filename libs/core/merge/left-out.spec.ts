import { describe, expect, it } from 'vitest';
import type { Dot } from '../causality/dot.js';
import { isLeftOut } from './left-out.js';

const us = 'us~1';
const reclaimOfUs = { of: us, dot: { actor: 'eu~1', seq: 5 } };

/** An event of an actor that had seen these others, and what came before it of its own. */
const event = (dot: Dot, ...seen: readonly Dot[]) => ({
  dot,
  covers: ({ actor, seq }: Dot) =>
    [{ ...dot, seq: dot.seq - 1 }, ...seen].some((one) => one.actor === actor && seq <= one.seq),
});

describe('an event that comes after its rights were reclaimed', () => {
  it('does not count where its region had not seen the reclaim, whatever else it had seen', () => {
    expect(isLeftOut([reclaimOfUs], event({ actor: us, seq: 9 }))).toBe(true);
    expect(isLeftOut([reclaimOfUs], event({ actor: us, seq: 9 }, { actor: 'eu~1', seq: 4 }))).toBe(true);
    expect(isLeftOut([reclaimOfUs], event({ actor: us, seq: 9 }, { actor: 'ap~1', seq: 50 }))).toBe(true);
  });

  it('counts once its region has seen the reclaim', () => {
    expect(isLeftOut([reclaimOfUs], event({ actor: us, seq: 9 }, { actor: 'eu~1', seq: 5 }))).toBe(false);
  });

  it('counts where it is of another region, the heir too', () => {
    expect(isLeftOut([reclaimOfUs], event({ actor: 'ap~1', seq: 9 }))).toBe(false);
    expect(isLeftOut([reclaimOfUs], event({ actor: 'eu~1', seq: 9 }))).toBe(false);
  });
});
